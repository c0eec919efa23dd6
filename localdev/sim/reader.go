package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// read takes frames until the connection ends.
func (c *client) read(ctx context.Context, l *link) {
	defer func() {
		c.mu.Lock()
		if c.link == l {
			c.link = nil
			for _, f := range c.follows {
				f.joined = false
			}
		}
		c.mu.Unlock()
		close(l.closed)
		c.nudge()
	}()
	for {
		text, err := l.conn.Receive(ctx)
		if err != nil {
			if ctx.Err() == nil {
				c.note("", "connection %s ends: %v", l.id, err)
				c.w.check.disconnected(l)
			}
			return
		}
		l.frames++
		wait := latency(c.w.Seed, 200*time.Microsecond, 2*time.Millisecond, "frame", c.name(), strconv.Itoa(l.number), strconv.Itoa(l.frames))
		if !c.wait(ctx, wait, nil) {
			return
		}
		c.frame(l, text)
	}
}

func (c *client) frame(l *link, text string) {
	var r reply
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		c.w.check.fail("", "", "%s got a frame that is no JSON: %s", c.name(), text)
		return
	}
	c.w.note(event{actor: c.name(), text: "<- " + brief(text), room: r.Room, quiet: r.Push == protocol.PushPong || r.Push == protocol.PushPresence})
	switch {
	case r.Push == protocol.PushMessages:
		c.w.check.framed(c, l, r, len(text))
		c.pushed(l, r)
	case r.Push == protocol.PushBehind:
		c.mu.Lock()
		if f := c.follows[r.Room]; f != nil && l != c.old {
			f.behind = true
		}
		c.mu.Unlock()
		nudge(c.keep)
	case r.Push == protocol.PushBye:
		c.bye(l, r)
	case r.Push == protocol.PushPresence:
		c.w.check.presence(c, r.Room)
	case r.Push != "":
	case r.ID != 0:
		c.mu.Lock()
		w := l.waiting[r.ID]
		delete(l.waiting, r.ID)
		c.mu.Unlock()
		if w != nil {
			w <- r
		}
	}
}

// brief is a frame as the story tells it.
func brief(text string) string {
	const most = 600
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:most], len(text))
}

func (c *client) pushed(l *link, r reply) {
	now := c.w.now()
	c.w.check.pushed(c, l, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.follows[r.Room]
	if f == nil || !f.want {
		return
	}
	f.take(now, r.Epoch, r.Messages, false)
	if f.strange {
		nudge(c.keep)
	}
	if missing := f.missing(); len(missing) > 0 && f.joined && !f.gap {
		c.w.check.gap(c, l, r.Room, r.Epoch, missing)
		f.gap = true
		nudge(c.keep)
	}
}

func (c *client) bye(l *link, r reply) {
	c.w.check.bye(c, l, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !r.Reconnect || c.Silent || (r.Code == protocol.CloseTokenExpired.Code && c.Valid != 0 && !c.fresh) {
		c.ended = "bye " + strconv.Itoa(r.Code)
		return
	}
	c.away = time.Now().Add(time.Duration(r.AfterMs) * time.Millisecond)
}
