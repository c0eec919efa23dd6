package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/gateway"
)

// inBubble runs f in a bubble of virtual time, with a gateway whose clock is
// the bubble's.
func inBubble(t *testing.T, f func(t *testing.T, b *bundle), options ...option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, setup(t, options...)) })
}

// closedWith waits for the connection's end and returns its code.
func closedWith(t *testing.T, c *gateway.Conn) int {
	t.Helper()
	for {
		_, err := c.Receive(t.Context())
		var closed *gateway.CloseError
		switch {
		case errors.As(err, &closed):
			return closed.Code
		case err != nil:
			t.Fatal(err)
		}
	}
}

func dialBubble(t *testing.T, b *bundle) *gateway.Conn {
	t.Helper()
	c, err := b.Dial(t.Context(), gateway.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		quirks func(*gateway.Quirks)
		act    func(t *testing.T, b *bundle, c *gateway.Conn)
		want   time.Duration
	}{
		{name: "nothing", act: func(*testing.T, *bundle, *gateway.Conn) {}, want: 10 * time.Minute},
		{name: "message in", want: 15 * time.Minute, act: func(t *testing.T, _ *bundle, c *gateway.Conn) {
			if err := c.Send(t.Context(), `{"action":"silent"}`); err != nil {
				t.Error(err)
			}
		}},
		{name: "message out", want: 15 * time.Minute, act: func(t *testing.T, b *bundle, c *gateway.Conn) {
			if err := post(t.Context(), b.sdk(), c.ID(), "x"); err != nil {
				t.Error(err)
			}
		}},
		{name: "ping", want: 10 * time.Minute, act: func(t *testing.T, _ *bundle, c *gateway.Conn) {
			if err := c.Ping(t.Context()); err != nil {
				t.Error(err)
			}
		}},
		{
			name: "ping by quirk", want: 15 * time.Minute,
			quirks: func(q *gateway.Quirks) { q.PingResetsIdle = true },
			act: func(t *testing.T, _ *bundle, c *gateway.Conn) {
				if err := c.Ping(t.Context()); err != nil {
					t.Error(err)
				}
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			quirks := tt.quirks
			if quirks == nil {
				quirks = func(*gateway.Quirks) {}
			}
			inBubble(t, func(t *testing.T, b *bundle) {
				began := time.Now()
				c := dialBubble(t, b)
				time.AfterFunc(5*time.Minute, func() { tt.act(t, b, c) })
				if code := closedWith(t, c); code != 1001 {
					t.Errorf("closed with %d", code)
				}
				if got := time.Since(began); got != tt.want {
					t.Errorf("closed after %v, want %v", got, tt.want)
				}
				synctest.Wait()
				if n := len(b.functions.seen("disconnect")); n != 1 {
					t.Errorf("$disconnect ran %d times", n)
				}
			}, withQuirks(quirks))
		})
	}
}

func TestLifetime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		began := time.Now()
		c := dialBubble(t, b)
		ticker := time.NewTicker(5 * time.Minute)
		defer ticker.Stop()
		go func() {
			for range ticker.C {
				if c.Send(t.Context(), `{"action":"silent"}`) != nil {
					return
				}
			}
		}()
		if code := closedWith(t, c); code != 1001 {
			t.Errorf("closed with %d", code)
		}
		if got := time.Since(began); got != 2*time.Hour {
			t.Errorf("closed after %v", got)
		}
		c.Cut()
		time.Sleep(5 * time.Minute)
	})
}

func TestMovableClock(t *testing.T) {
	t.Parallel()
	k := clock.NewMovable()
	b := setup(t, withClock(k))
	c := b.dial(t)
	k.Advance(2 * time.Hour)
	var closed *gateway.CloseError
	if _, err := c.Receive(testContext(t)); !errors.As(err, &closed) || closed.Code != 1001 || closed.Reason != "Going away" {
		t.Fatalf("received %v", err)
	}
	b.functions.await(t, "disconnect")
}

