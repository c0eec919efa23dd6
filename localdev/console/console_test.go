package console_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/console"
)

// TestWayOfAMessage follows one from the frame that published it to those that
// delivered it.
func TestWayOfAMessage(t *testing.T) {
	t.Parallel()
	p := setup(t)
	ada, bob := p.join("ada"), p.join("bob")
	p.publish(ada, map[string]string{"text": "hello"})
	if m := p.next(bob); m.Seq != 1 {
		t.Fatalf("bob got #%d", m.Seq)
	}
	want := []string{
		"gateway publish, N bytes", "message function", "dynamodb read the connection", "dynamodb take the next number",
		"dynamodb claim the key", "dynamodb write entry #1", "sns publish wake-up", "broadcast function", "dynamodb take the lease",
		"dynamodb read members", "gateway post #1", "client frame sent", "dynamodb give the lease back", "client reply sent",
	}
	var got []string
	bytes := regexp.MustCompile(`\d+ bytes`)
	p.await("the way is complete", func() bool {
		got = nil
		for _, trace := range all[console.Trace](p, "trace") {
			for _, s := range trace.Steps {
				if s.Error == "" && s.AtMs >= 0 {
					got = append(got, s.Lane+" "+bytes.ReplaceAllString(s.Label, "N bytes"))
				}
			}
		}
		return len(got) == len(want)
	})
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRoomIsShown(t *testing.T) {
	t.Parallel()
	p := setup(t)
	ada := p.join("ada")
	p.join("bob")
	p.publish(ada, "one")
	p.publish(ada, map[string]any{"text": "two", "more": 1})
	type room struct {
		Head, Delivered uint64
		Members         []struct{ User string }
		Tail            []struct {
			Seq  uint64
			User string
			Text string
		}
		Owner string
	}
	p.await("the room is at rest at 2", func() bool {
		r := all[room](p, "room")["lobby"]
		return r.Head == 2 && r.Delivered == 2 && r.Owner == "" && len(r.Members) == 2 &&
			len(r.Tail) == 2 && r.Tail[0].Text == "one" && r.Tail[1].Text == "two" && r.Tail[1].User == "ada"
	})
	type function struct{ Invocations, Errors int }
	p.await("the functions have run", func() bool {
		f := all[function](p, "function")
		return len(f) == 5 && f["connect"].Invocations == 2 && f["message"].Invocations >= 4 && f["broadcast"].Errors == 0
	})
}

// TestEveryCallHasAName lets the functions do most of what they do and wants no
// call shown under the API's own name.
func TestEveryCallHasAName(t *testing.T) {
	t.Parallel()
	p := setup(t)
	ada, bob := p.join("ada"), p.join("bob")
	p.publish(ada, "x")
	p.next(bob)
	if err := bob.Send(t.Context(), "typing"); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Presence(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.strike("lose-disconnect", p.connectionOf("ada"))
	if err := bob.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.strike("expire-token", p.connectionOf("bob"))
	for range 3 {
		if status := p.post("advance", map[string]int{"seconds": 900}); status != 200 {
			t.Fatalf("advance: status %d", status)
		}
		p.strike("sweep", "")
	}
	named := regexp.MustCompile(`^[a-z]`)
	seen := map[string]bool{}
	p.await("the sweeper has run", func() bool {
		for _, i := range all[console.Invocation](p, "invocation") {
			for _, c := range i.Calls {
				seen[c.Label] = true
			}
		}
		return seen["delete the connection"] && seen["read due connections"]
	})
	for label := range seen {
		if !named.MatchString(label) {
			t.Errorf("a call is shown as %q", label)
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d kinds of calls: %v", len(seen), seen)
	}
}
