package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/gapless-rooms/gapless/localdev/gateway"
)

func TestWrongAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.dial(t)
	ctx := testContext(t)
	b.Faults().WrongGone(c.ID(), 2)
	if err := post(ctx, b.sdk(), c.ID(), "lost"); !isGone(err) {
		t.Errorf("first call: %v", err)
	}
	if _, err := get(ctx, b.sdk(), c.ID()); !isGone(err) {
		t.Errorf("second call: %v", err)
	}
	b.Faults().Throttle(c.ID(), 1)
	if err := post(ctx, b.sdk(), c.ID(), "lost"); !isLimit(err) {
		t.Errorf("throttled call: %v", err)
	}
	b.Faults().FailPost(c.ID(), 1, 500)
	var api smithy.APIError
	if err := post(ctx, b.sdk(), c.ID(), "lost"); !errors.As(err, &api) || api.ErrorCode() != "InternalServerException" {
		t.Errorf("failed call: %v", err)
	}
	if err := post(ctx, b.sdk(), c.ID(), "arrives"); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, c); got != "arrives" {
		t.Errorf("received %q", got)
	}
	b.Faults().Every(func(call gateway.ManagementCall) gateway.Verdict {
		switch call.Method {
		case http.MethodGet:
			return gateway.Verdict{Status: 403}
		case http.MethodDelete:
			return gateway.Verdict{Status: 500, AfterEffect: true}
		}
		return gateway.Verdict{}
	})
	if _, err := get(ctx, b.sdk(), c.ID()); !isForbidden(err) {
		t.Errorf("forbidden call: %v", err)
	}
	if err := del(ctx, b.sdk(), c.ID()); !errors.As(err, &api) || api.ErrorCode() != "InternalServerException" {
		t.Errorf("call with a lost answer: %v", err)
	}
	var closed *gateway.CloseError
	if _, err := c.Receive(ctx); !errors.As(err, &closed) || closed.Code != 1000 {
		t.Errorf("after the call with a lost answer: %v", err)
	}
}

func TestRefusedHandshakes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Faults().RefuseHandshakes(1, 429)
	for _, want := range []int{429, 101} {
		if got, _ := dialStatus(t, b, gateway.DialOptions{}); got != want {
			t.Errorf("status %d, want %d", got, want)
		}
	}
}

// TestManyClients ends connections in all ways at once, while functions post
// to them: each has one $disconnect, and nothing is left behind.
func TestManyClients(t *testing.T) {
	t.Parallel()
	const clients = 60
	inBubble(t, func(t *testing.T, b *bundle) {
		b.functions.on("echo", func(ctx context.Context, _ []byte) (gateway.Result, error) {
			for _, c := range b.Connections() {
				err := post(ctx, b.sdk(), c.ID, "to all")
				if err != nil && !isGone(err) && !isLimit(err) {
					t.Error(err)
				}
			}
			return ok("echoed"), nil
		})
		var group sync.WaitGroup
		for i := range clients {
			group.Go(func() {
				c, err := b.Dial(t.Context(), gateway.DialOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				if err := c.Send(t.Context(), `{"action":"echo"}`); err != nil {
					t.Error(err)
				}
				for n := 0; ; n++ {
					if _, err := c.Receive(t.Context()); err != nil {
						return
					}
					if n != i%7 {
						continue
					}
					switch i % 4 {
					case 0:
						c.Cut()
					case 1:
						_ = c.Close(1000, "")
					case 2:
						_ = b.Faults().Cut(c.ID())
					case 3:
						_ = del(t.Context(), b.sdk(), c.ID())
					}
				}
			})
		}
		time.Sleep(time.Second)
		b.Faults().CloseAll(1012, "")
		group.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		ended := map[string]int{}
		for _, e := range b.functions.seen("disconnect") {
			ended[connectionID(e)]++
		}
		if len(ended) != clients || len(b.functions.seen("disconnect")) != clients || len(b.Connections()) != 0 {
			t.Errorf("%d of %d connections ended, %d $disconnects, %d left",
				len(ended), clients, len(b.functions.seen("disconnect")), len(b.Connections()))
		}
	}, withLimits(gateway.Limits{RequestBurst: 1e6}))
}

func TestDelayedPost(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		c := dialBubble(t, b)
		b.Faults().DelayPost(c.ID(), 3*time.Second)
		began := time.Now()
		if err := post(t.Context(), b.sdk(), c.ID(), "x"); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("post took %v", d)
		}
		c.Cut()
	})
}

