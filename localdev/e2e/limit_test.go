package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// windows is a clock that goes so slowly that a window of limits outlasts what a
// test does in it on the slowest machine. Timers run as ever.
type windows struct {
	clock.Clock
	mu    sync.Mutex
	began time.Time // by the wall clock
	shown time.Time // what it showed then
}

func (w *windows) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now()
}

func (w *windows) now() time.Time { return w.shown.Add(time.Since(w.began) / 30) }

// next moves time to where limits begin to count again.
func (w *windows) next() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began, w.shown = time.Now(), w.now().Truncate(limit.Window).Add(limit.Window)
}

// limited starts a stack with limits.
func limited(t *testing.T, environ map[string]string) (*stack.Running, *windows) {
	t.Helper()
	w := &windows{Clock: clock.System(), began: time.Now(), shown: time.Now()}
	return stack.RunT(t, stack.Config{NoSchedule: true, Clock: w, Environ: environ}), w
}

// flood sends a command again and again and returns how many were refused, and
// the last refusal.
func flood(c *client, n int, command m) (refused int, last *protocol.Error) {
	for range n {
		r := c.answer(c.start(command))
		if r.Error != nil && r.Error.Code == protocol.RateLimited {
			refused++
			last = r.Error
		}
	}
	return refused, last
}

func TestPublishesOfAllConnectionsOfAUserCount(t *testing.T) {
	t.Parallel()
	s, window := limited(t, map[string]string{"GAPLESS_PUBLISH_RATE": "1000", "GAPLESS_USER_PUBLISH_RATE": "1"})
	message := m{"action": "publish", "room": "lobby", "data": 1}
	window.next()
	passed := 0
	for range 4 {
		refused, _ := flood(connect(t, s, "ada"), 20, message)
		passed += 20 - refused
	}
	if passed != 10 {
		t.Errorf("%d of 80 passed at 1 a second", passed)
	}
	if refused, _ := flood(connect(t, s, "bob"), 10, message); refused != 0 {
		t.Error("another user suffers")
	}
	// Whose fault it is that a user's limit is used up cannot be told: nobody is
	// closed for it.
	ada := connect(t, s, "ada")
	for range 4 {
		window.next()
		_, _ = flood(ada, 70, message)
	}
	sweep(t, s)
	window.next()
	if refused, _ := flood(ada, 1, message); refused != 0 {
		t.Error("refused in a new window")
	}
}

// TestCommandsOfAllConnectionsOfAUserCount: however many there are between two
// sweeps.
func TestCommandsOfAllConnectionsOfAUserCount(t *testing.T) {
	t.Parallel()
	s, window := limited(t, map[string]string{"GAPLESS_USER_COMMAND_RATE": "1"})
	window.next()
	passed := 0
	for range 4 {
		refused, _ := flood(connect(t, s, "ada"), 5, m{"action": "history", "room": "lobby", "since": 0})
		passed += 5 - refused
	}
	if passed != 10 {
		t.Errorf("%d of 20 passed at 1 a second", passed)
	}
	if refused, _ := flood(connect(t, s, "bob"), 5, m{"action": "history", "room": "lobby", "since": 0}); refused != 0 {
		t.Error("another user suffers")
	}
}

