package cost

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/revocation"
)

// bench is a stack under a meter, in virtual time.
type bench struct {
	t     *testing.T
	stack *stack.Stack
	meter *Meter
}

func setup(t *testing.T) *bench {
	t.Helper()
	meter := new(Meter)
	s, err := stack.New(stack.Config{
		Clock: clock.System(), NoSchedule: true, Transport: meter.Transport,
		Environ: map[string]string{"GAPLESS_PUBLISH_RATE": "10000"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t, s, meter}
	// Each environment reads the secret that signs tokens with its first token,
	// and every ten minutes: that is not what an operation costs.
	b.connect("warm-up").Cut()
	b.settle()
	return b
}

// conn is an in-process client that throws its pushes away.
type conn struct {
	*gateway.Conn
	b       *bench
	replies chan json.RawMessage
}

func (b *bench) connect(user string) *conn {
	b.t.Helper()
	c, err := b.stack.Gateway.Dial(b.t.Context(), gateway.DialOptions{
		Header: http.Header{"Authorization": {"Bearer " + b.token(user, nil)}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	out := &conn{c, b, make(chan json.RawMessage, 1)}
	go func() {
		defer close(out.replies)
		for {
			text, err := c.Receive(b.t.Context())
			if err != nil {
				return
			}
			if !strings.HasPrefix(text, `{"push"`) {
				out.replies <- json.RawMessage(text)
			}
		}
	}()
	b.t.Cleanup(c.Cut)
	return out
}

func (b *bench) token(user string, permissions auth.Permissions) string {
	b.t.Helper()
	token, err := b.stack.Token(user, permissions)
	if err != nil {
		b.t.Fatal(err)
	}
	return token
}

func (c *conn) send(format string, args ...any) {
	c.b.t.Helper()
	if err := c.Send(c.b.t.Context(), fmt.Sprintf(format, args...)); err != nil {
		c.b.t.Fatal(err)
	}
}

// call sends a command with an id and waits for a reply without an error.
func (c *conn) call(format string, args ...any) {
	c.b.t.Helper()
	c.send(format, args...)
	reply := <-c.replies
	if !strings.Contains(string(reply), `"ok":`) {
		c.b.t.Fatalf("%s: %s", fmt.Sprintf(format, args...), reply)
	}
}

// settle waits until nothing runs any more, starts a new count and returns the
// old one: of all functions, or of the named one.
func (b *bench) settle(function ...string) Usage {
	synctest.Wait()
	if err := b.stack.Lambda.Idle(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
	usage := b.meter.Take
	for _, name := range function {
		u := b.meter.By(name)
		usage = func() Usage { b.meter.Take(); return u }
	}
	return usage()
}

// row is one line of the table. A negative budget means none.
type row struct {
	operation                 string
	writes, reads             float64
	writesBudget, readsBudget float64
	calls                     map[string]int
	callsBudget               map[string]int
}

func (r row) check(t *testing.T) {
	t.Helper()
	if r.writesBudget >= 0 && r.writes > r.writesBudget {
		t.Errorf("%s: %.2f write units, budget %.2f", r.operation, r.writes, r.writesBudget)
	}
	if r.readsBudget >= 0 && r.reads > r.readsBudget {
		t.Errorf("%s: %.2f read units, budget %.2f", r.operation, r.reads, r.readsBudget)
	}
	for call, n := range r.calls {
		if budget, ok := r.callsBudget[call]; !ok || n > budget {
			t.Errorf("%s: %d × %s, budget %d", r.operation, n, call, budget)
		}
	}
}

func (r row) String() string {
	budget := func(b float64) string {
		if b < 0 {
			return "-"
		}
		return fmt.Sprintf("≤ %g", b)
	}
	var calls []string
	for _, name := range slices.Sorted(maps.Keys(r.calls)) {
		calls = append(calls, fmt.Sprintf("%d %s", r.calls[name], name))
	}
	return fmt.Sprintf("  %-46s %8.2f %6s   %8.2f %6s   %s", r.operation,
		r.writes, budget(r.writesBudget), r.reads, budget(r.readsBudget), strings.Join(calls, ", "))
}

func (u Usage) row(operation string, writesBudget, readsBudget float64, callsBudget map[string]int) row {
	return row{operation, u.WriteUnits, u.ReadUnits, writesBudget, readsBudget, u.Calls, callsBudget}
}

// data is a message whose entry is just within the 1 KB of the budgets.
var data = `"` + strings.Repeat("x", 850) + `"`

func TestCost(t *testing.T) {
	var rows []row
	var bills []string
	measure := func(name string, f func(*bench)) {
		t.Helper()
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(setup(t)) }) })
	}
	add := func(t *testing.T, r row) {
		t.Helper()
		r.check(t)
		rows = append(rows, r)
	}

	measure("connection", func(b *bench) {
		ada := b.connect("ada")
		add(b.t, b.settle().row("connect", 1, 0, nil))
		text, err := b.stack.Ticket(b.t.Context(), "bob", nil)
		if err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		bob, err := b.stack.Gateway.Dial(b.t.Context(), gateway.DialOptions{Query: url.Values{"ticket": {text}}})
		if err != nil {
			b.t.Fatal(err)
		}
		add(b.t, b.settle().row("connect with a ticket", 2, 0, nil))
		bob.Cut()
		b.settle()
		ada.call(`{"action":"hello","id":1}`)
		add(b.t, b.settle().row("hello, authenticated in the handshake", 1, 1, nil))
		ada.call(`{"action":"join","id":1,"room":"a"}`)
		add(b.t, b.settle("message").row("join", 2, 2, map[string]int{"Publish": 1}))
		ada.call(`{"action":"join","id":1,"room":"b"}`)
		ada.call(`{"action":"join","id":1,"room":"c"}`)
		b.settle()
		ada.send(`{"action":"ping"}`)
		add(b.t, b.settle().row("ping", 0, 0, nil))
		if n := b.stack.Lambda.Stats("message").Invocations; n != 4 {
			b.t.Errorf("%d invocations after 4 commands and a ping", n)
		}
		for range 2 { // the first time, the environment reads the secret
			b.settle()
			ada.call(`{"action":"auth","id":1,"token":%q}`, b.token("ada", nil))
		}
		add(b.t, b.settle().row("auth, in 3 rooms, the same permissions", 1, 0, nil))
		ada.call(`{"action":"auth","id":1,"token":%q}`, b.token("ada", auth.Permissions{"*": {auth.Join}}))
		time.Sleep(2 * time.Minute)
		if err := b.stack.Sweep(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
		add(b.t, b.settle().row("auth, in 3 rooms, others, and the sweep then", 2+3+1, -1, map[string]int{"ReceiveMessage": 1}))
		ada.Cut()
		add(b.t, b.settle("disconnect").row("disconnect from 3 rooms", 1+3, 1, map[string]int{"PublishBatch": 1}))
	})

	measure("quiet room", func(b *bench) {
		members := make([]*conn, 10)
		for i := range members {
			members[i] = b.connect(fmt.Sprintf("user-%d", i))
			members[i].call(`{"action":"join","id":1,"room":"quiet"}`)
		}
		publisher := members[0]
		for _, v := range []struct {
			name, key string
			writes    float64
		}{{"publish with key, quiet room of 10", `,"key":"k"`, 5}, {"publish without key, quiet room of 10", "", 4}} {
			b.settle()
			before := b.stack.Gateway.Counters()
			publisher.call(`{"action":"publish","id":1,"room":"quiet","data":%s%s}`, data, v.key)
			usage := b.settle()
			after := b.stack.Gateway.Counters()
			add(b.t, usage.row(v.name, v.writes, 1+1, map[string]int{"Publish": 1, "PostToConnection": 9}))
			bill := Bill{
				Messages: after.UnitsIn + after.UnitsOut - before.UnitsIn - before.UnitsOut,
				Usage:    usage, Invocations: 2, Serial: 9,
			}
			ratio := bill.Total() / bill.Gateway()
			bills = append(bills, fmt.Sprintf("  %-46s %8.2f USD/M   %.2f × API Gateway's own %.2f (budget 1.4)",
				v.name, 1e6*bill.Total(), ratio, 1e6*bill.Gateway()))
			if ratio > 1.4 {
				b.t.Errorf("%s costs %.3f times what API Gateway takes, budget 1.4", v.name, ratio)
			}
		}
	})

	measure("busy room", func(b *bench) {
		const members, rate, seconds = 100, 100, 3
		all := make([]*conn, members)
		for i := range all {
			all[i] = b.connect(fmt.Sprintf("user-%d", i))
			all[i].call(`{"action":"join","id":1,"room":"busy"}`)
		}
		for _, v := range []struct {
			name, key string
			budget    float64
		}{
			{"publish without key, 100/s to 100 members", "", 3},
			{"publish with key, 100/s to 100 members", `,"key":"%d"`, 3.5},
		} {
			b.settle()
			before := b.stack.Gateway.Counters()
			invoked := b.stack.Lambda.Stats("broadcast").Invocations
			for n := range rate * seconds {
				key := v.key
				if key != "" {
					key = fmt.Sprintf(key, n)
				}
				all[n%members].call(`{"action":"publish","id":1,"room":"busy","data":"%d"%s}`, n, key)
				time.Sleep(time.Second / rate)
			}
			time.Sleep(5 * time.Second)
			usage := b.settle()
			after := b.stack.Gateway.Counters()
			const n = rate * seconds
			posts := usage.Calls["PostToConnection"]
			wakes := usage.Calls["Publish"]
			add(b.t, row{
				operation: v.name, writes: usage.WriteUnits / n, writesBudget: v.budget,
				reads: usage.ReadUnits / n, readsBudget: -1,
				calls:       map[string]int{"PostToConnection": posts / n, "Publish": wakes / n},
				callsBudget: map[string]int{"PostToConnection": members / 4, "Publish": 0},
			})
			invoked = b.stack.Lambda.Stats("broadcast").Invocations - invoked
			bill := Bill{
				Messages: after.UnitsIn + after.UnitsOut - before.UnitsIn - before.UnitsOut, Usage: usage,
				Invocations: n + invoked,
				// The broadcaster is awake all the time, each publish waits for five calls.
				Serial: 5*n + int((seconds+5)/secondsPerCall),
			}
			naive := float64(members*n) * priceMessage
			ratio := bill.Total() / naive
			bills = append(bills, fmt.Sprintf("  %-46s %8.2f USD/M   %.2f × the naive price of one message per member and entry (budget 0.25)",
				v.name, 1e6*bill.Total()/n, ratio))
			if ratio > 0.25 {
				b.t.Errorf("%s costs %.3f times the naive price, budget 0.25", v.name, ratio)
			}
		}
	})

	measure("live connection", func(b *bench) {
		ada := b.connect("ada")
		ada.call(`{"action":"join","id":1,"room":"a"}`)
		b.settle()
		for minute := range 60 {
			if minute%4 == 0 {
				ada.send(`{"action":"ping"}`)
			}
			time.Sleep(time.Minute)
			if err := b.stack.Sweep(b.t.Context()); err != nil {
				b.t.Fatal(err)
			}
		}
		usage := b.settle()
		// What the sweeper reads and asks of the queue it does once for all
		// connections: 16 partitions and 16 shards of revocations, 60 times.
		delete(usage.Calls, "ReceiveMessage")
		usage.ReadUnits -= (16 + revocation.Shards) * 60 * 0.5
		// At each check it looks at the head of the connection's room.
		add(b.t, usage.row("a live connection in a room, per hour", 6, 6, map[string]int{"GetConnection": 6}))
	})

	fmt.Printf("\n  %-46s %8s %6s   %8s %6s   %s\n", "operation", "WRU", "budget", "RRU", "budget", "other calls")
	for _, r := range rows {
		fmt.Println(r)
	}
	fmt.Printf("\n  all in\n")
	for _, line := range bills {
		fmt.Println(line)
	}
	fmt.Println()
}
