package e2e

import (
	"testing"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// nextWindow moves time to where limits begin to count anew.
func nextWindow(s *stack.Running) {
	now := s.Clock.Now()
	s.Advance(now.Truncate(limit.Window).Add(limit.Window).Sub(now))
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
	s := stack.RunT(t, stack.Config{NoSchedule: true, Environ: map[string]string{
		"GAPLESS_PUBLISH_RATE": "1000", "GAPLESS_USER_PUBLISH_RATE": "1",
	}})
	message := m{"action": "publish", "room": "lobby", "data": 1, "ephemeral": true}
	nextWindow(s)
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
		nextWindow(s)
		_, _ = flood(ada, 70, message)
	}
	sweep(t, s)
	nextWindow(s)
	if refused, _ := flood(ada, 1, message); refused != 0 {
		t.Error("refused in a new window")
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
			s := stack.RunT(t, stack.Config{NoSchedule: true, Environ: map[string]string{
				"GAPLESS_COMMAND_RATE": "1", "GAPLESS_AUTH_GRACE": "1h",
			}})
			eve, bob := dial(t, s, nil), connect(t, s, "bob")
			if name != "before hello" {
				eve = connect(t, s, "eve")
			}
			for range 3 {
				nextWindow(s)
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
