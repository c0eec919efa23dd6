package handler

import (
	"context"
	"errors"

	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Limits are how fast clients may go.
type Limits struct {
	// Commands bounds what one connection sends, the frames that are refused
	// for their form included.
	Commands *limit.Limiter
	// UserCommands bounds what all connections of one user send, as far as it is
	// known whose they are.
	UserCommands *limit.Limiter
	// Publishes and UserPublishes bound the messages of one connection, and of
	// all connections of one user, the ephemeral ones of which Ephemerals bounds.
	Publishes, UserPublishes, Ephemerals *limit.Limiter
	// Joins bounds how often the connections of one user enter a room: each time,
	// and when it leaves, all its members are told.
	Joins *limit.Limiter
}

// take counts one more under a key and refuses it if that is too fast. A
// connection that goes on and on is condemned: the sweeper says bye and closes
// it. For a user's limit, which many connections may each heed, connectionID is
// empty, and nobody is.
func (m *Message) take(ctx context.Context, l *limit.Limiter, key, connectionID string) error {
	verdict, err := l.Take(ctx, key)
	if err != nil {
		return err
	}
	if verdict.Unruly && connectionID != "" {
		m.Logger.WarnContext(ctx, "connection condemned: too fast in spite of refusals", "connectionId", connectionID)
		err := m.Connections.Condemn(ctx, connectionID, protocol.CloseViolation.Code, m.Clock.Now())
		if err != nil && !errors.Is(err, connection.ErrNotFound) {
			m.Logger.WarnContext(ctx, "connection not condemned", "connectionId", connectionID, "error", err)
		}
	}
	if verdict.Wait > 0 {
		return tooFast(verdict)
	}
	return nil
}

func tooFast(v limit.Verdict) *protocol.Error {
	return protocol.Retry(protocol.RateLimited, v.Wait.Milliseconds()+1, "you are too fast: go on after retryAfterMs")
}

// limitJoins returns as many of the rooms as the user may enter now, and puts
// into results that the others are to be tried later.
func (m *Message) limitJoins(ctx context.Context, user string, rooms []string, results map[string]protocol.RoomResult) ([]string, error) {
	if len(rooms) == 0 {
		return nil, nil
	}
	n, verdict, err := m.Limits.Joins.TakeN(ctx, user, len(rooms))
	if err != nil {
		return nil, err
	}
	for _, name := range rooms[n:] {
		results[name] = protocol.RoomResult{Error: tooFast(verdict)}
	}
	return rooms[:n], nil
}
