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

// stalledAfter is the time that messages must have waited before the sweeper
// wakes a drainer: longer than SNS and Lambda take for a wake-up that is not
// retried.
const stalledAfter = time.Minute

// Heads reads the heads of rooms.
type Heads interface {
	// Head does what msglog.Store.Head does.
	Head(ctx context.Context, room string) (msglog.Head, error)
}

// wakeStalled wakes the rooms of a connection in which something is pending and
// nobody holds the lease. Lambda may delete an event without a trace
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html):
// this limits the delay even if no client asks and nobody publishes. Each sweep
// reads the head of a room once, 1 RRU.
func (s *Sweeper) wakeStalled(ctx context.Context, c connection.Connection, now time.Time, t *tally) error {
	for _, name := range slices.Sorted(maps.Keys(c.Rooms)) {
		if _, seen := t.heads.LoadOrStore(name, true); seen {
			continue
		}
		head, err := s.Heads.Head(ctx, name)
		if err != nil {
			return fmt.Errorf("read head of a room that may be stalled: %w", err)
		}
		if !head.Pending() || head.Lease.Live(now) || now.Sub(head.PendingSince) < stalledAfter {
			continue
		}
		if err := s.Waker.Wake(ctx, broadcast.HeadWake(name, head)); err != nil {
			return fmt.Errorf("wake a stalled room: %w", err)
		}
		t.woken.Add(1)
		s.Logger.WarnContext(ctx, "woke a room whose messages nobody was delivering",
			"room", name, "pending", head.Seq-head.Delivered, "since", head.PendingSince)
	}
	return nil
}
