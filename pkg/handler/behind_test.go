package handler_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
)

// repeats writes each membership twice, as the SDK does when the first answer is
// lost, and puts the member behind in between, once.
type repeats struct {
	*memory.Rooms
	behind bool
}

func (r *repeats) Put(ctx context.Context, m room.Member, expires time.Time) error {
	if err := r.Rooms.Put(ctx, m, expires); err != nil {
		return err
	}
	if !r.behind {
		r.behind = true
		if err := r.SetBehind(ctx, m); err != nil {
			return err
		}
	}
	return r.Rooms.Put(ctx, m, expires)
}

// A client that was told that it has joined waits for messages, but a member that
// is behind gets none.
func TestNobodyHasJoinedWhileBehind(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{
		"join":  `{"action":"join","id":1,"room":"a","since":0}`,
		"hello": `{"action":"hello","id":1,"rooms":{"a":{"since":0}}}`,
		"sync":  `{"action":"sync","id":1,"rooms":{"a":{"since":0}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				connections, rooms := memory.NewConnections(), memory.NewRooms()
				m := newCommands(t, connections, rooms)
				m.Members, m.Policy = &repeats{Rooms: rooms}, auth.Policy{Open: true}
				err := connections.Put(t.Context(), connection.Connection{
					ID: "c", Identity: auth.Identity{User: "ada"}, ConnectedAt: time.Now(), CheckAt: time.Now(),
					Rooms: map[string]time.Time{"a": time.Now()},
				})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := m.Log.Append(t.Context(), msglog.AppendParams{Room: "a", User: "bob", Data: []byte(`"missed"`)}); err != nil {
					t.Fatal(err)
				}
				reply := send(t, t.Context(), m, command)
				if strings.Contains(reply, "missed") || !strings.Contains(reply, `"unavailable"`) || !strings.Contains(reply, `"retryAfterMs"`) {
					t.Errorf("the member is behind, and the reply is %s", reply)
				}
				time.Sleep(time.Millisecond)
				if reply := send(t, t.Context(), m, command); !strings.Contains(reply, "missed") {
					t.Errorf("asked again: %s", reply)
				}
				roll, err := rooms.Members(t.Context(), "a", 0, time.Now())
				if err != nil || len(roll.Members) != 1 || roll.Members[0].Behind {
					t.Errorf("%+v, %v", roll, err)
				}
			})
		})
	}
}
