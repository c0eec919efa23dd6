package sim

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// from is where the client stands in a room.
func (c *client) from(room string) fields {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.follows[room]
	f.strange = false
	switch {
	case f.started && f.epoch != "":
		return fields{"since": f.last, "epoch": f.epoch}
	case f.started:
		return fields{"since": f.last}
	case c.Replay:
		return fields{"since": 0}
	}
	return fields{}
}

func (c *client) hello(ctx context.Context, l *link) error {
	rooms := fields{}
	asked := map[string]fields{}
	for _, room := range c.sorted() {
		c.mu.Lock()
		f := c.follows[room]
		want := f.want && !f.denied
		c.mu.Unlock()
		if want {
			asked[room] = c.from(room)
			c.entering(room)
			rooms[room] = asked[room]
		}
	}
	begun := c.w.now()
	b, err := c.ask(ctx, l, fields{"action": "hello", "session": c.name(), "rooms": rooms})
	if err != nil {
		return c.failed(l, "", err)
	}
	var result struct {
		Rooms map[string]page `json:"rooms"`
	}
	if err := json.Unmarshal(b, &result); err != nil {
		return err
	}
	for _, room := range c.sorted() {
		p, ok := result.Rooms[room]
		switch {
		case !ok:
		case p.Error != nil:
			err = errors.Join(err, c.failed(l, room, p.Error))
		default:
			c.enter(l, room, p, asked[room], begun)
		}
	}
	return err
}

func (c *client) join(ctx context.Context, l *link, room string) error {
	asked := c.from(room)
	c.entering(room)
	command := fields{"action": "join", "room": room}
	for k, v := range asked {
		command[k] = v
	}
	begun := c.w.now()
	c.setBehind(room, false) // what is told from now on may be about this join
	b, err := c.ask(ctx, l, command)
	if err != nil {
		c.setBehind(room, true) // it may have been done or not
		return c.failed(l, room, err)
	}
	var p page
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	c.enter(l, room, p, asked, begun)
	return nil
}

func (c *client) setBehind(room string, behind bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.follows[room]; f != nil {
		f.behind = behind
	}
}

// entering notes that a join is sent: messages may come before its answer, or
// without one.
func (c *client) entering(room string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.follows[room].leftAt = 0
}

// answered takes what the server says of a position in a room. The caller holds
// c.mu.
func (c *client) answered(now time.Duration, room string, f *follow, p page, asked fields) {
	epoch, _ := asked["epoch"].(string)
	f.gap, f.cut = f.gap || p.More, p.More
	switch {
	case f.epoch != epoch && f.epoch != p.Epoch && f.epoch != "":
		f.gap = true // an answer about where we are no more
		return
	case !p.Recovered && p.Epoch != f.epoch:
		c.note(room, "reset: epoch %q is gone at %d", f.epoch, f.last)
		f.restart(p.Epoch, p.Head, p.Oldest)
		f.gap = f.gap || f.last < p.Head
	case !p.Recovered:
		c.note(room, "reset: lost what is between %d and %d", f.last, p.Head)
		f.reset(max(f.last, p.Head))
	}
	if f.epoch == "" {
		f.epoch = p.Epoch
	}
	f.take(now, p.Epoch, p.Messages, false)
	f.hand(now)
	f.gap = f.gap || f.strange || len(f.missing()) > 0
}