func TestIntegrationTimeout(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		finished := false
		b.functions.on("echo", func(ctx context.Context, _ []byte) (gateway.Result, error) {
			time.Sleep(time.Minute)
			finished = ctx.Err() == nil
			return ok("late"), nil
		})
		c := dialBubble(t, b)
		began := time.Now()
		send(t, c, `{"action":"echo"}`)
		got := receive(t, c)
		if want := fmt.Sprintf(`{"message": "Endpoint request timed out", "connectionId":"%s", "requestId":"`, c.ID()); !strings.HasPrefix(got, want) {
			t.Errorf("received %s", got)
		}
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("timed out after %v", d)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !finished {
			t.Error("the function did not run to its end")
		}
		c.Cut()
	}, withAPI(func(a *gateway.API) {
		i := a.Integrations["echo"]
		i.Timeout = 3 * time.Second
		a.Integrations["echo"] = i
	}))
}

func TestMessagesAreAnsweredAsTheyFinish(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		b.functions.on("echo", func(_ context.Context, payload []byte) (gateway.Result, error) {
			if strings.Contains(string(payload), "slow") {
				time.Sleep(time.Second)
				return ok("slow"), nil
			}
			return ok("fast"), nil
		})
		c := dialBubble(t, b)
		send(t, c, `{"action":"echo","how":"slow"}`)
		send(t, c, `{"action":"echo","how":"fast"}`)
		if first, second := receive(t, c), receive(t, c); first != "fast" || second != "slow" {
			t.Errorf("received %s, %s", first, second)
		}
		c.Cut()
	})
}

func TestMessageConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		b.functions.on("echo", func(context.Context, []byte) (gateway.Result, error) {
			time.Sleep(time.Second)
			return ok("done"), nil
		})
		c := dialBubble(t, b)
		began := time.Now()
		for range 6 {
			send(t, c, `{"action":"echo"}`)
		}
		for range 6 {
			receive(t, c)
		}
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("six messages, two at a time, took %v", d)
		}
		c.Cut()
	}, withQuirks(func(q *gateway.Quirks) { q.MessageConcurrency = 2 }))
}

func TestUnansweredCloseIsDroppedInTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		c := dialBubble(t, b)
		began := time.Now()
		if err := del(t.Context(), b.sdk(), c.ID()); err != nil {
			t.Fatal(err)
		}
		// The client never reads, so it never answers the close frame.
		var at time.Time
		for len(b.functions.seen("disconnect")) == 0 {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			at = time.Now()
		}
		if d := at.Sub(began); d != 2*time.Second {
			t.Errorf("dropped after %v", d)
		}
	})
}

func TestThrottledClientIsClosed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		c := dialBubble(t, b)
		for range 3 {
			send(t, c, `{"action":"silent"}`)
		}
		if code := closedWith(t, c); code != 1008 {
			t.Errorf("closed with %d", code)
		}
	}, withQuirks(func(q *gateway.Quirks) { q.ClientRate = 2 }))
}

func TestRouteThrottle(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		b.functions.answer("echo", ok("echoed"))
		c := dialBubble(t, b)
		send(t, c, `{"action":"echo"}`)
		if got := receive(t, c); got != "echoed" {
			t.Errorf("received %s", got)
		}
		send(t, c, `{"action":"echo"}`)
		if got := receive(t, c); !strings.Contains(got, "Too Many Requests") {
			t.Errorf("received %s", got)
		}
		time.Sleep(time.Second)
		send(t, c, `{"action":"echo"}`)
		if got := receive(t, c); got != "echoed" {
			t.Errorf("received %s", got)
		}
		c.Cut()
	}, withAPI(func(a *gateway.API) {
		a.RouteThrottles = map[string]gateway.Throttle{"echo": {Rate: 1}}
	}))
}

func TestCloseBehindUnreadMessages(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		b.functions.on("silent", func(context.Context, []byte) (gateway.Result, error) {
			time.Sleep(time.Second)
			return ok(""), nil
		})
		c := dialBubble(t, b)
		sent := 0
		for ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond); ; sent++ {
			if c.Send(ctx, `{"action":"silent"}`) != nil {
				cancel()
				break
			}
		}
		if err := c.Close(1000, ""); err != nil {
			t.Fatal(err)
		}
		if code := closedWith(t, c); code != 1000 {
			t.Errorf("closed with %d", code)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := len(b.functions.seen("silent")); got != sent || sent == 0 {
			t.Errorf("%d of %d messages arrived", got, sent)
		}
	}, withQuirks(func(q *gateway.Quirks) { q.MessageConcurrency = 1 }))
}
