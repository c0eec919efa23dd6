package msglog

import (
	"context"
	"fmt"
	"math"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// Only the drainer calls the methods in this file. It alone moves the pointer and
// fills the holes of other writers.

// Acquire takes the room's drain lease until the given time and returns the head.
// ErrLeaseHeld means that there is nothing to do: the holder of the lease cannot
// give it back before it has seen every number handed out so far.
//
// Seen is the head that the sender of the wake-up saw; only its Epoch and
// Generation are used. If it is current, as in a quiet room, the lease takes one
// write. Otherwise the refused write returns the head, and a second write asks
// for the lease under that head's generation. Each write names a generation at
// which the lease was free, so it cannot take effect late: any other drain of the
// room has raised the generation.
func (l *Log) Acquire(ctx context.Context, room, owner string, seen Head, until time.Time) (Head, error) {
	for {
		now := l.clock.Now()
		head, acquired, err := l.store.AcquireLease(ctx, LeaseParams{
			Room: room, Owner: owner, Epoch: seen.Epoch, Generation: seen.Generation, Now: now, Until: until,
		})
		switch {
		case err != nil:
			return Head{}, fmt.Errorf("acquire lease: %w", err)
		case acquired:
			return head, nil
		case !head.Pending() || head.Lease.Live(now):
			return Head{}, fmt.Errorf("acquire lease: %w", ErrLeaseHeld)
		case head.Epoch == seen.Epoch && head.Generation == seen.Generation:
			// An unreadable item is refused under its own generation.
			return Head{}, fmt.Errorf("acquire lease: head of %s is broken: %w", room, ErrLeaseHeld)
		}
		seen = head // somebody else has had the lease since, and has given it back or died
	}
}

// Renew extends the lease and records how far delivery has come. PendingSince is
// the earliest time at which anything above may have been pending; zero leaves it
// unchanged.
func (l *Log) Renew(ctx context.Context, room, owner string, at Position, pendingSince, until time.Time) error {
	err := l.store.RenewLease(ctx, LeaseParams{
		Room: room, Owner: owner, Epoch: at.Epoch, Delivered: at.Seq, PendingSince: pendingSince,
		Now: l.clock.Now(), Until: until,
	})
	if err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	return nil
}

// Release gives the lease back if no number above at was handed out. Otherwise it
// returns false and the head, and the caller must drain again.
func (l *Log) Release(ctx context.Context, room, owner string, at Position) (Head, bool, error) {
	head, released, err := l.store.ReleaseLease(ctx, LeaseParams{
		Room: room, Owner: owner, Epoch: at.Epoch, Delivered: at.Seq, Now: l.clock.Now(),
	})
	if err != nil {
		return Head{}, false, fmt.Errorf("release lease: %w", err)
	}
	return head, released, nil
}

// Abandon gives the lease back although there is more to deliver. The caller must
// make sure that somebody continues, by a wake-up or by failing an invocation
// that is retried. PendingSince is as for Renew.
func (l *Log) Abandon(ctx context.Context, room, owner string, at Position, pendingSince time.Time) error {
	err := l.store.AbandonLease(ctx, LeaseParams{
		Room: room, Owner: owner, Epoch: at.Epoch, Delivered: at.Seq, PendingSince: pendingSince, Now: l.clock.Now(),
	})
	if err != nil {
		return fmt.Errorf("abandon lease: %w", err)
	}
	return nil
}

// fillWidth limits the number of holes filled concurrently.
const fillWidth = 8

// Unread returns contiguous entries above after, up to the head's number: at
// least one and at most a page. If the next number has no entry, Unread waits for
// its writer until HoleWait after looked, then fills it, and every further empty
// number that it has found, with voids. All numbers up to the head's were handed
// out before looked, so any number of holes in a row costs one HoleWait. A void
// is Lost if an entry may have expired there; the clock decides nothing else.
func (l *Log) Unread(ctx context.Context, room string, head Head, after uint64, looked time.Time) ([]Entry, error) {
	r := reader{Log: l, room: room, head: head}
	for after < head.Seq {
		got, err := r.entries(ctx, after, head.Seq, false)
		if err != nil {
			return nil, err
		}
		if run := contiguous(got, after); len(run) > 0 {
			return run, nil
		}
		if l.clock.Now().Before(looked.Add(l.config.HoleWait)) {
			if err := clock.Sleep(ctx, l.clock, l.config.HolePoll); err != nil {
				return nil, fmt.Errorf("wait for number %d: %w", after+1, err)
			}
			continue
		}
		upto := head.Seq
		if len(got) > 0 {
			upto = got[0].Seq - 1
		}
		return l.fillHoles(ctx, room, head, after, min(upto, after+uint64(l.config.PageEntries))) //nolint:gosec // not negative
	}
	return nil, nil
}

// fillHoles writes voids to the numbers above after, up to upto, and returns what
// those numbers hold now.
func (l *Log) fillHoles(ctx context.Context, room string, head Head, after, upto uint64) ([]Entry, error) {
	lost := l.mayHaveExpired(head)
	filled := make([]Entry, upto-after)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fillWidth)
	for i := range filled {
		at := Position{head.Epoch, after + 1 + uint64(i)}
		group.Go(func() (err error) {
			filled[i], err = l.fillVoid(ctx, room, at, lost)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return filled, nil
}

// Peek returns the contiguous entries above after that can be read now, at most a
// page, without waiting. Upto is the highest number found; it is above the last
// entry if there is a hole.
func (l *Log) Peek(ctx context.Context, room string, head Head, after uint64) (entries []Entry, upto uint64, err error) {
	r := reader{Log: l, room: room, head: head}
	got, err := r.entries(ctx, after, math.MaxInt64, false)
	if err != nil || len(got) == 0 {
		return nil, after, err
	}
	return contiguous(got, after), got[len(got)-1].Seq, nil
}
