package handler

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// permit refuses an action that the token does not grant. The message is the same
// whether or not the room exists.
func (m *Commands) permit(id auth.Identity, action auth.Action, room string) error {
	if m.Policy.Allows(id, action, room) {
		return nil
	}
	return protocol.Errorf(protocol.Forbidden, "your token does not grant %s in this room", action)
}

// mayRead is may for actions that read a room: it also asks the hook.
func (m *Commands) mayRead(ctx context.Context, c *call, action auth.Action, room string) (connection.Connection, error) {
	conn, err := m.may(ctx, c, action, room)
	if err != nil {
		return conn, err
	}
	return conn, m.Hooks.AuthorizeJoin(ctx, hook.Reading{Caller: hookCaller(conn), Room: room, Action: action})
}

// permitJoin is permit and the hook's decision for one room of a hello or a sync.
func (m *Commands) permitJoin(ctx context.Context, conn connection.Connection, room string) error {
	if err := m.permit(conn.Identity, auth.Join, room); err != nil {
		return err
	}
	return m.Hooks.AuthorizeJoin(ctx, hook.Reading{
		Caller: hookCaller(conn), Room: room, Action: auth.Join, Staying: conn.In(room),
	})
}

// permitAll is permitJoin for several rooms, with an error for each.
func (m *Commands) permitAll(ctx context.Context, conn connection.Connection, rooms []string) []error {
	verdicts := make([]error, len(rooms))
	var group errgroup.Group
	group.SetLimit(roomWidth)
	for i, name := range rooms {
		group.Go(func() error {
			verdicts[i] = m.permitJoin(ctx, conn, name)
			return nil
		})
	}
	_ = group.Wait() // each room's error is in its verdict
	return verdicts
}

func hookCaller(conn connection.Connection) hook.Caller {
	return hook.Caller{Identity: conn.Identity, Session: conn.Session, ConnectionID: conn.ID}
}
