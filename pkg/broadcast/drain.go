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

// drain delivers a room's messages from taking the lease to giving it back.
type drain struct {
	Parts
	config      Config
	poster      *poster
	room, owner string
	head        msglog.Head // from when the lease was taken, except Seq: from the last read
	offered     uint64      // number up to which the courier has the entries
	confirmed   uint64      // number up to which every member is done
	// looked is a time before the last read of the head: the numbers in head were
	// handed out before that read, and all higher ones after looked.
	looked    time.Time
	until     time.Time // end of the lease
	courier   *courier
	expired   []string // expired tombstones, as last read
	wake      Wake
	busy      bool // more came during the drain
	lastRound time.Time
}

func newDrain(parts Parts, config Config, poster *poster, w Wake) *drain {
	return &drain{Parts: parts, config: config, poster: poster, room: w.Room, owner: parts.NewID(), wake: w}
}

// handle delivers a room's unread messages. A lost or refused lease is not an
// error: its holder serves the room.
func (d *drain) handle(ctx context.Context) error {
	d.looked = d.Clock.Now()
	d.until = d.looked.Add(d.config.LeaseFor)
	head, err := d.Log.Acquire(ctx, d.room, d.owner, d.wake.seen(), d.until)
	if errors.Is(err, msglog.ErrLeaseHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	d.head, d.offered, d.confirmed = head, head.Delivered, head.Delivered
	plan, err := newPlanner(d.room, head.Epoch)
	if err != nil {
		return err
	}
	d.courier = newCourier(courierParts{
		config: d.config, poster: d.poster, gateway: d.Gateway, clock: d.Clock, logger: d.Logger, metrics: d.Metrics,
		recorder: recorder{d.Connections, d.Members, d.Clock},
	}, plan)

	working, stop := context.WithCancel(ctx)
	err = d.run(working)
	if errors.Is(err, errOutOfTime) {
		d.courier.wait(working, d.config.Margin/2) // what is posted now is not posted again
	}
	stop()
	d.courier.serving.Wait()
	d.courier.reportLag(ctx)
	switch {
	case err == nil:
		d.dropTombstones(ctx)
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

// run delivers in rounds until the lease is given back.
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
			d.busy = true // so that the others do not wait for a slow member
			continue
		}
		if released, err := d.release(ctx); released || err != nil {
			return err
		}
	}
}

// stragglerPoll is the interval at which the log is read while slow members are
// still being served.
const stragglerPoll = 100 * time.Millisecond

// next returns the entries to offer next, or none if there are none yet. In a
// quiet room that costs no read: the wake-up carries the entry, and the release
// shows whether more has come.
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

// linger separates the rounds of a busy room, so that messages are batched.
func (d *drain) linger(ctx context.Context) error {
	return clock.Sleep(ctx, d.Clock, d.config.Linger-d.Clock.Now().Sub(d.lastRound))
}

// round offers entries to the members. It reads the members after the entries: a
// member that joined in between has read those entries itself.
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

// confirm updates the number up to which every member is done.
func (d *drain) confirm() { d.confirmed = d.courier.confirmed(d.offered) }

// release gives the lease back unless something has come since. If so, the room
// counts as busy, and the drain continues.
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

// mayGoOn renews the lease in time, and stops the drain before the deadline.
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
	d.courier.reportLag(ctx) // a busy room reports during the drain, not only at its end
	d.until = now.Add(d.config.LeaseFor)
	d.confirm()
	return d.Log.Renew(ctx, d.room, d.owner, d.at(d.confirmed), d.pendingSince(), d.until)
}

// pendingSince returns a time before which nothing above confirmed was handed
// out, or zero if only the head's is known.
func (d *drain) pendingSince() time.Time {
	if d.confirmed < d.head.Seq {
		return time.Time{}
	}
	return d.looked
}

func (d *drain) at(seq uint64) msglog.Position {
	return msglog.Position{Epoch: d.head.Epoch, Seq: seq}
}

// handOn gives the lease back and then wakes another broadcaster. In the other
// order, that one could find the lease still held and end. A crash in between
// fails this invocation, which Lambda retries.
func (d *drain) handOn(ctx context.Context) error {
	if err := d.abandon(ctx); err != nil {
		return err
	}
	if err := d.Waker.Wake(ctx, HeadWake(d.room, d.head)); err != nil {
		return fmt.Errorf("hand over: %w", err)
	}
	return nil
}

// maxAttempts limits how often drains wake each other in a row.
const maxAttempts = 3

// fail ends a drain that failed. Lambda repeats a failed invocation only after a
// minute, so after a temporary failure another broadcaster is woken at once. If
// that wake-up fails too, this invocation fails.
func (d *drain) fail(ctx context.Context, cause error) error {
	if err := d.abandon(ctx); err != nil || !temporary(cause) || d.wake.Attempt >= maxAttempts {
		return errors.Join(cause, err)
	}
	next := HeadWake(d.room, d.head)
	next.Attempt = d.wake.Attempt + 1
	if err := d.Waker.Wake(ctx, next); err != nil {
		return errors.Join(cause, err)
	}
	d.Logger.WarnContext(ctx, "drain failed temporarily; woke another broadcaster", "room", d.room, "error", cause)
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

// tombstonesMost limits how many expired tombstones one drain deletes.
const tombstonesMost = 25

// dropTombstones deletes expired tombstones that DynamoDB has not deleted yet, one write
// each: otherwise every later round would read them. Nothing waits for it or
// depends on it.
func (d *drain) dropTombstones(ctx context.Context) {
	var group errgroup.Group
	group.SetLimit(d.config.Width)
	for _, id := range d.expired[:min(len(d.expired), tombstonesMost)] {
		group.Go(func() error { return d.Members.DropTombstone(ctx, d.room, id, d.Clock.Now()) })
	}
	if err := group.Wait(); err != nil {
		d.Logger.WarnContext(ctx, "could not delete expired tombstones", "room", d.room, "error", err)
	}
}
