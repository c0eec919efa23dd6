package msglog

import (
	"context"
	"time"
)

// Store keeps heads, entries and idempotency marks. Each method is one atomic
// decision, linearizable per item; all are safe for concurrent use. An error with
// a method Temporary() bool that returns true says that the service below did
// not answer or was throttled: the call may be repeated, and may have taken
// effect. Something that expires at t is gone at t, rounded up to the second;
// all other times are kept to the millisecond.
type Store interface {
	// Head reads a room's head, strongly consistent; a room without one has
	// the zero Head.
	Head(ctx context.Context, room string) (Head, error)

	// TakeNumber hands out the next number and returns all of the head as it
	// then stands. It is the only place where a sequence number is assigned. A
	// room without a head gets one with FreshEpoch.
	TakeNumber(ctx context.Context, p TakeParams) (Head, error)

	// Mark claims a key for a number if nobody has claimed it, and returns the
	// position that the key stands for now: the caller's own, or the earlier
	// one. A mark that has expired at Now counts as absent.
	Mark(ctx context.Context, p MarkParams) (Position, error)

	// MoveMark points a key from a number that was voided to another, on
	// condition that it still points to From, and returns the position that
	// the key stands for now. A mark that is gone counts as pointing to From.
	MoveMark(ctx context.Context, p MoveParams) (Position, error)

	// Fill writes an entry at its number unless something stands there, and
	// returns what stands there now, however old. filled says that it was this
	// call; it may be false if the store below repeated the call by itself.
	Fill(ctx context.Context, p FillParams) (now Entry, filled bool, err error)

	// Entries reads the first entries that stand above After and up to Upto, at
	// most Limit of them, and returns those that have not expired, ascending,
	// strongly consistent. It may look at fewer, but at one at least: if it returns
	// none, none stands there or the first has expired. Numbers may be missing.
	Entries(ctx context.Context, p RangeParams) ([]Entry, error)

	// AcquireLease takes the drain lease on condition that the head has Epoch and
	// Generation, that there is something to drain and that nobody holds the
	// lease at Now. It returns the head as it then stands, and acquired false if
	// the condition failed; the same call again, as the SDK makes it when an answer
	// is lost, counts as acquired. An Owner must not be used by two holders.
	AcquireLease(ctx context.Context, p LeaseParams) (now Head, acquired bool, err error)

	// RenewLease moves the lease's end to Until and the pointer to Delivered, and
	// neither back, on condition that Owner holds the lease; otherwise it returns
	// ErrLeaseLost.
	RenewLease(ctx context.Context, p LeaseParams) error

	// ReleaseLease gives the lease back and advances the pointer to Delivered,
	// on condition that Owner holds it and that no number above Delivered has
	// been handed out. Otherwise the lease is kept and the head returned with
	// released false; if Owner does not hold it, ErrLeaseLost. If nobody does and
	// the pointer is at Delivered or beyond, as after the same call before,
	// it counts as released.
	ReleaseLease(ctx context.Context, p LeaseParams) (now Head, released bool, err error)

	// AbandonLease gives the lease back with the pointer advanced to
	// Delivered if that is ahead of it, however far the log has moved on. It
	// returns ErrLeaseLost if Owner does not hold it; the same call twice counts
	// as given back.
	AbandonLease(ctx context.Context, p LeaseParams) error
}

// TakeParams asks for a number.
type TakeParams struct {
	Room       string
	FreshEpoch string    // used only if the room has no head
	Now        time.Time // PendingSince, unless something is pending already
	Expires    time.Time // when the head may be forgotten
}

// MarkParams claims a key. User, room and key together identify it.
type MarkParams struct {
	Room, User, Key string
	Position        Position
	Now             time.Time
	Expires         time.Time // end of the idempotency window
}

// MoveParams moves a claimed key.
type MoveParams struct {
	Room, User, Key string
	From, To        Position
	Expires         time.Time
}

// FillParams writes an entry.
type FillParams struct {
	Room, Epoch string
	Entry       Entry
	Expires     time.Time // end of the retention
}

// RangeParams selects entries.
type RangeParams struct {
	Room, Epoch string
	After, Upto uint64
	Limit       int
	Now         time.Time // entries that have expired by then are left out
	// Backward selects the highest numbers of the range rather than the
	// lowest; the result is ascending all the same.
	Backward bool
}

// LeaseParams takes, renews or gives back the drain lease.
type LeaseParams struct {
	Room, Owner string
	// Epoch is the head's epoch when the lease was taken, or is to be.
	Epoch string
	// Generation, of AcquireLease, is the head's when the caller last saw it.
	Generation uint64
	Delivered  uint64
	// PendingSince replaces the head's if it is set and Delivered is taken.
	PendingSince time.Time
	Now          time.Time
	Until        time.Time
}
