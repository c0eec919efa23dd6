package handler

import (
	"context"
	"encoding/json"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// publish appends to the log, wakes the drainer unless one is at work, and only
// then acknowledges: an acknowledged message reaches every member without another
// message.
func (m *Commands) publish(ctx context.Context, c *call) (any, error) {
	p := c.command.Params.(*protocol.Publish)
	if err := m.take(ctx, m.Limits.Publishes, c.connectionID, c.connectionID); err != nil {
		return nil, err
	}
	conn, err := m.may(ctx, c, auth.Publish, p.Room)
	if err != nil {
		return nil, err
	}
	users := m.Limits.UserPublishes
	if p.Ephemeral {
		users = m.Limits.Ephemerals
	}
	if err := m.take(ctx, users, conn.Identity.User, ""); err != nil {
		return nil, err
	}
	draft := hook.Publish{
		Caller: hookCaller(conn), Room: p.Room, Key: p.Key, Data: json.RawMessage(p.Data), Ephemeral: p.Ephemeral,
	}
	data, err := m.Hooks.BeforePublish(ctx, draft)
	if err != nil {
		return nil, err
	}
	if p.Ephemeral {
		return protocol.Empty{}, m.wake(ctx, broadcast.Wake{
			Kind: broadcast.KindEphemeral, Room: p.Room,
			User: conn.Identity.User, Origin: conn.ID, Data: data,
		})
	}
	result, err := m.Log.Append(ctx, msglog.AppendParams{
		Room: p.Room, User: conn.Identity.User, Origin: conn.ID, Key: p.Key, Data: data,
	})
	if err != nil {
		return nil, err
	}
	if result.NeedsWake(m.Clock.Now()) {
		if err := m.wake(ctx, broadcast.DrainWake(p.Room, result)); err != nil {
			return nil, err
		}
	}
	draft.Data = json.RawMessage(result.Entry.Data)
	m.Hooks.AfterPublish(ctx, hook.Published{
		Publish: draft, Epoch: result.Epoch, Seq: result.Seq, Duplicate: result.Duplicate,
	})
	return protocol.PublishResult{Seq: result.Seq, Epoch: result.Epoch, Duplicate: result.Duplicate}, nil
}
