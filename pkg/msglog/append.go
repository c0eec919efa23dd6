package msglog

import (
	"context"
	"fmt"
	"time"
)

// maxTries bounds how often an append takes a new number because a reader
// voided the one before: each time the function must have been slower than
// HoleWait.
const maxTries = 5

// AppendParams is one message to append.
type AppendParams struct {
	Room, User, Origin string
	Key                string // empty: no idempotency
	Data               []byte // compact JSON
}

// AppendResult says where a message stands.
type AppendResult struct {
	Position
	// Duplicate says that the key had been claimed before, by whomever; the
	// position is then the first one's.
	Duplicate bool
	// Entry is the message as it stands in the log.
	Entry Entry
	// Head is the head as of the last number taken: whether a drainer is awake
	// is read off it.
	Head Head
}

// NeedsWake reports whether the caller must wake the drainer before it
// acknowledges: there is something to deliver, and the head that it saw shows
// nobody who must deliver it. The holder of a lease cannot release it without
// seeing every number up to that head, and if it dies, its own invocation is
// retried. It owes nothing above that head: it may have released the lease before
// a higher number was handed out. A lease of another incarnation of the log says
// nothing.
func (r AppendResult) NeedsWake(now time.Time) bool {
	if r.Epoch != r.Head.Epoch || r.Seq > r.Head.Seq {
		return true
	}
	delivered := r.Duplicate && r.Seq <= r.Head.Delivered
	return !delivered && !r.Head.Lease.Live(now)
}

// Append puts a message into the log exactly once per key and returns where it
// stands. After an error it may or may not be there; the same call with the same
// key finds out.
//
// The steps are independent conditional writes, in this order:
//
//  1. take a number;
//  2. claim the key for it (or learn for which number it was claimed);
//  3. fill the number that the key stands for.
//
// Whoever finds the key claimed performs step 3 for the first claimant: so a
// retry finishes what a dead predecessor began, and both learn one number. A
// key leaves its number only after that number was seen void, and a void never
// changes: so a key stands for at most one entry.
//
// The key may stand in another incarnation of the log than the number in hand.
// Then nobody may write a message there any more: either it stands there, and is
// the key's one entry, or a void sees to it that it never will. See PROOF.md.
func (l *Log) Append(ctx context.Context, p AppendParams) (AppendResult, error) {
	now := l.clock.Now().Truncate(time.Millisecond)
	entry := Entry{User: p.User, At: now, Key: p.Key, Data: p.Data, Origin: p.Origin}
	var (
		head Head
		hand Position // a number that we took and have not used
		dead Position // the number that the key stood for and that is void
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
		// An entry must not expire before its mark, so its time counts from here.
		expires := l.clock.Now().Add(l.config.Retention)
		stands, _, err := l.store.Fill(ctx, FillParams{p.Room, place.Epoch, write, expires})
		if err != nil {
			return AppendResult{}, fmt.Errorf("fill number %d: %w", place.Seq, err)
		}
		if ours {
			hand = Position{}
		}
		if !stands.Void {
			l.void(ctx, p.Room, hand)
			return AppendResult{Position: place, Duplicate: !ours, Entry: stands, Head: head}, nil
		}
		if apart { // ours may be the older incarnation: a number taken now is not
			l.void(ctx, p.Room, hand)
			hand = Position{}
		}
		dead = place
	}
	return AppendResult{}, fmt.Errorf("append to %s: %w", p.Room, ErrContended)
}

func (l *Log) take(ctx context.Context, room string) (Head, error) {
	now := l.clock.Now()
	head, err := l.store.TakeNumber(ctx, TakeParams{
		Room: room, FreshEpoch: l.newEpoch(), Now: now, Expires: now.Add(l.config.HeadLifetime),
	})
	if err != nil {
		return Head{}, fmt.Errorf("take a number: %w", err)
	}
	return head, nil
}

// claim returns the number that the key stands for: hand if it was free, or
// if it stood for dead.
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

// void gives back a number that is not needed. Its failure costs the room the
// drainer's HoleWait and nothing else, so it is not reported.
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
