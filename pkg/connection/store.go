package connection

import (
	"context"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
)

// Store keeps connections. Each method is one atomic decision, is safe for
// concurrent use, and may be repeated after a Temporary error. Methods that
// change a connection return ErrNotFound if there is none or if it is Closing,
// and never bring one back. Times have milliseconds.
//
// A condemned connection stays due: neither Check nor Authenticate moves its next
// check, or a kicked user could put off the end.
type Store interface {
	// Put registers a connection. If it is registered already, nothing changes:
	// API Gateway gives each connection its own id, so this is an earlier attempt
	// that took effect late.
	Put(ctx context.Context, c Connection) error

	// Get reads a connection, strongly consistent, even if it is Closing.
	Get(ctx context.Context, id string) (Connection, error)

	// Peek is Get at half the cost, eventually consistent: the result may be a
	// moment old, and a new connection may be missing.
	Peek(ctx context.Context, id string) (Connection, error)

	// Authenticate sets identity, session and next check, adds rooms, and returns
	// the connection after that. Identity and next check stay if they are from a
	// later command, because a token may arrive late and must not replace a newer
	// one. If the connection is in rooms and the permissions differ, Regrants
	// grows by one. With rooms, JoinedAt is moved to Now unless it is later.
	//
	// It changes nothing and returns ErrOtherUser if the connection belongs to
	// another user, ErrTooLate if it is Late and belongs to nobody,
	// ErrTooManyRooms if it would be in more than Max.
	Authenticate(ctx context.Context, p AuthenticateParams) (Connection, error)

	// AddRoom adds a room before its membership is written, moves JoinedAt to Now
	// unless it is later, and returns the connection after that, so that
	// permissions that replace the returned ones find the room. A room that is
	// there for a newer join stays unchanged. It returns ErrTooManyRooms if the
	// connection would be in more than Max, which is at least 1; a room that it
	// is already in can always be added.
	AddRoom(ctx context.Context, p AddRoomParams) (Connection, error)

	// DropRoom removes a room after a command that API Gateway took at upto has
	// ended its membership, unless a newer join has begun.
	DropRoom(ctx context.Context, id, room string, upto time.Time) error

	// Carry records that the memberships follow the permissions that were stored
	// when Regrants was upto. It never lowers Carried.
	Carry(ctx context.Context, id string, upto int) error

	// Check records the result of a check. It does nothing if CheckAt is not Seen
	// any more, or if the connection was condemned: whatever changed it decides
	// about the next check.
	Check(ctx context.Context, p CheckParams) error

	// MarkBehind records that the connection is behind in a room, for the join
	// taken at joinedAt. A record for the same join or a newer one stays
	// unchanged. The sweeper checks a connection with such a record, whatever its
	// CheckAt.
	MarkBehind(ctx context.Context, id, room string, joinedAt, now time.Time) error

	// ClearBehind removes the record that the connection is behind in a room,
	// unless it is for a join taken after upto.
	ClearBehind(ctx context.Context, id, room string, upto time.Time) error

	// Condemn makes the connection due at once, to be ended with the close code,
	// unless it has one that is as high or higher: the codes that forbid clients
	// to reconnect are the higher ones.
	Condemn(ctx context.Context, id string, code int, now time.Time) error

	// MarkClosing marks a connection as over. The sweeper deletes it at next. A
	// Closing connection can be marked again.
	MarkClosing(ctx context.Context, id string, next time.Time) error

	// Delete deletes a connection on condition that its JoinedAt is still
	// joinedAt, so that no join has begun meanwhile, and reports whether it did.
	// A missing connection counts as deleted.
	Delete(ctx context.Context, id string, joinedAt time.Time) (bool, error)

	// Due reads connections of one partition whose CheckAt is not after now, even
	// Closing ones: one page from cursor on, and the cursor of the next page,
	// empty at the end. A page may be empty even if others follow. It may be
	// eventually consistent.
	Due(ctx context.Context, p DueParams) ([]Connection, string, error)

	// Partitions returns the number of partitions that hold the connections.
	Partitions() int
}

// AuthenticateParams sets the identity of a connection.
type AuthenticateParams struct {
	ID       string
	Identity auth.Identity
	TokenAt  time.Time // when API Gateway took the token's command; zero for the handshake
	Late     bool      // the time to authenticate first is over
	Session  string    // empty keeps the current one
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
	Now      time.Time // when the join begins
}

// CheckParams is the result of a check.
type CheckParams struct {
	ID      string
	Seen    time.Time // the CheckAt that was due; zero if it could not be read
	Strikes int
	Next    time.Time // when to check again
}

// DueParams selects connections to check.
type DueParams struct {
	Partition int
	Now       time.Time
	Cursor    string
}
