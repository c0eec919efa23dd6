package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// moody are hooks that do what the name of a room or a token says.
type moody struct {
	hook.None
	mu     sync.Mutex
	closed bool // nobody may enter room "door", nor stay there and in "stay.…"
	after  []hook.Published
}

func mood(ctx context.Context, name string) error {
	switch {
	case strings.HasPrefix(name, "refuse"):
		return hook.Refuse("not you")
	case strings.HasPrefix(name, "later"):
		return hook.TryAgain(1234e6, "not now")
	case strings.HasPrefix(name, "fail"):
		return errors.New("secret-host: connection refused")
	case strings.HasPrefix(name, "panic"):
		panic("secret-panic")
	case strings.HasPrefix(name, "nil"):
		var none *protocol.Error // not nil once it is an error
		return none
	case strings.HasPrefix(name, "hang"):
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (h *moody) Authenticate(ctx context.Context, token string, verify hook.Verify) (auth.Identity, error) {
	if err := mood(ctx, token); err != nil {
		return auth.Identity{}, err
	}
	return verify(ctx, token)
}

func (h *moody) AuthorizeJoin(ctx context.Context, r hook.Reading) error {
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if r.Room == "door" && closed {
		return hook.Refuse("the door is closed")
	}
	if strings.HasPrefix(r.Room, "stay.") && r.Staying && closed {
		return mood(ctx, strings.TrimPrefix(r.Room, "stay."))
	}
	if strings.HasPrefix(r.Room, "read.") {
		return mood(ctx, strings.TrimPrefix(r.Room, "read."))
	}
	return nil
}

func (h *moody) BeforePublish(ctx context.Context, p hook.Publish) (json.RawMessage, error) {
	return p.Data, mood(ctx, p.Room)
}

func (h *moody) AfterPublish(ctx context.Context, p hook.Published) error {
	h.mu.Lock()
	h.after = append(h.after, p)
	h.mu.Unlock()
	return mood(ctx, p.Key)
}

func moodyStack(t *testing.T) (*stack.Running, *moody) {
	t.Helper()
	needsGo(t, "its hooks are Go functions of the test, and binaries bring their own")
	hooks := new(moody)
	return start(t, stack.Config{
		NoSchedule: true,
		Environ:    map[string]string{"GAPLESS_HOOK_TIMEOUT": "1s"},
		Hooks:      func(context.Context, app.Host) (hook.Hooks, error) { return hooks, nil },
	}), hooks
}

// verdicts is what a client learns of each mood.
var verdicts = map[string]*protocol.Error{
	"refuse": protocol.Errorf(protocol.Forbidden, "not you"),
	"later":  protocol.Retry(protocol.RateLimited, 1234, "not now"),
	"fail":   protocol.Retry(protocol.Unavailable, 500, "not available at the moment: try again with the same key"),
	"hang":   protocol.Retry(protocol.Unavailable, 500, "not available at the moment: try again with the same key"),
	"nil":    protocol.Retry(protocol.Unavailable, 500, "not available at the moment: try again with the same key"),
	"panic":  protocol.Errorf(protocol.Internal, "something went wrong on our side"),
}

func TestHooksThatSayNoInEveryWay(t *testing.T) {
	t.Parallel()
	s, _ := moodyStack(t)
	ada := connect(t, s, "ada")
	for name, want := range verdicts {
		room := "read." + name
		for _, command := range []m{
			{"action": "publish", "room": name, "data": 1}, {"action": "publish", "room": name, "data": 1, "ephemeral": true},
			{"action": "join", "room": room, "since": 0}, {"action": "history", "room": room, "since": 0},
			{"action": "presence", "room": room}, {"action": "hello", "token": name}, {"action": "auth", "token": name},
		} {
			if e := ada.refused(command); *e != *want {
				t.Errorf("%v: %+v", command, *e)
			}
		}
		for _, action := range []string{"hello", "sync"} {
			r := call[struct{ Rooms map[string]page }](ada, m{"action": action, "rooms": m{room: m{"since": 0}, "good": m{"since": 0}}})
			if e := r.Rooms[room].Error; e == nil || *e != *want {
				t.Errorf("%s of %s: %+v", action, room, e)
			}
			if e := r.Rooms["good"].Error; e != nil {
				t.Errorf("%s: the neighbour suffers: %+v", action, e)
			}
		}
		// No number is spent, and nothing is delivered.
		if p := join(connect(t, s, "bob"), name, nil, ""); p.Head != 0 || p.Epoch != "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestHookRefusesTheHandshake(t *testing.T) {
	t.Parallel()
	s, _ := moodyStack(t)
	for token, status := range map[string]int{
		"refuse": http.StatusForbidden, "fail": http.StatusServiceUnavailable, "panic": http.StatusServiceUnavailable,
		"hang": http.StatusServiceUnavailable, "no.such.token": http.StatusUnauthorized,
	} {
		_, response, err := websocket.Dial(t.Context(), s.URL, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
		if err == nil || response.StatusCode != status {
			t.Errorf("%s: %v, %v; want %d", token, response, err, status)
		}
	}
}

func TestAfterPublishComesWithEveryAcknowledgement(t *testing.T) {
	t.Parallel()
	s, hooks := moodyStack(t)
	ada := connect(t, s, "ada")
	// The number 3 goes to the repetition, as a void.
	for i, key := range []string{"", "k", "k", "fail", "panic", "hang", "refuse"} {
		publish(ada, "lobby", i, key) // whatever the hook says, the message stands
	}
	call[m](ada, m{"action": "publish", "room": "lobby", "data": 9, "ephemeral": true})
	hooks.mu.Lock()
	defer hooks.mu.Unlock()
	if len(hooks.after) != 7 {
		t.Fatalf("told %d times", len(hooks.after))
	}
	for i, want := range []struct {
		seq       uint64
		data      string
		duplicate bool
	}{{1, "0", false}, {2, "1", false}, {2, "1", true}, {4, "3", false}, {5, "4", false}, {6, "5", false}, {7, "6", false}} {
		got := hooks.after[i]
		if got.Seq != want.seq || string(got.Data) != want.data || got.Duplicate != want.duplicate || got.User != "ada" || got.Epoch == "" {
			t.Errorf("%d: %+v", i, got)
		}
	}
}

// TestVerdictThatChanges: who may not read a room any more is told so at the
// next sync, and hears no more of it.
func TestVerdictThatChanges(t *testing.T) {
	t.Parallel()
	s, hooks := moodyStack(t)
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(ada, "other", nil, "")
	at := join(ada, "door", nil, "")
	hooks.mu.Lock()
	hooks.closed = true
	hooks.mu.Unlock()
	for range 2 { // also when it is over already
		r := call[struct{ Rooms map[string]page }](ada, m{"action": "sync", "rooms": m{"door": m{"since": at.Head, "epoch": at.Epoch}}})
		if e := r.Rooms["door"].Error; e == nil || e.Code != protocol.Forbidden || e.Message != "the door is closed" {
			t.Errorf("sync: %+v", e)
		}
	}
	publish(bob, "door", "not for ada", "")
	publish(bob, "other", "for ada", "")
	if p := ada.next(protocol.PushMessages); p.Room != "other" {
		t.Errorf("ada got %+v", p)
	}
}

// TestSweepAsksWhoMayStay: who is not let stay any more hears no more of the room
// within one sweep of when the connection is due, without asking; where the
// hook does not say a clear no, everybody stays.
func TestSweepAsksWhoMayStay(t *testing.T) {
	t.Parallel()
	s, hooks := moodyStack(t)
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(bob, "door", nil, "")
	rooms := []string{"door", "stay.later", "stay.fail", "stay.hang", "stay.panic", "stay.nil", "other"}
	at := map[string]page{}
	for _, room := range rooms {
		at[room] = join(ada, room, nil, "")
	}
	hooks.mu.Lock()
	hooks.closed = true
	hooks.mu.Unlock()
	s.Advance(9 * time.Minute)
	for _, c := range []*client{ada, bob} { // a sign of life
		call[m](c, m{"action": "leave", "room": "nowhere"})
	}
	sweep(t, s)
	publish(bob, "door", "not due yet", "")
	if p := ada.next(protocol.PushMessages); p.Room != "door" {
		t.Errorf("ada got %+v", p)
	}
	// A drain that the clock jumps over would count as dead, and be repeated.
	if err := s.Lambda.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Advance(time.Minute)
	sweep(t, s)
	for _, room := range rooms {
		publish(bob, room, "for ada but at the door", "")
	}
	heard := map[string]bool{}
	for range rooms[1:] {
		heard[ada.next(protocol.PushMessages).Room] = true
	}
	if len(heard) != len(rooms)-1 || heard["door"] {
		t.Errorf("ada heard of %v", heard)
	}
	// She learns it by sync, as whoever never joined.
	r := call[struct{ Rooms map[string]page }](ada, m{"action": "sync", "rooms": m{"door": m{"since": 1, "epoch": at["door"].Epoch}}})
	if e := r.Rooms["door"].Error; e == nil || e.Code != protocol.Forbidden {
		t.Errorf("sync: %+v", e)
	}
	for room, code := range map[string]protocol.Code{"later": protocol.RateLimited, "nil": protocol.Unavailable} {
		r := call[struct{ Rooms map[string]page }](ada, m{"action": "sync", "rooms": m{"stay." + room: m{"since": 0}}})
		if e := r.Rooms["stay."+room].Error; e == nil || e.Code != code {
			t.Errorf("sync of %s: %+v", room, e)
		}
	}
}
