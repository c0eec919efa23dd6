package e2e

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// enter asks with a query and returns the status, and the socket if it opened.
func enter(t *testing.T, s *stack.Running, query string) (int, *websocket.Conn) {
	t.Helper()
	socket, response, err := websocket.Dial(t.Context(), s.URL+query, nil)
	if response == nil {
		t.Error(err)
		return 0, nil
	}
	return response.StatusCode, socket
}

func issue(t *testing.T, s *stack.Running, user string, rooms auth.Permissions) string {
	t.Helper()
	text, err := s.Ticket(t.Context(), user, rooms)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTicketLetsInOnce replays a ticket, in turn and at once, and comes late.
func TestTicketLetsInOnce(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	text := issue(t, s, "ada", auth.Permissions{"lobby": {auth.Join}})
	ada := dialURL(t, s.URL+"?ticket="+text, nil)
	hello := call[helloResult](ada, m{"action": "hello", "rooms": m{"lobby": m{}, "other": m{}}})
	if hello.User != "ada" || hello.Rooms["lobby"].Error != nil || hello.Rooms["other"].Error == nil {
		t.Errorf("hello: %+v", hello)
	}
	if e := ada.refused(m{"action": "publish", "room": "lobby", "data": 1}); e.Code != protocol.Forbidden {
		t.Errorf("what it does not grant: %+v", e)
	}
	if status, _ := enter(t, s, "?ticket="+text); status != http.StatusUnauthorized {
		t.Errorf("again: %d", status)
	}
	race := issue(t, s, "ada", nil)
	var in atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			switch status, socket := enter(t, s, "?ticket="+race); status {
			case http.StatusSwitchingProtocols:
				in.Add(1)
				_ = socket.CloseNow()
			case http.StatusUnauthorized:
			default:
				t.Errorf("at once: %d", status)
			}
		})
	}
	group.Wait()
	if n := in.Load(); n != 1 {
		t.Errorf("%d came in with one ticket", n)
	}
	late := issue(t, s, "ada", nil)
	s.Advance(31 * time.Second)
	if status, _ := enter(t, s, "?ticket="+late); status != http.StatusUnauthorized {
		t.Errorf("late: %d", status)
	}
	// The connection outlives its ticket, and ends in its own time.
	ada.raw(`{"action":"ping"}`)
	ada.next(protocol.PushPong)
	for range 7 { // with a sign of life now and then
		s.Advance(9 * time.Minute)
		ada.raw(`{"action":"ping"}`)
		ada.next(protocol.PushPong)
	}
	sweep(t, s)
	if p := ada.next(protocol.PushBye); p.Code != protocol.CloseTokenExpired.Code || !p.Bye {
		t.Errorf("bye %+v", p)
	}
}

// TestTokenInTheURLIsRefused wants a token in the URL to open nothing, whatever
// its name, the ticket's included.
func TestTokenInTheURLIsRefused(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	token, err := s.Token("ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"?token=", "?access_token=", "?t=", "?ticket="} {
		if status, _ := enter(t, s, query+token); status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, status)
		}
	}
}
