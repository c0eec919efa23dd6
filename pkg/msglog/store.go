package msglog

import (
	"context"
	"time"
)

// Store keeps heads, entries and idempotency marks. Each method is one atomic
// decision, linearizable per item, and safe for concurrent use. An error whose
// Temporary method returns true means that the service below was throttled or did
// not answer: the call may be repeated, and may have taken effect. An item that
// expires at t is gone at t, rounded up to the second; all other times have
// milliseconds.
type Store interface {
	// Head reads a room's head, strongly consistent. A room without a head has
	// the zero Head.
	Head(ctx context.Context, room string) (Head, error)

	// TakeNumber hands out the next number and returns the whole head after it.
	// It is the only method that assigns sequence numbers. A room without a head
	// gets one with FreshEpoch, or with an epoch made from it, as each attempt of a
	// call must have its own. The head's end never goes back, and its Retention
	// never grows while something is pending, whatever the callers' settings are.
	TakeNumber(ctx context.Context, p TakeParams) (Head, error)

	// StartOver replaces a head whose epoch is Epoch by the head of an empty log
	// under FreshEpoch, without a lease. If the head is gone or has another epoch, it
	// changes nothing.
	StartOver(ctx context.Context, p StartOverParams) error

	// Mark claims a key for a number if nobody has claimed it, and returns the
	// position that the key stands for now: the caller's or the earlier one. A
	// mark that has expired at Now counts as absent.
	Mark(ctx context.Context, p MarkParams) (Position, error)

	// MoveMark points a key from a voided number to another, on condition that it
	// still points to From, and returns the position that the key stands for now.
	// A missing mark counts as pointing to From. The end of the window never goes
	// back.
	MoveMark(ctx context.Context, p MoveParams) (Position, error)

	// Fill writes an entry at its number unless the number holds one, and returns
	// the entry that it holds now, however old. filled is true if this call wrote
	// it; it may be false if the store repeated the call by itself.
	Fill(ctx context.Context, p FillParams) (now Entry, filled bool, err error)

	// Entries reads the first entries above After, up to Upto, at most Limit of
	// them, and returns those that have not expired, ascending, strongly
	// consistent. It may read fewer than Limit, but at least one: if it returns
	// none, there is none or the first has expired. Numbers may be missing.
	Entries(ctx context.Context, p RangeParams) ([]Entry, error)

	// AcquireLease takes the drain lease on condition that the head has Epoch and
	// Generation, that there is something to drain and that nobody holds the
	// lease at Now. It returns the head after it, and acquired false if the
	// condition failed. The same call again, as the SDK makes it after a lost
	// answer, counts as acquired. An Owner must not be used by two holders.
	AcquireLease(ctx context.Context, p LeaseParams) (now Head, acquired bool, err error)

	// RenewLease moves the lease's end to Until and the pointer to Delivered, but
	// never back, on condition that Owner holds the lease; otherwise it returns
	// ErrLeaseLost.
	RenewLease(ctx context.Context, p LeaseParams) error

	// ReleaseLease gives the lease back and advances the pointer to Delivered, on
	// condition that Owner holds it and that no number above Delivered was handed
	// out. If there is a higher number, the lease is kept, and the head is
	// returned with released false. If another owner holds the lease, it returns
	// ErrLeaseLost. If nobody holds it and the pointer is at Delivered or beyond,
	// as after a repeated call, it counts as released.
	ReleaseLease(ctx context.Context, p LeaseParams) (now Head, released bool, err error)

	// AbandonLease gives the lease back, however far the log has moved on, and
	// advances the pointer to Delivered unless that is behind it. It returns
	// ErrLeaseLost if Owner does not hold the lease; a repeated call counts as
	// given back.
	AbandonLease(ctx context.Context, p LeaseParams) error
}

// TakeParams asks for a number.
type TakeParams struct {
	Room       string
	FreshEpoch string    // used only if the room has no head
	Now        time.Time // becomes PendingSince, unless something is pending
	Expires    time.Time // when the head may be forgotten
	// Retention is how long the entry will be readable, to the millisecond.
	Retention time.Duration
}

// StartOverParams ends an epoch of a room's log.
type StartOverParams struct {
	Room       string
	Epoch      string // the epoch to end
	FreshEpoch string
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
	Now         time.Time // leaves out entries expired by then
	// Backward selects the highest numbers of the range rather than the lowest;
	// the result is still ascending.
	Backward bool
}

// LeaseParams takes, renews or gives back the drain lease.
type LeaseParams struct {
	Room, Owner string
	// Epoch is the head's epoch when the lease was, or shall be, taken.
	Epoch string
	// Generation, for AcquireLease only, is the head's when the caller last saw
	// it.
	Generation uint64
	Delivered  uint64
	// PendingSince replaces the head's value if it is set and Delivered is
	// applied.
	PendingSince time.Time
	Now          time.Time
	Until        time.Time
}
