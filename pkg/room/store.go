package room

import (
	"context"
	"errors"
	"time"
)

// ErrNotMember is returned when a membership that was to be changed is not
// there any more.
var ErrNotMember = errors.New("not a member")

// ErrOvertaken is returned when a join is written, or its membership changed,
// after a later join of the same connection, or written after a later leave.
var ErrOvertaken = errors.New("overtaken by a later join or leave")

// ErrBehind is returned when a join is written whose membership is there already
// and has fallen behind since. It is Temporary: a join that API Gateway takes
// later, by a millisecond or more, puts the member in step.
var ErrBehind error = temporary("membership of this very join is behind already")

type temporary string

func (t temporary) Error() string { return string(t) }
func (temporary) Temporary() bool { return true }

// Store keeps memberships. Each method is one atomic decision; all are safe for
// concurrent use, and may be repeated after an error whose Temporary method
// reports true.
type Store interface {
	// Put makes a connection a member, in step, replacing what stood there for
	// an older join. Expires is when the membership may be forgotten whatever
	// happens. What stands there for the same join stays as it is: the request
	// may be an earlier attempt that took effect late. ErrBehind if that has
	// fallen behind, ErrOvertaken if a newer join stands there, or a leave that
	// is newer or as old.
	Put(ctx context.Context, m Member, expires time.Time) error

	// Leave ends the membership of a join that is not newer than at, which is
	// when API Gateway took the leave, and reports whether there was one. It
	// leaves a mark that keeps older joins out until expires: one may still be
	// under way. A repeated call may report false for what an earlier one ended.
	Leave(ctx context.Context, room, connectionID string, at, expires time.Time) (bool, error)

	// Delete ends a membership, whenever it was written. The mark of a leave
	// stays: the join that it keeps out may still be under way. Only for a
	// connection that is over.
	Delete(ctx context.Context, room, connectionID string) error

	// Members reads all members of one shard, strongly consistent.
	Members(ctx context.Context, room string, shard int, now time.Time) (Roll, error)

	// Unmark deletes the mark that a leave has left, on condition that it has
	// expired at now and that nobody has joined anew.
	Unmark(ctx context.Context, room, connectionID string, now time.Time) error

	// SetPresence sets NoPresence and Regrants of a member, whichever join it is
	// one by. Nothing happens if it is none, or if it follows a newer token.
	SetPresence(ctx context.Context, m Member) error

	// Member reads one membership, strongly consistent. ErrNotMember if there is
	// none at now.
	Member(ctx context.Context, room, connectionID string, now time.Time) (Member, error)

	// SetBehind records that a member is behind, on condition that its
	// membership is still the one of the join at m.JoinedAt. ErrNotMember if it
	// has left, ErrOvertaken if it has joined again.
	SetBehind(ctx context.Context, m Member) error
}
