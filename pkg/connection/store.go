package connection

import (
	"context"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
)

// Store keeps connections. Each method is one atomic decision; all are safe
// for concurrent use, and may be repeated after a Temporary error. Methods that
// change a connection return ErrNotFound where there is none or it is Closing,
// and never bring one back. Times are kept to the millisecond.
//
// A connection that was condemned with a code stays due: neither Check nor
// Authenticate moves its next check, or a kicked user could put off the end.
type Store interface {
	// Put registers a connection. One that is registered already stays as it is:
	// API Gateway gives each connection an id of its own, so the request is an
	// earlier attempt that took effect late.
	Put(ctx context.Context, c Connection) error

	// Get reads a connection, strongly consistent, Closing or not.
	Get(ctx context.Context, id string) (Connection, error)

	// Peek is Get at half the cost, eventually consistent: what it returns was
	// true a moment ago, and a new connection may be missing.
	Peek(ctx context.Context, id string) (Connection, error)

	// Authenticate sets identity, session and next check, adds rooms, and
	// returns the connection as it then stands. Identity and next check stay if
	// they are of a command that came later: a token may arrive late, and must
	// not take the place of a fresher one. If it is in rooms already, and with
	// other permissions, it is Regranted once more. With rooms, JoinedAt is not
	// before Now. Nothing has changed with
	// ErrOtherUser if another user owns it, ErrTooLate if it is Late and nobody
	// does, ErrTooManyRooms if it would be in more than Max.
	Authenticate(ctx context.Context, p AuthenticateParams) (Connection, error)

	// AddRoom adds a room before its membership is written, moves JoinedAt to
	// Now unless it is later, and returns the connection as it then stands:
	// permissions that replace these later find the room there. A room that
	// stands there for a newer join goes on standing for it.
	// ErrTooManyRooms if the connection would be in more than Max, which is at
	// least 1; a room that it is in already can always be added.
	AddRoom(ctx context.Context, p AddRoomParams) (Connection, error)

	// DropRoom removes a room after its membership was ended by a command that
	// API Gateway took at upto, unless a newer join of it has begun.
	DropRoom(ctx context.Context, id, room string, upto time.Time) error

	// Carry records that the memberships are in line with the permissions that
	// stood there when Regrants was upto. A higher number stays.
	Carry(ctx context.Context, id string, upto int) error

	// Check records what a look at the connection found, unless its CheckAt is
	// not what was Seen any more, or it was condemned: what came meanwhile
	// decides when to look again, and how it goes on.
	Check(ctx context.Context, p CheckParams) error

	// MarkBehind records that the connection is behind in a room, for the join
	// taken at joinedAt. A record for the same join or a newer one stays as it is.
	// The sweeper looks at a connection with such a record, whatever its CheckAt
	// says.
	MarkBehind(ctx context.Context, id, room string, joinedAt, now time.Time) error

	// ClearBehind removes the record that the connection is behind in a room,
	// unless it is for a join that was taken after upto.
	ClearBehind(ctx context.Context, id, room string, upto time.Time) error

	// Condemn makes the connection due at once, to be ended with the close
	// code, unless it is to be ended with as high a one already: those that do
	// not let come back are above those that do.
	Condemn(ctx context.Context, id string, code int, now time.Time) error

	// MarkClosing ends a connection but for its traces, which the sweeper
	// removes at next. It works on a Closing one too.
	MarkClosing(ctx context.Context, id string, next time.Time) error

	// Delete forgets a connection on condition that its JoinedAt is still
	// joinedAt, so that no join has begun since, and reports whether it did. One
	// that is not there counts as deleted.
	Delete(ctx context.Context, id string, joinedAt time.Time) (bool, error)

	// Due reads connections of one partition whose CheckAt is not after now,
	// Closing or not: one page from cursor on, and the cursor of the next page,
	// empty at the end. A page may be empty though others follow. It may be
	// eventually consistent.
	Due(ctx context.Context, p DueParams) ([]Connection, string, error)

	// Partitions is over how many partitions the connections are spread.
	Partitions() int
}

// AuthenticateParams sets who is behind a connection.
type AuthenticateParams struct {
	ID       string
	Identity auth.Identity
	TokenAt  time.Time // when API Gateway took the command that showed it; zero: in the handshake
	Late     bool      // the time is over in which it may be authenticated for the first time
	Session  string    // empty keeps what there is
	Rooms    []string
	Max      int       // at least 1 with Rooms
	At       time.Time // when API Gateway took the command that joins the Rooms
	Now      time.Time // when the joins begin
	CheckAt  time.Time
}

// AddRoomParams adds a room.
type AddRoomParams struct {
	ID, Room string
	Max      int
	At       time.Time // when API Gateway took the join
	Now      time.Time // when it begins
}

// CheckParams is what a look at a connection found.
type CheckParams struct {
	ID      string
	Seen    time.Time // the CheckAt that the look was for; zero if none could be read
	Strikes int
	Next    time.Time // when to look again
}

// DueParams selects connections to look at.
type DueParams struct {
	Partition int
	Now       time.Time
	Cursor    string
}
