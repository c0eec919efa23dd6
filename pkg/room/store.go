package room

import (
	"context"
	"errors"
	"time"
)

// ErrNotMember is returned when a membership to change does not exist any more.
var ErrNotMember = errors.New("not a member")

// ErrOvertaken is returned when a join is written after a later join or leave of
// the same connection, or its membership is changed after a later join.
var ErrOvertaken = errors.New("overtaken by a later join or leave")

// ErrBehind is returned when a join writes a membership that it has written
// before and that is behind now. It is Temporary: a join that API Gateway takes a
// millisecond or more later succeeds.
var ErrBehind error = temporary("the membership of this join is behind")

type temporary string

func (t temporary) Error() string { return string(t) }
func (temporary) Temporary() bool { return true }

// Store keeps memberships. Each method is one atomic decision, is safe for
// concurrent use, and may be repeated after an error whose Temporary method
// returns true.
type Store interface {
	// Put makes a connection a member that is not behind, and replaces what an
	// older join wrote. Expires is when the membership may be deleted whatever
	// happens. If the same join has written already, nothing changes, because the
	// request may be an earlier attempt that took effect late. It returns
	// ErrBehind if that membership is behind, and ErrOvertaken after a newer
	// join, or a leave that is newer or as old.
	Put(ctx context.Context, m Member, expires time.Time) error

	// Leave ends a membership whose join is not newer than at, which is when API
	// Gateway took the leave, and reports whether there was one. It writes a
	// tombstone that keeps older joins out until expires, because one may still
	// be in progress. A repeated call may report false for a membership that an
	// earlier attempt ended.
	Leave(ctx context.Context, room, connectionID string, at, expires time.Time) (bool, error)

	// Delete ends a membership, whenever it was written. A tombstone stays,
	// because the join that it keeps out may still be in progress. Call it only
	// for connections that are over.
	Delete(ctx context.Context, room, connectionID string) error

	// Members reads all members of one shard, strongly consistent.
	Members(ctx context.Context, room string, shard int, now time.Time) (Roll, error)

	// DropTombstone deletes the tombstone of a leave, on condition that it has expired
	// at now and that the connection has not joined again.
	DropTombstone(ctx context.Context, room, connectionID string, now time.Time) error

	// SetPresence sets NoPresence and Regrants of a member, whichever join it is
	// by. It does nothing if there is no member, or if the member follows a newer
	// token.
	SetPresence(ctx context.Context, m Member) error

	// Member reads one membership, strongly consistent. It returns ErrNotMember
	// if there is none at now.
	Member(ctx context.Context, room, connectionID string, now time.Time) (Member, error)

	// SetBehind sets Behind on a member, on condition that its membership is
	// still that of the join at m.JoinedAt. It returns ErrNotMember after a leave
	// and ErrOvertaken after a newer join.
	SetBehind(ctx context.Context, m Member) error
}