// enter takes a join result.
func (c *client) enter(l *link, room string, p page, asked fields, begun time.Duration) {
	now := c.w.now()
	c.w.check.joinResult(c, room, p, asked)
	c.w.check.read(c.index, room, p, begun, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.follows[room]
	if c.link != l {
		return
	}
	f.joined, f.gap, f.leftAt = true, false, 0
	f.joinedAt = now
	if f.started {
		c.answered(now, room, f, p, asked)
		return
	}
	f.started, f.cut = true, p.More
	f.last = p.Head
	if c.Replay && p.Recovered {
		f.last = 0
	}
	f.from = f.last
	if p.Epoch != "" && f.epoch != p.Epoch {
		f.strange = f.epoch != "" // what was pushed before is of another epoch
		f.putAside()
		f.epoch = p.Epoch
	}
	f.take(now, p.Epoch, p.Messages, false)
	f.gap = p.More || f.strange || len(f.missing()) > 0
}

func (c *client) leave(ctx context.Context, l *link, room string) error {
	_, err := c.ask(ctx, l, fields{"action": "leave", "room": room})
	if err != nil {
		return c.failed(l, room, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.follows[room]
	f.joined = false
	f.leftAt = c.w.now()
	return nil
}

func (c *client) history(ctx context.Context, l *link, room string) error {
	command := fields{"action": "history", "room": room}
	for k, v := range c.from(room) {
		command[k] = v
	}
	begun := c.w.now()
	b, err := c.ask(ctx, l, command)
	if err != nil {
		return c.failed(l, room, err)
	}
	var p page
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	now := c.w.now()
	c.w.check.joinResult(c, room, p, command)
	c.w.check.read(c.index, room, p, begun, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.follows[room]
	f.gap = false
	c.answered(now, room, f, p, command)
	if f.gap && p.Recovered && len(p.Messages) == 0 {
		return errHole
	}
	return nil
}

// errHole is returned when what is missing cannot be read yet.
var errHole = errors.New("hole not filled yet")

func (c *client) sync(ctx context.Context, l *link, room string) error {
	c.mu.Lock()
	f := c.follows[room]
	in := f.joined && f.want && f.started
	c.mu.Unlock()
	if !in {
		return nil
	}
	asked := c.from(room)
	b, err := c.ask(ctx, l, fields{"action": "sync", "rooms": fields{room: asked}})
	if err != nil {
		return c.failed(l, "", err)
	}
	var result struct {
		Rooms map[string]page `json:"rooms"`
	}
	if err := json.Unmarshal(b, &result); err != nil {
		return err
	}
	p := result.Rooms[room]
	if p.Error != nil {
		return c.failed(l, room, p.Error)
	}
	c.w.check.joinResult(c, room, p, asked)
	now := c.w.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered(now, room, f, p, asked)
	return nil
}

func (c *client) authenticate(ctx context.Context, l *link) error {
	if _, err := c.ask(ctx, l, fields{"action": "auth", "token": c.token}); err != nil {
		return c.failed(l, "", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh, l.expires = false, 0
	if f := c.follows[c.losing]; f != nil {
		f.want, f.joined, f.leftAt = false, false, c.w.now()
		c.losing = ""
	}
	return nil
}

// failed acts on an error of the server.
func (c *client) failed(l *link, room string, err error) error {
	var refused *protocol.Error
	if !errors.As(err, &refused) {
		return err
	}
	c.note(room, "refused: %s: %s", refused.Code, refused.Message)
	switch refused.Code {
	case protocol.Unauthenticated:
		c.w.check.forgotten(c, l)
		c.drop(l, "not registered any more")
	case protocol.TokenExpired:
		if !c.renewed() {
			c.end("token expired")
		}
	case protocol.Forbidden:
		if c.Close == protocol.CloseKicked.Code {
			return err // revoked: the connection is going to be closed
		}
		c.w.check.forbidden(c, room)
		c.mu.Lock()
		if f := c.follows[room]; f != nil {
			f.denied = true
		}
		c.mu.Unlock()
	case protocol.Conflict: // a leave was handled after all
		c.mu.Lock()
		if f := c.follows[room]; f != nil {
			f.joined = false
		}
		c.mu.Unlock()
	case protocol.Internal:
		if !c.w.class.Hooks { // a hook that panics
			c.w.check.fail("", room, "%s was answered %s: %s", c.name(), refused.Code, refused.Message)
		}
	case protocol.BadRequest, protocol.TooLarge, protocol.UnknownAction:
		c.w.check.fail("", room, "%s was answered %s: %s", c.name(), refused.Code, refused.Message)
	}
	return err
}

// renewed reports whether the client's token has been exchanged for one that
// lasts.
func (c *client) renewed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Valid == 0 || c.fresh
}
