package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// untold reports whether a connection may not know yet that it is behind.
func untold(c connection.Connection) bool { return len(c.Behind) > 0 && !c.Closing }

// tellBehind tells a connection in which rooms it is behind, and clears each
// record once the connection has accepted that, has left the room or has joined
// it again. It reports whether the connection has refused to be told for
// IdleAfter. Such a connection accepts nothing, even though API Gateway counts
// our own posts as its activity.
func (s *Sweeper) tellBehind(ctx context.Context, c connection.Connection, now time.Time) (refuses bool, err error) {
	for _, name := range slices.Sorted(maps.Keys(c.Behind)) {
		record := c.Behind[name]
		done, err := s.tellOne(ctx, c.ID, name, record, now)
		if err != nil {
			return false, err
		}
		if !done {
			refuses = refuses || now.Sub(record.At) >= s.config.IdleAfter
			continue
		}
		if err := s.Connections.ClearBehind(ctx, c.ID, name, record.JoinedAt); err != nil {
			return false, err
		}
	}
	return refuses, nil
}

// tellOne reports whether one room's record can be cleared.
func (s *Sweeper) tellOne(ctx context.Context, id, name string, record connection.Behind, now time.Time) (bool, error) {
	m, err := s.Members.Member(ctx, name, id, now)
	switch {
	case errors.Is(err, room.ErrNotMember):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("read membership of a connection that is behind: %w", err)
	case m.JoinedAt.After(record.JoinedAt):
		return true, nil
	}
	head, err := s.Heads.Head(ctx, name)
	if err != nil {
		return false, fmt.Errorf("read head for a connection that is behind: %w", err)
	}
	frame, err := broadcast.BehindFrame(name, head.Position())
	if err != nil {
		return false, err
	}
	return s.Gateway.Post(ctx, id, frame) == nil, nil
}
