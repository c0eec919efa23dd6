// Package connection knows who is connected: the state of each connection, the
// registry that changes it, and the one place that decides when its last trace
// may go. Read in this order: connection.go, store.go, registry.go, remove.go.
package connection

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
)

// Connection is the state of one WebSocket connection.
type Connection struct {
	// ID is API Gateway's connection id.
	ID string
	// Identity is who is behind it; its User is empty until the connection
	// has authenticated.
	Identity auth.Identity
	// TokenAt is when API Gateway took the command whose token it has; zero for
	// that of the handshake.
	TokenAt time.Time
	// Session names one client across its reconnects, unique per user.
	Session string
	// ConnectedAt is when API Gateway accepted the handshake.
	ConnectedAt time.Time
	// Rooms are those whose membership may exist, each with when API Gateway
	// took the latest join of it. A room stands here before its membership is
	// written and until after it is deleted; one whose join was overtaken by a
	// leave may go on standing here.
	Rooms map[string]time.Time
	// JoinedAt is when the latest join began. It never goes back. While one may
	// still be under way, Remove leaves the last step to the sweeper.
	JoinedAt time.Time
	// CheckAt is when the sweeper looks at the connection next: at the latest
	// when its token expires.
	CheckAt time.Time
	// Regrants counts how often its permissions were replaced by others while
	// it was in rooms, and Carried says up to which of those times its
	// memberships are known to be in line with them.
	Regrants, Carried int
	// Strikes counts consecutive signs that the connection is gone. One may be
	// wrong; the sweeper removes at two.
	Strikes int
	// Behind are the rooms in which live delivery to the connection has stopped
	// and in which it may not know that. The sweeper tells it.
	Behind map[string]Behind
	// Sentence is the close code with which the sweeper is to end the
	// connection, 0 for none.
	Sentence int
	// Closing is set when the connection is over and only its traces are
	// left. Nobody may join with it any more.
	Closing bool
}

// Behind is the record that a connection did not accept a room's live messages.
type Behind struct {
	// JoinedAt is when API Gateway took the join whose live messages have
	// stopped. A newer join has read the log itself, and needs to be told nothing.
	JoinedAt time.Time
	// At is when the record was made.
	At time.Time
}

// Authenticated reports whether the connection has proved who it is.
func (c Connection) Authenticated() bool { return c.Identity.User != "" }

// Expired reports whether its token has expired at now.
func (c Connection) Expired(now time.Time) bool {
	return c.Authenticated() && c.Identity.Expired(now)
}

// Joining reports whether a join that began before the connection was read, at
// now or later, may still be under way.
func (c Connection) Joining(now time.Time) bool { return now.Before(c.JoinedAt.Add(joinBound)) }

// Regranted reports whether there may be a membership that is not in line with
// its permissions yet.
func (c Connection) Regranted() bool { return c.Regrants != c.Carried }

// In reports whether the connection has joined room.
func (c Connection) In(room string) bool {
	_, in := c.Rooms[room]
	return in
}