// TestRoomsThatAUserEntersCount: each is told to its members, and so is its end.
// What is too much is refused by itself, to be tried again.
func TestRoomsThatAUserEntersCount(t *testing.T) {
	t.Parallel()
	s, window := limited(t, map[string]string{"GAPLESS_JOIN_RATE": "1"})
	window.next()
	ada := connect(t, s, "ada")
	rooms := m{}
	for i := range 8 {
		rooms[fmt.Sprint("room-", i)] = m{}
	}
	for name, p := range call[helloResult](ada, m{"action": "hello", "rooms": rooms}).Rooms {
		if p.Error != nil {
			t.Errorf("%s: %v", name, p.Error)
		}
	}
	again := call[helloResult](connect(t, s, "ada"), m{"action": "hello", "rooms": m{"a": m{}, "b": m{}, "c": m{}, "d": m{}}}).Rooms
	for name, refused := range map[string]bool{"a": false, "b": false, "c": true, "d": true} {
		e := again[name].Error
		if (e != nil) != refused || (refused && (e.Code != protocol.RateLimited || !e.Temporary || e.RetryAfterMs <= 0)) {
			t.Errorf("%s: %v", name, e)
		}
	}
	// To join again where it is tells nobody; to come and go does.
	if refused, _ := flood(ada, 5, m{"action": "join", "room": "room-0"}); refused != 0 {
		t.Error("a room that it is in")
	}
	call[m](ada, m{"action": "leave", "room": "room-0"})
	if e := ada.refused(m{"action": "join", "room": "room-0"}); e.Code != protocol.RateLimited || !e.Temporary {
		t.Errorf("%+v", e)
	}
	join(connect(t, s, "bob"), "room-0", nil, "")
	window.next()
	join(ada, "room-0", nil, "")
}

func TestEphemeralMessagesOfAUserCount(t *testing.T) {
	t.Parallel()
	s, window := limited(t, map[string]string{"GAPLESS_EPHEMERAL_RATE": "1"})
	window.next()
	passed := 0
	for range 2 {
		refused, _ := flood(connect(t, s, "ada"), 10, m{"action": "publish", "room": "lobby", "data": 1, "ephemeral": true})
		passed += 10 - refused
	}
	if passed != 10 {
		t.Errorf("%d of 20 passed at 1 a second", passed)
	}
	publish(connect(t, s, "ada"), "lobby", "in the log", "")
}

// TestEphemeralMessagesStayOutOfLargeRooms: each is a post to every member.
func TestEphemeralMessagesStayOutOfLargeRooms(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true, Environ: map[string]string{
		"GAPLESS_EPHEMERAL_MEMBERS": "2", "GAPLESS_PRESENCE_MEMBERS": "-1",
	}})
	ada, bob, eve := connect(t, s, "ada"), connect(t, s, "bob"), connect(t, s, "eve")
	for _, c := range []*client{ada, bob, eve} {
		join(c, "large", nil, "")
	}
	join(ada, "small", nil, "")
	join(bob, "small", nil, "")
	for _, room := range []string{"large", "small"} {
		call[m](ada, m{"action": "publish", "room": room, "data": room, "ephemeral": true})
		idle(t, s)
	}
	if p := bob.next(protocol.PushEphemeral); p.Room != "small" {
		t.Errorf("bob got %+v", p)
	}
}

// TestWhoFloodsIsToldToWaitAndThenClosed floods with each kind of command.
func TestWhoFloodsIsToldToWaitAndThenClosed(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]m{
		"publish": {"action": "publish", "room": "lobby", "data": 1},
		"join":    {"action": "join", "room": "lobby"}, "history": {"action": "history", "room": "lobby", "since": 0},
		"malformed":    {"action": "join", "room": 7},
		"before hello": {"action": "presence", "room": "lobby"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, window := limited(t, map[string]string{"GAPLESS_COMMAND_RATE": "1", "GAPLESS_AUTH_GRACE": "1h"})
			eve, bob := dial(t, s, nil), connect(t, s, "bob")
			if name != "before hello" {
				eve = connect(t, s, "eve")
			}
			for range 3 {
				window.next()
				refused, last := flood(eve, 70, command)
				if refused < 50 || last.RetryAfterMs <= 0 || last.RetryAfterMs > limit.Window.Milliseconds()+1 || !last.Temporary {
					t.Fatalf("%d of 70 refused, the last with %+v", refused, last)
				}
				sweep(t, s)
			}
			sweep(t, s)
			if bye := eve.next(protocol.PushBye); bye.Code != protocol.CloseViolation.Code || bye.Bye {
				t.Errorf("bye %+v", bye)
			}
			<-eve.done
			publish(bob, "lobby", "still here", "")
		})
	}
}
