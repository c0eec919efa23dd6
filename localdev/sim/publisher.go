package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// publisher sends what is in the outbox, one after the other, each until it is
// acknowledged, unless the script has it give up before. Without a key it tries
// once.
func (c *client) publisher(ctx context.Context) {
	for ctx.Err() == nil {
		c.mu.Lock()
		l, ended := c.link, c.ended
		var m *message
		if len(c.outbox) > 0 {
			m = c.outbox[0]
		}
		c.mu.Unlock()
		if l == nil || m == nil || ended != "" {
			if !c.wait(ctx, time.Hour, c.send) {
				return
			}
			c.wait(ctx, c.pause("send", 100*time.Microsecond, 2*time.Millisecond), nil)
			continue
		}
		done := c.publish(ctx, l, m)
		if done || (m.most > 0 && m.tries >= m.most) {
			c.mu.Lock()
			c.outbox = c.outbox[1:]
			c.mu.Unlock()
			c.wait(ctx, c.pause("next", 100*time.Microsecond, 20*time.Millisecond), nil)
			continue
		}
		c.wait(ctx, c.pause("retry", 100*time.Millisecond, 500*time.Millisecond), nil)
	}
}

// publish tries once and reports whether the message is done with.
func (c *client) publish(ctx context.Context, l *link, m *message) bool {
	command := func() fields {
		f := fields{"action": "publish", "room": m.room, "data": json.RawMessage(m.data)}
		if m.key != "" {
			f["key"] = m.key
		}
		return f
	}
	if m.begun < 0 {
		m.begun = c.w.now()
	}
	m.tries++
	if m.twice && m.tries == 1 {
		// Nobody waits for the first of the two.
		if _, _, err := c.begin(ctx, l, command()); err != nil {
			return false
		}
		c.wait(ctx, c.pause("twice", time.Microsecond, 8*time.Millisecond), nil)
	}
	b, err := c.ask(ctx, l, command())
	if err != nil {
		err = c.failed(l, m.room, err)
		if refused, ok := err.(*protocol.Error); ok && !refused.Temporary { //nolint:errorlint // failed returns it as it is
			return true
		}
		return m.key == ""
	}
	var p protocol.PublishResult
	if err := json.Unmarshal(b, &p); err != nil {
		c.w.check.fail("", m.room, "%s: reply to publish cannot be read: %s", c.name(), b)
		return true
	}
	now := c.w.now()
	c.w.check.acked(c, m, p, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	// Our own message is not pushed to us: the reply stands for it.
	if f := c.follows[m.room]; f != nil {
		f.take(now, p.Epoch, []protocol.Entry{{Seq: p.Seq, User: c.User, Key: m.key, Data: []byte(m.data)}}, true)
		if f.strange {
			nudge(c.keep)
		}
	}
	return true
}

// enqueue puts a new message into the outbox.
func (c *client) enqueue(s step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.messages)
	m := &message{
		room: s.Room, user: c.User, client: c.index, twice: s.Do == doTwice, most: s.Tries, begun: -1, acked: -1,
		data: fmt.Sprintf(`{"from":%d,"n":%d}`, c.index, n),
	}
	if most := c.w.class.Data; most > 0 {
		pad := digest("pad", strconv.FormatUint(c.w.Seed, 16), m.data) % uint64(most)
		m.data = fmt.Sprintf(`{"from":%d,"n":%d,"pad":%q}`, c.index, n, strings.Repeat("x", int(pad))) //nolint:gosec // small
	}
	switch {
	case s.Key != "":
		m.key, m.data = s.Key, fmt.Sprintf(`{"shared":%q}`, s.Key)
	case s.Do != doPlain:
		m.key = fmt.Sprintf("c%d-%d", c.index, n)
	}
	c.messages = append(c.messages, m)
	c.outbox = append(c.outbox, m)
	nudge(c.send)
}

// act does what the script says, when it says so.
func (c *client) act(ctx context.Context) {
	for _, s := range c.Steps {
		if !c.wait(ctx, s.At-c.w.now(), nil) {
			return
		}
		c.note(s.Room, "* %s %s", s.Do, s.Room)
		switch s.Do {
		case doPublish, doTwice, doPlain:
			c.enqueue(s)
		case doJoin, doLeave:
			c.mu.Lock()
			f := c.follows[s.Room]
			if f == nil {
				f = newFollow()
				c.follows[s.Room] = f
			}
			if s.Do == doJoin && !f.want {
				f.joined = false // pushes were dropped meanwhile, left or not
			}
			f.want = s.Do == doJoin
			c.mu.Unlock()
			nudge(c.keep)
		case doRejoin:
			command := c.from(s.Room)
			command["action"], command["room"] = "join", s.Room
			c.say(ctx, command)
		case doBan:
			c.w.ban(c.User, s.Room)
		case doFlap:
			c.flap(ctx, s.Room)
		case doRotate:
			c.mu.Lock()
			c.rotate = true
			c.mu.Unlock()
			nudge(c.keep)
		case doHang:
			c.mu.Lock()
			l := c.link
			c.away = time.Now().Add(s.Pause)
			c.mu.Unlock()
			if l != nil {
				_ = l.conn.Close(1000, "")
			}
		case doFresh:
			c.exchange(c.less())
		case doDemote:
			permissions := c.less()
			delete(permissions, s.Room)
			c.mu.Lock()
			c.losing = s.Room
			c.mu.Unlock()
			c.exchange(permissions)
		case doPresence:
			c.say(ctx, fields{"action": "presence", "room": s.Room})
		case doEphemeral:
			c.say(ctx, fields{"action": "publish", "room": s.Room, "ephemeral": true, "data": "typing"})
		case doFlood:
			for range 75 {
				c.say(ctx, fields{"action": "nonsense"})
				c.wait(ctx, c.pause("flood", 20*time.Millisecond, 60*time.Millisecond), nil)
			}
		case doRevoke:
			if err := c.w.revoke(ctx, c.User); err != nil {
				c.w.check.fail("", "", "%v", err)
			}
		}
	}
}

// exchange has the client show another token on its live connection.
func (c *client) exchange(permissions auth.Permissions) {
	c.mu.Lock()
	err := c.sign(0, permissions)
	c.fresh, c.exchanged = true, true
	c.Valid = 0
	c.mu.Unlock()
	if err != nil {
		c.w.check.fail("", "", "sign token: %v", err)
	}
	nudge(c.keep)
}

// say sends a command and waits for nothing.
func (c *client) say(ctx context.Context, command fields) {
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l != nil {
		_, _, _ = c.begin(ctx, l, command)
	}
}

// flap leaves and joins a room twice and waits for no answer, as an impatient
// application does; the keeper then does what is wanted in the end.
func (c *client) flap(ctx context.Context, room string) {
	c.mu.Lock()
	l, f := c.link, c.follows[room]
	c.mu.Unlock()
	if l == nil || f == nil {
		return
	}
	for _, action := range []string{"leave", "join", "leave", "join"} {
		if _, _, err := c.begin(ctx, l, fields{"action": action, "room": room}); err != nil {
			return
		}
		c.wait(ctx, c.pause("flap", time.Microsecond, 8*time.Millisecond), nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f.flapped = true
	nudge(c.keep)
}
