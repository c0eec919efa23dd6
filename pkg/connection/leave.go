package connection

import (
	"context"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// Leaving is the part of room.Store that a Leaver needs.
type Leaving interface {
	// Leave does what room.Store.Leave does.
	Leave(ctx context.Context, room, connectionID string, at, expires time.Time) (bool, error)
}

// Leaver ends single memberships of live connections: for the commands leave and
// sync, and for the sweeper. Remover ends the memberships of connections that are
// over.
type Leaver struct {
	store   Store
	members Leaving
	clock   clock.Clock
}

// NewLeaver returns a Leaver.
func NewLeaver(store Store, members Leaving, c clock.Clock) *Leaver {
	return &Leaver{store, members, c}
}

// Leave ends a connection's membership in a room and reports whether there was
// one; the caller tells the room. Joins that API Gateway took at the given time
// or before are kept out, even if still in progress; later ones stay. It returns
// ErrNotFound if the connection is over: whoever ended it tells the room. It
// costs two writes, or one if the room is not in the connection.
//
// The membership ends first: while it may exist, the room is in the connection,
// so that Remover finds it.
func (l *Leaver) Leave(ctx context.Context, c Connection, name string, at time.Time) (bool, error) {
	was, err := l.members.Leave(ctx, name, c.ID, at, l.clock.Now().Add(room.TombstoneFor))
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
