package broadcast

import (
	"context"
	"log/slog"
	"time"

	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// lateness is how late members are served.
type lateness struct {
	lag    time.Duration // how old a message was when its member was dealt with, at most
	behind int64         // members given up for being too slow
}

// note remembers that a member has been dealt with just now for messages of
// which the oldest was published at the given time.
func (c *courier) note(published time.Time) {
	if published.IsZero() {
		return
	}
	lag := c.Clock.Now().Sub(published)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late.lag = max(c.late.lag, lag)
}

// tellLateness writes the metrics of what has been late since it was last
// asked to, if anything was: a drain that is in time costs no line.
func (c *courier) tellLateness(ctx context.Context) {
	c.mu.Lock()
	late := c.late
	c.late = lateness{}
	c.mu.Unlock()
	var values []telemetry.Value
	if late.lag >= c.config.LateAfter {
		values = append(values, telemetry.Value{Metric: config.DrainLag, Value: late.lag.Milliseconds()})
	}
	if late.behind > 0 {
		values = append(values, telemetry.Value{Metric: config.MembersBehind, Value: late.behind})
	}
	if len(values) > 0 {
		c.Metrics.Put(ctx, values, slog.String("room", c.plan.room))
	}
}

func (c *courier) countBehind() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late.behind++
}
