package sweep

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// stalledAfter is the time that numbers must have waited for a drainer before the
// sweeper wakes one: longer than SNS and Lambda take for a wake-up that is not
// retried.
const stalledAfter = time.Minute

// Heads reads the heads of rooms.
type Heads interface {
	// Head is msglog.Store's.
	Head(ctx context.Context, room string) (msglog.Head, error)
}

// wakeStalled wakes the rooms of a connection in which something waits and nobody
// holds the lease. Lambda may delete an event without a trace
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html):
// this bounds the delay of what that event was to deliver, even if no client asks
// and nobody publishes. Each sweep reads the head of a room once, 1 RRU.
func (s *Sweeper) wakeStalled(ctx context.Context, c connection.Connection, now time.Time, t *tally) error {
	for _, name := range slices.Sorted(maps.Keys(c.Rooms)) {
		if _, seen := t.heads.LoadOrStore(name, true); seen {
			continue
		}
		head, err := s.Heads.Head(ctx, name)
		if err != nil {
			return fmt.Errorf("read head of a room that may wait: %w", err)
		}
		if !head.Pending() || head.Lease.Live(now) || now.Sub(head.PendingSince) < stalledAfter {
			continue
		}
		if err := s.Waker.Wake(ctx, broadcast.HeadWake(name, head)); err != nil {
			return fmt.Errorf("wake a room that waits: %w", err)
		}
		t.woken.Add(1)
		s.Logger.WarnContext(ctx, "messages waited and nobody delivered them: the room is woken",
			"room", name, "pending", head.Seq-head.Delivered, "since", head.PendingSince)
	}
	return nil
}
