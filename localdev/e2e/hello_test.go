package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// store is the connections as the functions keep them.
func store(t *testing.T, s *stack.Running) connection.Store {
	t.Helper()
	c, err := config.Load[config.Rebalance](map[string]string{"GAPLESS_CONNECTIONS_TABLE": "gapless-local-connections"})
	if err != nil {
		t.Fatal(err)
	}
	return dynamo.NewConnections(dynamo.NewClient(s.AWS()), c.Connections, c.Partitions)
}

// TestWhoIsCondemnedGivesNoCommands: not even with a good token.
func TestWhoIsCondemnedGivesNoCommands(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	eve, token := connect(t, s, "eve"), tokenFor(t, s, "eve", nil)
	id := call[helloResult](eve, m{"action": "hello"}).ConnectionID
	if err := store(t, s).Condemn(t.Context(), id, protocol.CloseViolation.Code, s.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	for _, command := range []m{
		{"action": "join", "room": "lobby"}, {"action": "auth", "token": token}, {"action": "hello"},
		{"action": "hello", "token": token}, {"action": "hello", "token": token, "rooms": m{"lobby": m{}}},
	} {
		if e := eve.refused(command); e.Code != protocol.Forbidden {
			t.Errorf("%v: %+v", command, e)
		}
	}
	wantTraces(t, s, "condemned", 1, 0)
	sweep(t, s)
	if p := eve.next(protocol.PushBye); p.Code != protocol.CloseViolation.Code {
		t.Errorf("bye %+v", p)
	}
}

// TestHelloThatComesTooLate is refused, also before a sweep has passed. One that
// was authenticated in time says hello whenever it likes.
func TestHelloThatComesTooLate(t *testing.T) {
	t.Parallel()
	needsGo(t, movesClock)
	s := start(t, stack.Config{NoSchedule: true})
	late, inTime, ada := dial(t, s, nil), dial(t, s, nil), connect(t, s, "ada")
	token := tokenFor(t, s, "ada", nil)
	s.Advance(9 * time.Second)
	call[helloResult](inTime, m{"action": "hello", "token": token})
	s.Advance(2 * time.Second)
	for _, command := range []m{
		{"action": "hello", "token": token, "rooms": m{"lobby": m{}}}, {"action": "auth", "token": token},
	} {
		if e := late.refused(command); e.Code != protocol.Unauthenticated {
			t.Errorf("%+v", e)
		}
		for _, c := range []*client{inTime, ada} {
			call[m](c, command)
		}
	}
	wantTraces(t, s, "too late", 3, 2)
	sweep(t, s)
	if p := late.next(protocol.PushBye); p.Code != protocol.CloseUnauthenticated.Code || !p.Bye {
		t.Errorf("bye %+v", p)
	}
}

// TestHelloOverTheLimitOfRoomsChangesNothing: who is in a room stays in it, and
// goes from it with the connection.
func TestHelloOverTheLimitOfRoomsChangesNothing(t *testing.T) {
	t.Parallel()
	needsGo(t, movesClock)
	s := start(t, stack.Config{NoSchedule: true, Environ: map[string]string{"GAPLESS_MAX_ROOMS": "3"}})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	id := call[helloResult](ada, m{"action": "hello", "rooms": m{"a": m{}, "b": m{}}}).ConnectionID
	if e := ada.refused(m{"action": "hello", "rooms": m{"a": m{}, "b": m{}, "c": m{}, "d": m{}}}); e.Code != protocol.Conflict {
		t.Fatalf("%+v", e)
	}
	c, err := store(t, s).Get(t.Context(), id)
	if err != nil || len(c.Rooms) != 2 || !c.In("a") || !c.In("b") {
		t.Errorf("in %v, %v", c.Rooms, err)
	}
	wantTraces(t, s, "refused", 2, 2)
	// As many as there may be, of which it is in some.
	call[helloResult](ada, m{"action": "hello", "rooms": m{"a": m{}, "b": m{}, "c": m{}}})
	for i, room := range []string{"a", "b", "c"} {
		publish(bob, room, fmt.Sprint(i), "")
		if p := ada.next(protocol.PushMessages); p.Room != room {
			t.Errorf("heard %+v, want one of %s", p, room)
		}
	}
	join(bob, "a", nil, "")
	ada.close()
	bob.left("ada")
	wantTraces(t, s, "gone", 2, 1)
}
