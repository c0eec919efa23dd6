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
	// Publishes and UserPublishes bound the messages of one connection, and of
	// all connections of one user.
	Publishes, UserPublishes *limit.Limiter
}

// take counts one more under a key and refuses it if that is too fast. A
// connection that goes on and on is condemned: the sweeper says bye and closes
// it. Not so for a user's limit, where many connections may each heed it.
func (m *Message) take(ctx context.Context, l *limit.Limiter, key, connectionID string) error {
	verdict, err := l.Take(ctx, key)
	if err != nil {
		return err
	}
	if verdict.Unruly && key == connectionID {
		m.Logger.WarnContext(ctx, "connection condemned: too fast in spite of refusals", "connectionId", connectionID)
		err := m.Connections.Condemn(ctx, connectionID, protocol.CloseViolation.Code, m.Clock.Now())
		if err != nil && !errors.Is(err, connection.ErrNotFound) {
			m.Logger.WarnContext(ctx, "connection not condemned", "connectionId", connectionID, "error", err)
		}
	}
	if verdict.Wait > 0 {
		return protocol.Retry(protocol.RateLimited, verdict.Wait.Milliseconds()+1, "you are too fast: go on after retryAfterMs")
	}
	return nil
}
