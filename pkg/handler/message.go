package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// Commands answers the commands of clients: every route except $connect,
// $disconnect and ping. The reply is the function's result, which API Gateway
// sends as the route response, without a call of @connections.
type Commands struct {
	Connections connection.Store
	Members     room.Store
	Leaver      *connection.Leaver
	Log         *msglog.Log
	Waker       broadcast.Waker
	Verifier    Verifier
	Hooks       *hook.Runner // nil for none
	Revocations *revocation.Guard
	Policy      auth.Policy
	Clock       clock.Clock
	Random      func(n int64) int64 // uniform in [0, n)
	Limits      Limits
	Logger      *slog.Logger

	// Heartbeat is the interval at which clients are told to ping.
	Heartbeat time.Duration
	// Grace is the time that a connection has to authenticate.
	Grace time.Duration
	// CheckEvery is the time after which the sweeper checks the connection.
	CheckEvery time.Duration
	// MaxRooms is the number of rooms that one connection may be in.
	MaxRooms int
}

// actions maps each action to the method that answers it.
var actions = map[protocol.Action]func(*Commands, context.Context, *call) (any, error){
	protocol.ActionHello:    (*Commands).hello,
	protocol.ActionAuth:     (*Commands).auth,
	protocol.ActionJoin:     (*Commands).join,
	protocol.ActionLeave:    (*Commands).leave,
	protocol.ActionPublish:  (*Commands).publish,
	protocol.ActionHistory:  (*Commands).history,
	protocol.ActionSync:     (*Commands).sync,
	protocol.ActionPresence: (*Commands).presence,
}

// call is one command in progress.
type call struct {
	connectionID string
	connectedAt  time.Time
	at           time.Time // when API Gateway took the command, to the millisecond
	command      protocol.Command
}

// Handle answers one frame. It never returns an error: failures become replies.
func (m *Commands) Handle(ctx context.Context, req events.APIGatewayWebsocketProxyRequest) (events.APIGatewayProxyResponse, error) {
	reply, err := m.reply(ctx, req)
	if err != nil {
		return events.APIGatewayProxyResponse{}, err
	}
	return events.APIGatewayProxyResponse{StatusCode: http.StatusOK, Body: string(reply)}, nil
}

func (m *Commands) reply(ctx context.Context, req events.APIGatewayWebsocketProxyRequest) ([]byte, error) {
	command, err := protocol.Decode([]byte(req.Body))
	// A malformed frame counts as well.
	if slow := m.take(ctx, m.Limits.Commands, req.RequestContext.ConnectionID, req.RequestContext.ConnectionID); slow != nil {
		err = slow
	}
	if err != nil {
		return protocol.EncodeError(command.ID, m.explain(ctx, err))
	}
	result, err := actions[command.Action](m, ctx, &call{
		connectionID: req.RequestContext.ConnectionID,
		connectedAt:  time.UnixMilli(req.RequestContext.ConnectedAt),
		at:           time.UnixMilli(req.RequestContext.RequestTimeEpoch),
		command:      command,
	})
	if err != nil {
		return protocol.EncodeError(command.ID, m.explain(ctx, err))
	}
	return protocol.EncodeOK(command.ID, result)
}

// errRevoked answers commands that use a revoked token.
var errRevoked = protocol.Errorf(protocol.Forbidden, "your access has been revoked")

// retryAfterMs is the wait before a client repeats a command after a failure
// below us. Clients add jitter of their own.
const retryAfterMs = 500

