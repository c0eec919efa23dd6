package msglog

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// maxTries limits how often an append takes a new number because a reader voided
// the one before. Each time, the function must have been slower than HoleWait.
const maxTries = 5

// AppendParams describes a message to append.
type AppendParams struct {
	Room, User, Origin string
	Key                string // empty: no idempotency
	Data               []byte // compact JSON
}

// AppendResult says where a message stands in the log.
type AppendResult struct {
	Position
	// Duplicate is true if the key had been claimed before, by any caller. The
	// position is then that of the first claim.
	Duplicate bool
	// Entry is the message as stored in the log.
	Entry Entry
	// Head is the head when the last number was taken. It shows whether a drainer
	// is at work.
	Head Head
}

// NeedsWake reports whether the caller must wake the drainer before it
// acknowledges the message: there is something to deliver, and the head that it
// saw shows nobody who must deliver it. The holder of a lease cannot release it
// before it has seen every number up to that head, and if it dies, its invocation
// is retried. It owes nothing above that head, because it may have released the
// lease before a higher number was handed out. A lease of another epoch says
// nothing.
func (r AppendResult) NeedsWake(now time.Time) bool {
	if r.Epoch != r.Head.Epoch || r.Seq > r.Head.Seq {
		return true
	}
	delivered := r.Duplicate && r.Seq <= r.Head.Delivered
	return !delivered && !r.Head.Lease.Live(now)
}

// Append puts a message into the log exactly once per key and returns its
// position. After an error the message may or may not be in the log; call Append
// again with the same key to find out.
//
// The steps are independent conditional writes, in this order:
//
//  1. take a number;
//  2. claim the key for it, or learn for which number it was claimed;
//  3. fill the number that the key stands for.
//
// A caller that finds the key claimed performs step 3 for the first claimant: a
// retry finishes what a dead function began, and both return the same number. A key
// leaves a number only after that number was seen void, and a void never changes,
// so a key stands for at most one entry.
//
// The key may stand for a number of another epoch than the number just taken. Then
// nobody may write a message at the key's number any more: either its one entry is
// there already, or Append writes a void so that it never will be. If another
// message is there, the epoch has come back, and Append ends it. See PROOF.md.
func (l *Log) Append(ctx context.Context, p AppendParams) (AppendResult, error) {
	now := l.clock.Now().Truncate(time.Millisecond)
	entry := Entry{User: p.User, At: now, Key: p.Key, Data: p.Data, Origin: p.Origin}
	var (
		head Head
		hand Position // taken and not used yet
		dead Position // the void number that the key stood for
		err  error
	)
	for range maxTries {
		if hand == (Position{}) {
			if head, err = l.take(ctx, p.Room); err != nil {
				return AppendResult{}, err
			}
			hand = head.Position()
		}
		place := hand
		if p.Key != "" {
			if place, err = l.claim(ctx, p, dead, hand); err != nil {
				return AppendResult{}, err
			}
		}
		ours, apart := place == hand, place.Epoch != hand.Epoch
		entry.Seq = place.Seq
		write := entry
		if apart {
			write = Void(place.Seq)
		}
		// Computed here because an entry must not expire before its mark.
		expires := l.clock.Now().Add(l.config.Retention)
		stands, _, err := l.store.Fill(ctx, FillParams{p.Room, place.Epoch, write, expires})
		if err != nil {
			return AppendResult{}, fmt.Errorf("fill number %d: %w", place.Seq, err)
		}
		if ours {
			hand = Position{}
		}
		switch {
		case !stands.Void && p.wrote(stands, entry):
			l.void(ctx, p.Room, hand)
			return AppendResult{Position: place, Duplicate: !ours, Entry: stands, Head: head}, nil
		case !stands.Void:
			// The number was handed out twice: its epoch has come back.
			if err := l.startOver(ctx, p.Room, place.Epoch); err != nil {
				return AppendResult{}, err
			}
			if !apart {
				hand = Position{}
			}
		}
		if apart { // hand may be of the older epoch; a number taken now is of the newer
			l.void(ctx, p.Room, hand)
			hand = Position{}
		}
		dead = place
	}
	return AppendResult{}, fmt.Errorf("append to %s: %w", p.Room, ErrContended)
}

// wrote reports whether an entry is the message of this append. With a key,
// another attempt may have written it, from another connection and at another
// time; without one it is this attempt's own.
func (p AppendParams) wrote(stands, own Entry) bool {
	if stands.User != p.User || stands.Key != p.Key {
		return false
	}
	return p.Key != "" || stands.Origin == p.Origin && stands.At.Equal(own.At) && bytes.Equal(stands.Data, p.Data)
}

// startOver ends an epoch that has come back: its head was deleted, and a late
// attempt of the TakeNumber that began it began it again. Numbers are then handed
// out a second time although their entries exist.
func (l *Log) startOver(ctx context.Context, room, epoch string) error {
	err := l.store.StartOver(ctx, StartOverParams{Room: room, Epoch: epoch, FreshEpoch: l.newEpoch()})
	if err != nil {
		return fmt.Errorf("start over: %w", err)
	}
	return nil
}

func (l *Log) take(ctx context.Context, room string) (Head, error) {
	now := l.clock.Now()
	head, err := l.store.TakeNumber(ctx, TakeParams{
		Room: room, FreshEpoch: l.newEpoch(), Now: now, Expires: l.headEnd(now), Retention: l.config.Retention,
	})
	if err != nil {
		return Head{}, fmt.Errorf("take a number: %w", err)
	}
	return head, nil
}

// headEnd returns the time from which the store may delete a head whose number is
// taken now: at least HeadLifetime later, rounded up. The head's end never goes back, and
// keeping a later end costs a second write; rounding gives clocks that differ a
// little the same end.
func (l *Log) headEnd(now time.Time) time.Time {
	step := min(max(l.config.HeadLifetime/24, time.Second), time.Hour)
	return now.Add(l.config.HeadLifetime).Truncate(step).Add(step)
}

// claim returns the number that the key stands for. That is hand if the key was
// free or stood for dead.
func (l *Log) claim(ctx context.Context, p AppendParams, dead, hand Position) (Position, error) {
	now := l.clock.Now()
	expires := now.Add(l.config.Window)
	if dead == (Position{}) {
		place, err := l.store.Mark(ctx, MarkParams{p.Room, p.User, p.Key, hand, now, expires})
		if err != nil {
			return Position{}, fmt.Errorf("claim key: %w", err)
		}
		return place, nil
	}
	place, err := l.store.MoveMark(ctx, MoveParams{p.Room, p.User, p.Key, dead, hand, expires})
	if err != nil {
		return Position{}, fmt.Errorf("move key: %w", err)
	}
	return place, nil
}

// void gives back a number that is not needed. An error is not reported: it only
// makes the drainer wait HoleWait for the number.
func (l *Log) void(ctx context.Context, room string, hand Position) {
	if hand == (Position{}) {
		return
	}
	_, _ = l.fillVoid(ctx, room, hand, false)
}

func (l *Log) fillVoid(ctx context.Context, room string, at Position, lost bool) (Entry, error) {
	expires := l.clock.Now().Add(l.config.Retention)
	void := Void(at.Seq)
	void.Lost = lost
	stands, _, err := l.store.Fill(ctx, FillParams{room, at.Epoch, void, expires})
	if err != nil {
		return Entry{}, fmt.Errorf("void number %d: %w", at.Seq, err)
	}
	return stands, nil
}
