package sweep

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// Members is what a sweeper needs of the rooms.
type Members interface {
	// Member is room.Store's.
	Member(ctx context.Context, room, connectionID string, now time.Time) (room.Member, error)
	// SetPresence is room.Store's.
	SetPresence(ctx context.Context, m room.Member) error
}

// unsettled reports whether a connection has memberships that its token does
// not grant any more, or that may not be in line with it: it was replaced on
// the live connection by one that grants something else, or the deployment does.
func (s *Sweeper) unsettled(c connection.Connection) bool {
	if c.Closing {
		return false
	}
	for name := range c.Rooms {
		if !s.Policy.Allows(c.Identity, auth.Join, name) {
			return true
		}
	}
	return c.Regranted()
}

// settle brings the memberships of a connection in line with its token: those
// in rooms that it may not read any more end, the others learn whether they see
// presence. The connection is read again first: the sweep's own read may be
// older than the token.
//
// A join that is under way may still write what an older token said. It is kept
// out of rooms that are lost by the mark of the leave. As to presence, the
// next sweep looks again, until none can be under way.
func (s *Sweeper) settle(ctx context.Context, id string) error {
	// The time before it is read: whoever comes later has met what is read.
	began := s.Clock.Now()
	c, err := s.Connections.Get(ctx, id)
	if err != nil {
		return fmt.Errorf("read connection again: %w", err)
	}
	if c.Closing {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(c.Rooms)) {
		if !s.Policy.Allows(c.Identity, auth.Join, name) {
			// By the time of the join that was read, which is API Gateway's: our own
			// clock may be behind it. A later join meets the token that was read.
			at := c.Rooms[name]
			if at.IsZero() { // it cannot be read
				at = began
			}
			if err := s.leave(ctx, c, name, at); err != nil {
				return err
			}
			continue
		}
		if !c.Regranted() {
			continue
		}
		m := room.Member{
			Room: name, ConnectionID: id,
			NoPresence: !s.Policy.Allows(c.Identity, auth.Presence, name), Regrants: c.Regrants,
		}
		if err := s.Members.SetPresence(ctx, m); err != nil {
			return err
		}
	}
	if !c.Regranted() || c.Joining(began) {
		return nil
	}
	return s.Connections.Carry(ctx, id, c.Regrants)
}

// leave takes a connection out of a room and tells the room.
func (s *Sweeper) leave(ctx context.Context, c connection.Connection, name string, at time.Time) error {
	was, err := s.Leaver.Leave(ctx, c, name, at)
	if err != nil || !was {
		return err
	}
	if err := s.Waker.Wake(ctx, broadcast.PresenceWake(name, c.Identity.User, c.ID, true)); err != nil {
		return fmt.Errorf("tell room who left: %w", err)
	}
	return nil
}
