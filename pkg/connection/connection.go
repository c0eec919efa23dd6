// Package connection keeps the state of each connection, and alone decides when
// its last trace is deleted. Read connection.go, store.go and remove.go, in this
// order.
package connection

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
)

// Connection is the state of one WebSocket connection.
type Connection struct {
	// ID is API Gateway's connection id.
	ID string
	// Identity is empty until the connection has authenticated.
	Identity auth.Identity
	// TokenAt is when API Gateway took the command that carried the token; zero
	// for a token of the handshake.
	TokenAt time.Time
	// Session names one client across its reconnects, unique per user.
	Session string
	// ConnectedAt is when API Gateway accepted the handshake.
	ConnectedAt time.Time
	// Rooms are the rooms in which the connection may be a member, each with the
	// time at which API Gateway took its latest join. A room is here before its
	// membership is written and until after it is deleted. A room whose join was
	// overtaken by a leave may stay here.
	Rooms map[string]time.Time
	// JoinedAt is when the latest join began. It never goes back. While a join
	// may still be in progress, Remove leaves the last step to the sweeper.
	JoinedAt time.Time
	// CheckAt is when the sweeper checks the connection next: at the latest when
	// its token expires.
	CheckAt time.Time
	// Regrants counts how often other permissions replaced the connection's while
	// it was in rooms. Carried is the value of Regrants up to which its
	// memberships follow the permissions.
	Regrants, Carried int
	// Strikes counts consecutive signs that the connection is gone. A single sign
	// may be wrong; the sweeper removes the connection at two.
	Strikes int
	// Behind are the rooms in which live delivery has stopped and the client may
	// not know it. The sweeper tells it.
	Behind map[string]Behind
	// Sentence is the close code with which the sweeper must end the connection,
	// 0 for none.
	Sentence int
	// Closing is set when the connection is over and only needs to be deleted. It
	// cannot join rooms any more.
	Closing bool
}

// Behind is the record that a connection did not accept a room's live messages.
type Behind struct {
	// JoinedAt is when API Gateway took the join whose live messages have
	// stopped. A newer join has read the log itself, and need not be told.
	JoinedAt time.Time
	// At is when the record was made.
	At time.Time
}

// Authenticated reports whether the connection has authenticated.
func (c Connection) Authenticated() bool { return c.Identity.User != "" }

// Expired reports whether its token has expired at now.
func (c Connection) Expired(now time.Time) bool {
	return c.Authenticated() && c.Identity.Expired(now)
}

// Joining reports whether a join that began before the connection was read, which
// was at now or later, may still be in progress.
func (c Connection) Joining(now time.Time) bool { return now.Before(c.JoinedAt.Add(joinBound)) }

// Regranted reports whether a membership may not follow the permissions yet.
func (c Connection) Regranted() bool { return c.Regrants != c.Carried }

// In reports whether the connection has joined room.
func (c Connection) In(room string) bool {
	_, in := c.Rooms[room]
	return in
}
