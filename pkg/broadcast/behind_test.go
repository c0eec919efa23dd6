package broadcast_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/room"
)

func (b *bundle) connection(id string) connection.Connection {
	b.Helper()
	c, err := b.connections.Get(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// wake has the sweeper's wake-ups handled for a connection.
func (b *bundle) wakeBehind(id string) {
	b.Helper()
	for _, w := range broadcast.BehindWakes(b.connection(id)) {
		if err := b.Handle(b.Context(), w); err != nil {
			b.Fatal(err)
		}
	}
}

// A member that refused what it was sent, in a room that falls silent then.
func TestWhoIsBehindIsToldWithoutAnotherMessage(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("slow", "a")
		refusing := true
		b.gateway.post = func(_ context.Context, id string) error {
			if id == "slow" && refusing {
				return connection.ErrThrottled
			}
			return nil
		}
		b.append(2, "", "1")
		b.drain()
		if c := b.connection("slow"); c.Untold != 1 || c.Strikes != 0 || c.CheckAt.After(time.Now()) {
			b.Fatalf("%+v: the sweeper must find it", c)
		}
		time.Sleep(time.Minute)
		b.wakeBehind("slow") // still refusing
		if c := b.connection("slow"); c.Untold != 2 || b.behind("slow") != room.Untold {
			b.Fatalf("%+v", c)
		}
		refusing = false
		b.wakeBehind("slow")
		b.wakeBehind("slow") // told once
		b.wakeBehind("a")
		if seqs, others := b.gateway.got(b.T, "slow"); len(seqs) != 0 || len(others) != 1 || others[0] != protocol.PushBehind {
			b.Errorf("slow got %v and %v", seqs, others)
		}
		if frame := string(b.gateway.frames["slow"][0]); frame != `{"push":"behind","room":"r","epoch":"`+b.head().Epoch+`","head":2}` {
			b.Error(frame)
		}
		if _, others := b.gateway.got(b.T, "a"); len(others) != 0 || b.behind("slow") != room.Informed {
			b.Errorf("a got %v, slow is %v", others, b.behind("slow"))
		}
	})
}

// A function that dies between the record and the mark leaves the pointer below:
// the next drain marks.
func TestWhoIsBehindAndUnmarkedIsMarked(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("slow", "a")
		b.gateway.post = func(_ context.Context, id string) error {
			if id == "slow" {
				return connection.ErrThrottled
			}
			return nil
		}
		b.append(1, "", "1")
		member := b.member("slow")
		if err := b.members.SetBehind(b.Context(), member, room.Untold); err != nil {
			b.Fatal(err)
		}
		b.drain()
		if c := b.connection("slow"); c.Untold != 1 {
			b.Errorf("%+v", c)
		}
		b.want("a", 1, 1)
	})
}

// A 410 that nobody can ask about is no sign: the member gets its message.
func TestGatewayThatCannotBeAskedPutsNobodyBehind(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("x")
		first := true
		b.gateway.post = func(context.Context, string) error {
			if first {
				first = false
				return connection.ErrGone
			}
			return nil
		}
		b.gateway.status = func(string) error { return errors.New("503") }
		b.append(1, "", "1")
		b.drain()
		b.want("x", 1, 1)
		if c := b.connection("x"); c.Strikes != 0 || c.Untold != 0 || b.behind("x") != room.InStep {
			b.Errorf("%+v", c)
		}
	})
}