// explain turns an error into one that the client may see.
func (m *Commands) explain(ctx context.Context, err error) *protocol.Error {
	var ours *protocol.Error
	var passing interface{ Temporary() bool }
	var failed *hook.Failure
	switch {
	case errors.As(err, &failed) && failed.Broken: // it may wrap any error of the application
	case failed != nil:
		m.Logger.ErrorContext(ctx, "hook failed", "error", err)
		return protocol.Retry(protocol.Unavailable, retryAfterMs, "not available at the moment: try again with the same key")
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, connection.ErrNotFound):
		return protocol.Errorf(protocol.Unauthenticated, "this connection is not registered any more: connect again")
	case errors.Is(err, connection.ErrOtherUser):
		return protocol.Errorf(protocol.Conflict, "this connection belongs to another user: open a new one")
	case errors.Is(err, connection.ErrTooLate):
		return protocol.Errorf(protocol.Unauthenticated, "this connection was not authenticated in time: open a new one")
	case errors.Is(err, connection.ErrTooManyRooms):
		return protocol.Errorf(protocol.Conflict, "a connection may be in at most %d rooms", m.MaxRooms)
	case errors.Is(err, room.ErrOvertaken):
		return protocol.Retry(protocol.Conflict, retryAfterMs, "a later join or leave of this room came first: join again if you want to be in it")
	case errors.Is(err, auth.ErrExpired):
		return protocol.Errorf(protocol.TokenExpired, "the token has expired: send a fresh one")
	case errors.Is(err, auth.ErrInvalid):
		return protocol.Errorf(protocol.Unauthenticated, "the token is not valid here")
	case errors.Is(err, msglog.ErrContended), errors.Is(err, auth.ErrUnavailable),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.As(err, &passing) && passing.Temporary():
		m.Logger.WarnContext(ctx, "command failed temporarily", "error", err)
		return protocol.Retry(protocol.Unavailable, retryAfterMs, "not available at the moment: try again with the same key")
	}
	m.Logger.ErrorContext(ctx, "command failed", "error", err)
	return protocol.Errorf(protocol.Internal, "something went wrong on our side")
}

// may returns the connection of a command if its token grants the action. To
// allow a command, an eventually consistent read, at half a read unit, is enough;
// before refusing one, may reads consistently.
func (m *Commands) may(ctx context.Context, c *call, action auth.Action, room string) (connection.Connection, error) {
	conn, err := m.Connections.Peek(ctx, c.connectionID)
	if err == nil && m.admit(ctx, conn) == nil && m.Policy.Allows(conn.Identity, action, room) {
		return conn, m.take(ctx, m.Limits.UserCommands, conn.Identity.User, "")
	}
	if err != nil && !errors.Is(err, connection.ErrNotFound) {
		return connection.Connection{}, fmt.Errorf("read connection: %w", err)
	}
	if conn, err = m.readConnection(ctx, c); err != nil {
		return connection.Connection{}, err
	}
	return conn, m.permit(conn.Identity, action, room)
}

// readConnection reads the connection of a command, strongly consistent.
func (m *Commands) readConnection(ctx context.Context, c *call) (connection.Connection, error) {
	conn, err := m.Connections.Get(ctx, c.connectionID)
	if err != nil {
		return connection.Connection{}, fmt.Errorf("read connection: %w", err)
	}
	if err := m.admit(ctx, conn); err != nil {
		return conn, err
	}
	return conn, m.take(ctx, m.Limits.UserCommands, conn.Identity.User, "")
}

// admit returns an error if a connection may not give commands.
func (m *Commands) admit(ctx context.Context, conn connection.Connection) error {
	if err := m.checkConnection(conn); err != nil {
		return err
	}
	return m.unrevoked(ctx, conn.Identity, conn.Session)
}

// checkConnection returns an error if a connection is unregistered, unauthenticated or
// condemned.
func (m *Commands) checkConnection(conn connection.Connection) error {
	switch {
	case conn.Closing:
		return connection.ErrNotFound
	case conn.Sentence != 0 && !(protocol.Close{Code: conn.Sentence}).Reconnect():
		return protocol.Errorf(protocol.Forbidden, "this connection is being closed")
	case !conn.Authenticated():
		return protocol.Errorf(protocol.Unauthenticated, "say hello with a token first")
	case conn.Expired(m.Clock.Now()):
		return auth.ErrExpired
	}
	return nil
}

// unrevoked returns an error if a token has been revoked. The sweeper closes the
// connection.
func (m *Commands) unrevoked(ctx context.Context, id auth.Identity, session string) error {
	revoked, err := m.Revocations.Revoked(ctx, id.User, session, id.Issued)
	if err != nil {
		return err
	}
	if revoked {
		return errRevoked
	}
	return nil
}

// wake starts the drainer. If that fails, the message must not be acknowledged:
// an acknowledged message must reach the members without another message.
func (m *Commands) wake(ctx context.Context, wakes ...broadcast.Wake) error {
	if err := m.Waker.Wake(ctx, wakes...); err != nil {
		return fmt.Errorf("wake the broadcaster: %w", err)
	}
	return nil
}

// courtesy sends wake-ups that nothing depends on.
func (m *Commands) courtesy(ctx context.Context, wakes ...broadcast.Wake) {
	if err := m.Waker.Wake(ctx, wakes...); err != nil {
		m.Logger.WarnContext(ctx, "presence or repair wake-up lost", "error", err)
	}
}