func TestDeadPeer(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		c := dialBubble(t, b)
		if err := b.Faults().DeadPeer(c.ID()); err != nil {
			t.Fatal(err)
		}
		if err := post(t.Context(), b.sdk(), c.ID(), "vanishes"); err != nil {
			t.Errorf("post to a dead peer: %v", err)
		}
		send(t, c, `{"action":"echo"}`)
		synctest.Wait()
		if n := len(b.functions.seen("echo")); n != 0 {
			t.Errorf("%d messages of a dead peer arrived", n)
		}
		if _, err := c.Receive(t.Context()); !errors.Is(err, gateway.ErrCut) {
			t.Errorf("received %v", err)
		}
		synctest.Wait()
		if n := len(b.functions.seen("disconnect")); n != 1 {
			t.Errorf("$disconnect ran %d times", n)
		}
	})
}

func TestFrozenClientFillsItsBuffer(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		c, other := dialBubble(t, b), dialBubble(t, b)
		if err := b.Faults().FreezeClient(c.ID()); err != nil {
			t.Fatal(err)
		}
		sent := 0
		for ; ; sent++ {
			err := post(t.Context(), b.sdk(), c.ID(), strings.Repeat("x", 100))
			if isLimit(err) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if sent != 10 {
			t.Errorf("%d messages fit", sent)
		}
		if err := post(t.Context(), b.sdk(), other.ID(), "free"); err != nil {
			t.Errorf("another client: %v", err)
		}
		if got := receive(t, other); got != "free" {
			t.Errorf("received %q", got)
		}
		if err := b.Faults().ThawClient(c.ID()); err != nil {
			t.Fatal(err)
		}
		for range sent {
			receive(t, c)
		}
		if err := post(t.Context(), b.sdk(), c.ID(), "again"); err != nil {
			t.Errorf("after the thaw: %v", err)
		}
		c.Cut()
		other.Cut()
	}, withQuirks(func(q *gateway.Quirks) { q.ClientBufferBytes = 1000 }))
}

func TestSlowReaderFillsItsBuffer(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		c := dialBubble(t, b)
		sent := 0
		for ; post(t.Context(), b.sdk(), c.ID(), "x") == nil; sent++ {
			synctest.Wait()
		}
		for range sent {
			receive(t, c)
		}
		if sent < 10 {
			t.Errorf("only %d messages fit", sent)
		}
		c.Cut()
	}, withQuirks(func(q *gateway.Quirks) { q.ClientBufferMessages = 10 }))
}

func TestLostAndLateDisconnect(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		lost, next, late := dialBubble(t, b), dialBubble(t, b), dialBubble(t, b)
		b.Faults().LoseDisconnect(lost.ID())
		lost.Cut()
		synctest.Wait()
		b.Faults().LoseDisconnects(1)
		next.Cut()
		synctest.Wait()
		if n := len(b.functions.seen("disconnect")); n != 0 {
			t.Fatalf("$disconnect ran %d times", n)
		}
		b.Faults().DelayDisconnect(late.ID(), time.Minute)
		late.Cut()
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if n := len(b.functions.seen("disconnect")); n != 0 {
			t.Fatalf("$disconnect ran %d times, too early", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(b.functions.seen("disconnect")); n != 1 {
			t.Errorf("$disconnect ran %d times", n)
		}
	})
}

func TestFaultOnNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, fault := range map[string]func(string) error{
		"cut": b.Faults().Cut, "dead": b.Faults().DeadPeer, "freeze": b.Faults().FreezeClient,
	} {
		if err := fault("AAAAAAAAAAAAAAA="); !errors.Is(err, gateway.ErrNoConnection) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEventsAndCounters(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		b.functions.answer("echo", ok(strings.Repeat("x", gateway.BillingUnitBytes+1)))
		var kinds []string
		var mu sync.Mutex
		stop := b.Observe(func(e gateway.Event) {
			mu.Lock()
			defer mu.Unlock()
			kinds = append(kinds, string(e.Kind))
		})
		c := dialBubble(t, b)
		send(t, c, `{"action":"echo"}`)
		receive(t, c)
		synctest.Wait()
		if err := post(t.Context(), b.sdk(), c.ID(), "x"); err != nil {
			t.Fatal(err)
		}
		receive(t, c)
		synctest.Wait()
		if err := b.Faults().Cut(c.ID()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stop()
		want := "invoked opened received invoked sent sent management fault closed invoked"
		alternative := strings.Replace(want, "sent management", "management sent", 1)
		if got := strings.Join(kinds, " "); got != want && got != alternative {
			t.Errorf("events %s", got)
		}
		want2 := gateway.Counters{MessagesIn: 1, BytesIn: 17, UnitsIn: 1, MessagesOut: 2, BytesOut: gateway.BillingUnitBytes + 2, UnitsOut: 3}
		if got := b.Counters(); got != want2 {
			t.Errorf("counters %+v", got)
		}
	})
}
