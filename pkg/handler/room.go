package handler

import (
	"context"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// memberSlack is the time that a membership may outlive its connection's
// lifetime, if everything else failed, before DynamoDB deletes it.
const memberSlack = 10 * time.Minute

// join makes the connection a member and returns the messages that it asks for.
// It costs two writes, two reads and the reads of the log.
func (m *Commands) join(ctx context.Context, c *call) (any, error) {
	p := c.command.Params.(*protocol.Join)
	conn, err := m.mayRead(ctx, c, auth.Join, p.Room)
	if err != nil {
		return nil, err
	}
	if !conn.In(p.Room) {
		if err := m.take(ctx, m.Limits.Joins, conn.Identity.User, ""); err != nil {
			return nil, err
		}
	}
	result, err := m.addAndEnter(ctx, c, conn, p.Room, start(p.From))
	if err != nil {
		return nil, err
	}
	if !conn.In(p.Room) {
		m.courtesy(ctx, broadcast.PresenceWake(p.Room, conn.Identity.User, conn.ID, false))
	}
	return result, nil
}

// addAndEnter adds the room to the connection before it writes the membership, so
// that the removal of the connection finds the membership.
func (m *Commands) addAndEnter(ctx context.Context, c *call, conn connection.Connection, name string, from msglog.Start) (protocol.JoinResult, error) {
	conn, err := m.Connections.AddRoom(ctx, connection.AddRoomParams{
		ID: conn.ID, Room: name, Max: m.MaxRooms, At: c.at, Now: m.Clock.Now(),
	})
	if err != nil {
		return protocol.JoinResult{}, fmt.Errorf("add room: %w", err)
	}
	return m.enter(ctx, c, conn, name, from)
}

// enter writes the membership and then reads the log: whatever is appended after
// that read finds the member. conn is the connection as the write of the room
// returned it, because another token may have come after the command was allowed.
func (m *Commands) enter(ctx context.Context, c *call, conn connection.Connection, name string, from msglog.Start) (protocol.JoinResult, error) {
	if err := m.permit(conn.Identity, auth.Join, name); err != nil {
		return protocol.JoinResult{}, err
	}
	member := room.Member{
		Room: name, ConnectionID: conn.ID, User: conn.Identity.User, Session: conn.Session, JoinedAt: c.at,
		NoPresence: !m.Policy.Allows(conn.Identity, auth.Presence, name), Regrants: conn.Regrants,
	}
	if err := m.Members.Put(ctx, member, conn.ConnectedAt.Add(Lifetime+memberSlack)); err != nil {
		return protocol.JoinResult{}, fmt.Errorf("write membership: %w", err)
	}
	return m.read(ctx, c, name, from, protocol.MaxHistory)
}

// leave ends the membership. A room that the connection is not in and may not
// join needs no tombstone.
func (m *Commands) leave(ctx context.Context, c *call) (any, error) {
	p := c.command.Params.(*protocol.Leave)
	conn, err := m.readConnection(ctx, c)
	if err != nil {
		return nil, err
	}
	if !conn.In(p.Room) && !m.Policy.Allows(conn.Identity, auth.Join, p.Room) {
		return protocol.Empty{}, nil
	}
	return protocol.Empty{}, m.exit(ctx, c, conn, p.Room)
}

// exit ends a membership and tells the room.
func (m *Commands) exit(ctx context.Context, c *call, conn connection.Connection, name string) error {
	was, err := m.Leaver.Leave(ctx, conn, name, c.at)
	if err != nil {
		return err
	}
	if was {
		m.courtesy(ctx, broadcast.PresenceWake(name, conn.Identity.User, conn.ID, true))
	}
	return nil
}

func (m *Commands) history(ctx context.Context, c *call) (any, error) {
	p := c.command.Params.(*protocol.History)
	if _, err := m.mayRead(ctx, c, auth.History, p.Room); err != nil {
		return nil, err
	}
	limit := uint64(protocol.MaxHistory)
	if p.Limit != nil {
		limit = *p.Limit
	}
	return m.read(ctx, c, p.Room, msglog.Start{Epoch: p.Epoch, Since: p.Since, Before: p.Before}, int(limit))
}

// sync tells for each room whether anything was missed. A connection that missed
// something may be behind, so sync joins it again before it reads the log.
func (m *Commands) sync(ctx context.Context, c *call) (any, error) {
	p := c.command.Params.(*protocol.Sync)
	conn, err := m.readConnection(ctx, c)
	if err != nil {
		return nil, err
	}
	results := make(map[string]protocol.RoomResult, len(p.Rooms))
	for name, from := range p.Rooms {
		result, err := m.syncRoom(ctx, c, conn, name, start(from))
		if err != nil {
			results[name] = protocol.RoomResult{Error: m.explain(ctx, err)}
			continue
		}
		results[name] = protocol.RoomResult{JoinResult: &result}
	}
	answer := protocol.SyncResult{Rooms: results}
	return answer, fitRooms(c.command.ID, answer, results)
}

func (m *Commands) syncRoom(ctx context.Context, c *call, conn connection.Connection, name string, from msglog.Start) (protocol.JoinResult, error) {
	if err := m.permitJoin(ctx, conn, name); err != nil {
		return protocol.JoinResult{}, m.expel(ctx, c, conn, name, err)
	}
	if !conn.In(name) {
		return protocol.JoinResult{}, protocol.Errorf(protocol.Conflict, "this connection has not joined the room")
	}
	result, err := m.read(ctx, c, name, from, protocol.MaxHistory)
	if err != nil || (result.Recovered && len(result.Messages) == 0) {
		return result, err
	}
	return m.addAndEnter(ctx, c, conn, name, from)
}

// expel ends the membership of a connection that may not stay, and returns the
// error for it.
func (m *Commands) expel(ctx context.Context, c *call, conn connection.Connection, name string, why error) error {
	if !conn.In(name) || !hook.Refused(why) {
		return why
	}
	if err := m.exit(ctx, c, conn, name); err != nil {
		return err
	}
	return why
}

// presence lists who is in a room.
func (m *Commands) presence(ctx context.Context, c *call) (any, error) {
	p := c.command.Params.(*protocol.Presence)
	if _, err := m.mayRead(ctx, c, auth.Presence, p.Room); err != nil {
		return nil, err
	}
	roll, err := m.Members.Members(ctx, p.Room, 0, m.Clock.Now())
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return fitUsers(c.command.ID, room.Users(roll.Members))
}
