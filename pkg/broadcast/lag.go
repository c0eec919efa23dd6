package broadcast

import (
	"context"
	"log/slog"
	"time"

	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// lag measures how late members are served.
type lag struct {
	oldest time.Duration // greatest age of a message when a member accepted it or was given up
	behind int64         // members given up for being too slow
}

// note records that a member is done with messages, the oldest of which was
// published at the given time.
func (c *courier) note(published time.Time) {
	if published.IsZero() {
		return
	}
	age := c.clock.Now().Sub(published)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lag.oldest = max(c.lag.oldest, age)
}

// reportLag writes metrics of the deliveries that were late after the last
// report. A drain in time writes nothing.
func (c *courier) reportLag(ctx context.Context) {
	c.mu.Lock()
	lately := c.lag
	c.lag = lag{}
	c.mu.Unlock()
	var values []telemetry.Value
	if lately.oldest >= c.config.LateAfter {
		values = append(values, telemetry.Value{Metric: telemetry.DrainLag, Value: lately.oldest.Milliseconds()})
	}
	if lately.behind > 0 {
		values = append(values, telemetry.Value{Metric: telemetry.MembersBehind, Value: lately.behind})
	}
	if len(values) > 0 {
		c.metrics.Put(ctx, values, slog.String("room", c.room))
	}
}
