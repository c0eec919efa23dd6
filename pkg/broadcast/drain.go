package broadcast

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// drain is one turn of the room as actor: from taking the lease to giving it
// back.
type drain struct {
	*Broadcaster
	room, owner string
	head        msglog.Head // as of the lease's start, but for Seq: as of the last look
	offered     uint64      // up to here the courier has the entries
	confirmed   uint64      // up to here every member has been dealt with
	// looked is a time before the last look at the head: numbers that the head
	// shows were handed out before the look, and all others after looked.
	looked    time.Time
	until     time.Time // end of the lease
	courier   *courier
	expired   []string // marks of leaves that have expired, as last seen
	wake      Wake
	busy      bool // more came while we were at work
	lastRound time.Time
}

// drain serves a room's mailbox. Losing the lease, or not getting it, is no
// error: the one who has it serves the room.
func (b *Broadcaster) drain(ctx context.Context, w Wake) error {
	d := &drain{Broadcaster: b, room: w.Room, owner: b.NewID(), wake: w}
	d.looked = b.Clock.Now()
	d.until = d.looked.Add(b.config.LeaseFor)
	head, err := b.Log.Acquire(ctx, w.Room, d.owner, w.seen(), d.until)
	if errors.Is(err, msglog.ErrLeaseHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	d.head, d.offered, d.confirmed = head, head.Delivered, head.Delivered
	plan, err := newPlanner(w.Room, head.Epoch)
	if err != nil {
		return err
	}
	d.courier = newCourier(courierParts{
		config: b.config, poster: b.poster, gateway: b.Gateway, clock: b.Clock, logger: b.Logger, metrics: b.Metrics,
		recorder: recorder{b.Connections, b.Members, b.Clock},
	}, plan)

	working, stop := context.WithCancel(ctx)
	err = d.run(working)
	if errors.Is(err, errOutOfTime) {
		d.courier.wait(working, b.config.Margin/2) // what is posted now need not be posted again
	}
	stop()
	d.courier.serving.Wait()
	d.courier.reportLag(ctx)
	switch {
	case err == nil:
		d.unmark(ctx)
		return nil
	case errors.Is(err, msglog.ErrLeaseLost):
		return nil
	case errors.Is(err, errOutOfTime):
		return d.handOn(ctx)
	default:
		return d.fail(ctx, err)
	}
}

// errOutOfTime is returned when the invocation's deadline is near.
var errOutOfTime = errors.New("out of time")

// run goes round until the lease is given back.
func (d *drain) run(ctx context.Context) error {
	for {
		if err := d.mayGoOn(ctx); err != nil {
			return err
		}
		entries, err := d.next(ctx)
		if err != nil {
			return err
		}
		if len(entries) > 0 {
			if err := d.round(ctx, entries); err != nil {
				return err
			}
			continue
		}
		if !d.courier.wait(ctx, stragglerPoll) {
			d.busy = true // do not let the others wait for a slow member
			continue
		}
		if released, err := d.release(ctx); released || err != nil {
			return err
		}
	}
}

// stragglerPoll is how often the log is looked at while slow members are still
// being served.
const stragglerPoll = 100 * time.Millisecond

// next returns the entries to offer next, none if none is in sight. In a quiet
// room that costs no read: the wake-up carries the entry, and the release
// tells whether more has come.
func (d *drain) next(ctx context.Context) ([]msglog.Entry, error) {
	if d.offered < d.head.Seq {
		if e, ok := d.wake.entry(d.at(d.offered + 1)); ok && d.head.Seq == d.offered+1 {
			return []msglog.Entry{e}, nil
		}
		return d.Log.Unread(ctx, d.room, d.head, d.offered, d.looked)
	}
	if !d.busy {
		return nil, nil
	}
	if err := d.linger(ctx); err != nil {
		return nil, err
	}
	looked := d.Clock.Now()
	entries, upto, err := d.Log.Peek(ctx, d.room, d.head, d.offered)
	if upto > d.head.Seq { // an entry above a hole: Unread waits for it and fills it
		d.head.Seq, d.looked = upto, looked
	}
	return entries, err
}

// linger keeps the rounds of a busy room apart, so that messages gather.
func (d *drain) linger(ctx context.Context) error {
	return clock.Sleep(ctx, d.Clock, d.config.Linger-d.Clock.Now().Sub(d.lastRound))
}

// round offers entries to the members. The members are read after the entries:
// one that joined in between has read those entries itself.
func (d *drain) round(ctx context.Context, entries []msglog.Entry) error {
	messages := make([]message, 0, len(entries))
	for _, e := range entries {
		if e.Lost {
			continue
		}
		m, err := newMessage(e)
		if err != nil {
			return err
		}
		messages = append(messages, m)
	}
	if len(messages) > 0 {
		roll, err := d.Members.Members(ctx, d.room, 0, d.Clock.Now())
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		d.expired = roll.Expired
		d.courier.offer(ctx, roll.Members, messages)
	}
	d.offered = entries[len(entries)-1].Seq
	d.lastRound = d.Clock.Now()
	return nil
}

// confirm takes up how far every member has been dealt with.
func (d *drain) confirm() { d.confirmed = d.courier.confirmed(d.offered) }

// release gives the lease back unless something has come since; then the room
// is busy, and the drain goes on.
func (d *drain) release(ctx context.Context) (bool, error) {
	if err := d.courier.failed(); err != nil {
		return false, err
	}
	d.confirm()
	looked := d.Clock.Now()
	head, released, err := d.Log.Release(ctx, d.room, d.owner, d.at(d.confirmed))
	if err != nil || released {
		return released, err
	}
	d.head.Seq, d.looked, d.busy = head.Seq, looked, true
	return false, nil
}

// mayGoOn renews the lease in time and stops before the deadline.
func (d *drain) mayGoOn(ctx context.Context) error {
	if err := d.courier.failed(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	now := d.Clock.Now()
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(now) < d.config.Margin {
		return errOutOfTime
	}
	if d.until.Sub(now) > d.config.LeaseFor/2 {
		return nil
	}
	d.courier.reportLag(ctx) // a busy room reports now and then, not only at its end
	d.until = now.Add(d.config.LeaseFor)
	d.confirm()
	return d.Log.Renew(ctx, d.room, d.owner, d.at(d.confirmed), d.pendingSince(), d.until)
}

// pendingSince is a time before which nothing above confirmed was handed out;
// zero if none is known but that on the head.
func (d *drain) pendingSince() time.Time {
	if d.confirmed < d.head.Seq {
		return time.Time{}
	}
	return d.looked
}

func (d *drain) at(seq uint64) msglog.Position {
	return msglog.Position{Epoch: d.head.Epoch, Seq: seq}
}

// handOn gives the lease back and wakes another broadcaster, in this order: the
// other way round it could find the lease still held and go to sleep. A crash
// in between fails this invocation, which is then retried.
func (d *drain) handOn(ctx context.Context) error {
	if err := d.abandon(ctx); err != nil {
		return err
	}
	if err := d.Waker.Wake(ctx, HeadWake(d.room, d.head)); err != nil {
		return fmt.Errorf("hand on: %w", err)
	}
	return nil
}

// maxAttempts bounds how often drains wake each other in a row.
const maxAttempts = 3

// fail ends a drain that could not go on. Lambda repeats a failed invocation
// after a minute only, so what passes is tried again by another broadcaster at
// once; if that wake-up fails too, this invocation fails.
func (d *drain) fail(ctx context.Context, cause error) error {
	if err := d.abandon(ctx); err != nil || !temporary(cause) || d.wake.Attempt >= maxAttempts {
		return errors.Join(cause, err)
	}
	next := HeadWake(d.room, d.head)
	next.Attempt = d.wake.Attempt + 1
	if err := d.Waker.Wake(ctx, next); err != nil {
		return errors.Join(cause, err)
	}
	d.Logger.WarnContext(ctx, "drain failed for the moment; another goes on", "room", d.room, "error", cause)
	return nil
}

func (d *drain) abandon(ctx context.Context) error {
	d.confirm()
	err := d.Log.Abandon(ctx, d.room, d.owner, d.at(d.confirmed), d.pendingSince())
	if errors.Is(err, msglog.ErrLeaseLost) {
		return nil
	}
	return err
}

// unmarkMost bounds how many expired marks one drain deletes.
const unmarkMost = 25

// unmark deletes marks that DynamoDB has not got round to delete, one write
// each: left there, every later round would read them. Nobody waits for it and
// nothing rests on it.
func (d *drain) unmark(ctx context.Context) {
	var group errgroup.Group
	group.SetLimit(d.config.Width)
	for _, id := range d.expired[:min(len(d.expired), unmarkMost)] {
		group.Go(func() error { return d.Members.Unmark(ctx, d.room, id, d.Clock.Now()) })
	}
	if err := group.Wait(); err != nil {
		d.Logger.WarnContext(ctx, "expired mark of a leave not deleted", "room", d.room, "error", err)
	}
}
