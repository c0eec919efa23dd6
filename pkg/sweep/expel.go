package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// Members is what a sweeper needs of the rooms.
type Members interface {
	// Leave is room.Store's.
	Leave(ctx context.Context, room, connectionID string, at, expires time.Time) (bool, error)
}

// lost are the rooms of a connection that its token does not grant any more:
// it was replaced on the live connection by one that grants less, or the
// deployment does.
func (s *Sweeper) lost(c connection.Connection) []string {
	if c.Closing {
		return nil
	}
	var rooms []string
	for name := range c.Rooms {
		if !s.Policy.Allows(c.Identity, auth.Join, name) {
			rooms = append(rooms, name)
		}
	}
	return rooms
}

// expel takes a connection out of the rooms that it may not read any more. A
// join that was taken before is kept out by the mark of the leave; one that is
// taken later has met the new token. The connection is read again first: the
// sweep's own read may be older than a token that grants the room after all.
func (s *Sweeper) expel(ctx context.Context, id string) error {
	c, err := s.Connections.Get(ctx, id)
	if errors.Is(err, connection.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read connection again: %w", err)
	}
	now := s.Clock.Now()
	for _, name := range s.lost(c) {
		was, err := s.Members.Leave(ctx, name, id, now, now.Add(room.MarkFor))
		if err != nil {
			return fmt.Errorf("end membership: %w", err)
		}
		if err := s.Connections.DropRoom(ctx, id, name, now); err != nil && !errors.Is(err, connection.ErrNotFound) {
			return fmt.Errorf("drop room: %w", err)
		}
		if !was {
			continue
		}
		if err := s.Waker.Wake(ctx, broadcast.PresenceWake(name, c.Identity.User, id, true)); err != nil {
			return fmt.Errorf("tell rooms who left: %w", err)
		}
	}
	return nil
}
