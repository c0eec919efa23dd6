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

// Members is the part of room.Store that a sweeper needs.
type Members interface {
	// Member does what room.Store.Member does.
	Member(ctx context.Context, room, connectionID string, now time.Time) (room.Member, error)
	// SetPresence does what room.Store.SetPresence does.
	SetPresence(ctx context.Context, m room.Member) error
}

// unsettled reports whether a connection may have memberships that do not follow
// its permissions, because a new token or the deployment's policy grants
// something else.
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

// settle makes the memberships of a connection follow its token: it ends those in
// rooms that the connection may not read any more, and sets on the others whether
// they see presence. It reads the connection first, because the sweep's own read
// may be older than the token.
//
// A join in progress may still write what an older token granted. The tombstone
// of the leave keeps it out of rooms that are lost. For presence, later sweeps
// look again until no such join can be in progress.
func (s *Sweeper) settle(ctx context.Context, id string) error {
	// The time must be from before the read: a later join finds the token that
	// was read.
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
			// Use the time of the join that was read, which is API Gateway's: our
			// own clock may be behind it. A later join finds the token that was
			// read.
			at := c.Rooms[name]
			if at.IsZero() { // unreadable
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

// leave ends a membership and tells the room.
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
