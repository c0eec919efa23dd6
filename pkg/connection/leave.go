package connection

import (
	"context"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// Leaving is what a Leaver needs of the rooms.
type Leaving interface {
	// Leave is room.Store's.
	Leave(ctx context.Context, room, connectionID string, at, expires time.Time) (bool, error)
}

// Leaver ends single memberships of connections that go on: for the commands
// leave and sync, and for the sweeper. Those of a connection that is over are
// Remover's.
type Leaver struct {
	store   Store
	members Leaving
	clock   clock.Clock
}

// NewLeaver returns a Leaver.
func NewLeaver(store Store, members Leaving, c clock.Clock) *Leaver {
	return &Leaver{store, members, c}
}

// Leave ends the membership of a connection in a room and reports whether there
// was one; the caller tells the room. A join that API Gateway took at the given
// time or before, and that is still under way, is kept out; one that was taken
// later stays. ErrNotFound if the connection is over: whoever ended it tells
// the room. Two writes, or one if the room does not stand in the connection.
//
// The membership ends first: as long as it may be there, the room stands in the
// connection, so that Remover finds it.
func (l *Leaver) Leave(ctx context.Context, c Connection, name string, at time.Time) (bool, error) {
	was, err := l.members.Leave(ctx, name, c.ID, at, l.clock.Now().Add(room.MarkFor))
	if err != nil {
		return false, fmt.Errorf("end membership: %w", err)
	}
	if c.In(name) {
		if err := l.store.DropRoom(ctx, c.ID, name, at); err != nil {
			return false, fmt.Errorf("drop room: %w", err)
		}
	}
	return was, nil
}
