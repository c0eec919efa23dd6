package room

import (
	"context"
	"errors"
	"time"
)

// ErrNotMember is returned when a membership that was to be changed is not
// there, or was written anew meanwhile.
var ErrNotMember = errors.New("not a member")

// Store keeps memberships. Each method is one atomic decision; all are safe for
// concurrent use, and may be repeated after an error whose Temporary method
// reports true.
type Store interface {
	// Put makes a connection a member, in step, replacing what stood there.
	// Expires is when the membership may be forgotten whatever happens.
	Put(ctx context.Context, m Member, expires time.Time) error

	// Delete ends a membership that was written at upto or before, at any time
	// if upto is zero, and reports whether there was one. A repeated call may
	// report false for what an earlier one deleted.
	Delete(ctx context.Context, room, connectionID string, upto time.Time) (bool, error)

	// Members reads all members of one shard, strongly consistent.
	Members(ctx context.Context, room string, shard int, now time.Time) ([]Member, error)

	// SetBehind records that a member is behind, on condition that its
	// membership is still the one written at m.JoinedAt. ErrNotMember otherwise.
	SetBehind(ctx context.Context, m Member, state Behind) error
}
