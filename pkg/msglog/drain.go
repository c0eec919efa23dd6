package msglog

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// The methods in this file are the drainer's: it alone moves the pointer and
// fills other writers' holes.

// Acquire takes the room's drain lease until the given time and returns the
// head. ErrLeaseHeld means that there is nothing to do: whoever holds the lease
// cannot give it back without seeing every number handed out so far.
//
// Seen is the head as the sender of the wake-up saw it; of its fields only Epoch
// and Generation count. If it is right, which it is in a quiet room, the lease
// takes one write. If it is stale or zero, the refused write returns the head, and
// a second write asks for the lease under what stands there. Each write is made
// under a generation at which the lease was seen free, so none of them can take
// effect late: whoever has drained the room meanwhile has raised it.
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
			// Only an item that cannot be understood is refused under its own generation.
			return Head{}, fmt.Errorf("acquire lease: head of %s is broken: %w", room, ErrLeaseHeld)
		}
		seen = head // somebody else has had the lease since, and has given it back or died
	}
}

// Renew prolongs the lease and records how far delivery has come, and since
// when at the earliest anything is pending above; zero: not known anew.
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

// Release gives the lease back if nothing was handed out above at; otherwise
// it returns false and the head, and the caller goes round again.
func (l *Log) Release(ctx context.Context, room, owner string, at Position) (Head, bool, error) {
	head, released, err := l.store.ReleaseLease(ctx, LeaseParams{
		Room: room, Owner: owner, Epoch: at.Epoch, Delivered: at.Seq, Now: l.clock.Now(),
	})
	if err != nil {
		return Head{}, false, fmt.Errorf("release lease: %w", err)
	}
	return head, released, nil
}

// Abandon gives the lease back although there is more to do. The caller must
// make sure that somebody goes on: by a wake-up, or by failing an invocation
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

// Unread returns the contiguous entries above after and up to upto, at most a
// page of them, at least one. If the very next number has no entry, it waits
// HoleWait for the writer and then fills it with a void. That void is Lost if
// an entry may have expired there: only to tell that does a clock serve.
func (l *Log) Unread(ctx context.Context, room string, head Head, after, upto uint64) ([]Entry, error) {
	deadline := l.clock.Now().Add(l.config.HoleWait)
	r := reader{Log: l, room: room, head: head}
	for after < upto {
		got, err := r.entries(ctx, after, upto, false)
		if err != nil {
			return nil, err
		}
		if run := contiguous(got, after); len(run) > 0 {
			return run, nil
		}
		if l.clock.Now().Before(deadline) {
			if err := clock.Sleep(ctx, l.clock, l.config.HolePoll); err != nil {
				return nil, fmt.Errorf("wait for number %d: %w", after+1, err)
			}
			continue
		}
		lost := !l.clock.Now().Before(head.PendingSince.Add(l.config.Retention))
		stands, err := l.fillVoid(ctx, room, Position{head.Epoch, after + 1}, lost)
		if err != nil {
			return nil, err
		}
		return []Entry{stands}, nil
	}
	return nil, nil
}

// Peek returns the contiguous entries above after that can be read now, at
// most a page of them, and waits for nothing.
func (l *Log) Peek(ctx context.Context, room string, head Head, after uint64) ([]Entry, error) {
	r := reader{Log: l, room: room, head: head}
	got, err := r.entries(ctx, after, math.MaxInt64, false)
	if err != nil {
		return nil, err
	}
	return contiguous(got, after), nil
}
