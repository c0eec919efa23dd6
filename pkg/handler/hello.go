package handler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// roomWidth limits how many rooms of one command are processed concurrently.
const roomWidth = 8

// Lifetime is the time after which API Gateway ends every connection
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
const Lifetime = 2 * time.Hour

// Clients are told to rotate at a random time between rotateEarliest and
// rotateLatest before Lifetime ends: connections that began together must not end
// together (the account's limit is 500 new connections a second).
const (
	rotateEarliest = 15 * time.Minute
	rotateLatest   = 5 * time.Minute
)

// hello authenticates the connection and joins the rooms that it names.
func (m *Commands) hello(ctx context.Context, c *call) (any, error) {
	p := c.command.Params.(*protocol.Hello)
	identity, shown, err := m.identify(ctx, c, p.Token)
	if err != nil {
		return nil, err
	}
	now := m.Clock.Now()
	results := make(map[string]protocol.RoomResult, len(p.Rooms))
	var rooms []string
	visitor := connection.Connection{ID: c.connectionID, Identity: identity, Session: p.Session}
	asked := slices.Sorted(maps.Keys(p.Rooms))
	for i, err := range m.permitAll(ctx, visitor, asked) {
		if err != nil {
			results[asked[i]] = protocol.RoomResult{Error: m.explain(ctx, err)}
			continue
		}
		rooms = append(rooms, asked[i])
	}
	rooms, err = m.limitJoins(ctx, identity.User, rooms, results)
	if err != nil {
		return nil, err
	}
	conn, err := m.Connections.Authenticate(ctx, connection.AuthenticateParams{
		ID: c.connectionID, Identity: identity, TokenAt: shown, Late: m.late(c), Session: p.Session, Rooms: rooms,
		Max: m.MaxRooms, At: c.at, Now: now, CheckAt: connection.NextCheck(now, m.CheckEvery, identity),
	})
	if err != nil {
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	// A good token does not save a condemned connection.
	if err := m.checkConnection(conn); err != nil {
		return nil, err
	}
	if err := m.take(ctx, m.Limits.UserCommands, identity.User, ""); err != nil {
		return nil, err
	}
	// Without a token and rooms there is nothing to look up yet; every later
	// command does that.
	if p.Token != "" || len(rooms) > 0 {
		if err := m.unrevoked(ctx, identity, conn.Session); err != nil {
			return nil, m.evict(ctx, c, err)
		}
	}
	pages := m.enterAll(ctx, c, conn, rooms, p.Rooms)
	maps.Copy(results, pages)
	answer := protocol.HelloResult{
		ConnectionID: c.connectionID, User: identity.User, Session: conn.Session,
		HeartbeatMs: m.Heartbeat.Milliseconds(), TokenExpiresInMs: expiresIn(conn.Identity, now),
		RotateInMs: m.rotateIn(c.connectedAt, now).Milliseconds(), Rooms: results,
	}
	return answer, fitRooms(c.command.ID, answer, results)
}

// identify verifies the token, or uses the identity of the handshake or of an
// earlier command. It also returns when API Gateway took the command that showed
// the token. After an invalid token the sweeper closes the connection.
func (m *Commands) identify(ctx context.Context, c *call, token string) (auth.Identity, time.Time, error) {
	if token == "" {
		conn, err := m.Connections.Get(ctx, c.connectionID)
		if err != nil {
			return auth.Identity{}, time.Time{}, fmt.Errorf("read connection: %w", err)
		}
		return conn.Identity, conn.TokenAt, m.checkConnection(conn)
	}
	identity, err := m.Verifier.Verify(ctx, token)
	if errors.Is(err, auth.ErrInvalid) {
		err = m.evict(ctx, c, err)
	}
	return identity, c.at, err
}

// late reports whether the command came after the time to authenticate. Both
// times are API Gateway's, so no clock of ours is compared.
func (m *Commands) late(c *call) bool { return c.at.Sub(c.connectedAt) > m.Grace }

// evict lets the sweeper close a connection whose token is invalid, and returns
// the error for the client.
func (m *Commands) evict(ctx context.Context, c *call, why error) error {
	code := protocol.CloseTokenInvalid.Code
	switch {
	case errors.Is(why, errRevoked):
		code = protocol.CloseKicked.Code
	case !errors.Is(why, auth.ErrInvalid):
		return why
	}
	m.Logger.InfoContext(ctx, "token refused", "connectionId", c.connectionID, "reason", why)
	err := m.Connections.Condemn(ctx, c.connectionID, code, m.Clock.Now())
	if err != nil && !errors.Is(err, connection.ErrNotFound) {
		m.Logger.WarnContext(ctx, "could not condemn a connection with a bad token", "error", err)
	}
	return why
}

// enterAll joins rooms that are already in the connection.
func (m *Commands) enterAll(ctx context.Context, c *call, conn connection.Connection, rooms []string, from map[string]protocol.From) map[string]protocol.RoomResult {
	results := make([]protocol.RoomResult, len(rooms))
	var group errgroup.Group
	group.SetLimit(roomWidth)
	for i, name := range rooms {
		group.Go(func() error {
			result, err := m.enter(ctx, c, conn, name, start(from[name]))
			if err != nil {
				results[i] = protocol.RoomResult{Error: m.explain(ctx, err)}
				return nil
			}
			results[i] = protocol.RoomResult{JoinResult: &result}
			return nil
		})
	}
	_ = group.Wait() // each room's error is in its result
	byName := make(map[string]protocol.RoomResult, len(rooms))
	var wakes []broadcast.Wake
	for i, name := range rooms {
		byName[name] = results[i]
		if results[i].Error == nil {
			wakes = append(wakes, broadcast.PresenceWake(name, conn.Identity.User, conn.ID, false))
		}
	}
	m.courtesy(ctx, wakes...)
	return byName
}

// auth replaces the token of the live connection; the user must be the same.
func (m *Commands) auth(ctx context.Context, c *call) (any, error) {
	p := c.command.Params.(*protocol.Auth)
	identity, err := m.Verifier.Verify(ctx, p.Token)
	if err != nil {
		return nil, err
	}
	if err := m.unrevoked(ctx, identity, ""); err != nil {
		return nil, err
	}
	now := m.Clock.Now()
	conn, err := m.Connections.Authenticate(ctx, connection.AuthenticateParams{
		ID: c.connectionID, Identity: identity, TokenAt: c.at, Late: m.late(c), Now: now,
		CheckAt: connection.NextCheck(now, m.CheckEvery, identity),
	})
	if err != nil {
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	if err := m.checkConnection(conn); err != nil {
		return nil, err
	}
	if err := m.take(ctx, m.Limits.UserCommands, identity.User, ""); err != nil {
		return nil, err
	}
	return protocol.AuthResult{User: identity.User, TokenExpiresInMs: expiresIn(conn.Identity, now)}, nil
}

func expiresIn(id auth.Identity, now time.Time) int64 {
	if id.Expires.IsZero() {
		return 0
	}
	return max(1, id.Expires.Sub(now).Milliseconds())
}

func (m *Commands) rotateIn(connectedAt, now time.Time) time.Duration {
	spread := m.Random(int64(rotateEarliest - rotateLatest))
	return max(0, connectedAt.Add(Lifetime-rotateEarliest+time.Duration(spread)).Sub(now))
}
