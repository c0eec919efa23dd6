package handler

import (
	"context"
	"errors"

	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Limits limit how fast clients may send.
type Limits struct {
	// Commands limits the frames of one connection, including malformed ones.
	Commands *limit.Limiter
	// UserCommands limits the commands of all connections of one user, once the
	// user is known.
	UserCommands *limit.Limiter
	// Publishes and UserPublishes limit the messages of one connection and of one
	// user, including ephemeral ones, which Ephemerals limits as well.
	Publishes, UserPublishes, Ephemerals *limit.Limiter
	// Joins limits how often one user's connections enter a room: all members are
	// told each time, and again when the connection leaves.
	Joins *limit.Limiter
}

// take counts one event under a key and refuses it if the key is too fast. It
// condemns a connection that continues in spite of refusals: the sweeper says bye
// and closes it. connectionID is empty for a user's limit, which condemns nobody,
// because each of the user's connections may be within its own limit.
func (m *Commands) take(ctx context.Context, l *limit.Limiter, key, connectionID string) error {
	verdict, err := l.Take(ctx, key)
	if err != nil {
		return err
	}
	if verdict.Unruly && connectionID != "" {
		m.Logger.WarnContext(ctx, "condemned a connection: too fast in spite of refusals", "connectionId", connectionID)
		err := m.Connections.Condemn(ctx, connectionID, protocol.CloseViolation.Code, m.Clock.Now())
		if err != nil && !errors.Is(err, connection.ErrNotFound) {
			m.Logger.WarnContext(ctx, "could not condemn a connection", "connectionId", connectionID, "error", err)
		}
	}
	if verdict.Wait > 0 {
		return tooFast(verdict)
	}
	return nil
}

func tooFast(v limit.Verdict) *protocol.Error {
	return protocol.Retry(protocol.RateLimited, v.Wait.Milliseconds()+1, "you are too fast: continue after retryAfterMs")
}

// limitJoins returns the rooms that the user may enter now. It sets results for
// the others, to be tried again later.
func (m *Commands) limitJoins(ctx context.Context, user string, rooms []string, results map[string]protocol.RoomResult) ([]string, error) {
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
