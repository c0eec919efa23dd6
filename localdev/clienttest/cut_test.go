package clienttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// brisk makes attempts to reconnect follow each other quickly: the test waits
// for real sockets.
func brisk() float64 { return 0.02 }

func dial(t testing.TB, s *stack.Running, user string, options client.Options) *client.Client {
	t.Helper()
	if options.GetToken == nil {
		options.GetToken = func(context.Context, bool) (string, error) { return s.Token(user, nil) }
	}
	if options.Rand == nil {
		options.Rand = brisk
	}
	if options.Transport == nil {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		options.Transport = client.WebSocket{HTTPClient: &http.Client{Transport: transport}}
	}
	c, err := client.Dial(t.Context(), s.URL, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		<-c.Done()
	})
	return c
}

type numbered struct{ From, N int }

// TestRandomCuts publishes numbered messages from several clients while sockets
// are cut at random. Every client sees every message, once and in one order.
func TestRandomCuts(t *testing.T) {
	t.Parallel()
	const clients, each = 4, 250
	s := stack.RunT(t, stack.Config{Environ: map[string]string{"GAPLESS_PUBLISH_RATE": "10000"}})
	rooms := make([]*client.Room, clients)
	for i := range rooms {
		rooms[i] = dial(t, s, fmt.Sprintf("user-%d", i), client.Options{}).Join("hall")
		if _, err := rooms[i].Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	cut := &cutter{s: s, every: 20, random: rand.New(rand.NewPCG(7, 7))} //nolint:gosec // a test

	var publishing, reading sync.WaitGroup
	seqs := make([][]uint64, clients)
	for i, room := range rooms {
		publishing.Go(func() {
			for n := range each {
				published, err := room.Publish(t.Context(), numbered{i, n})
				if err != nil {
					t.Errorf("client %d, message %d: %v", i, n, err)
					return
				}
				seqs[i] = append(seqs[i], published.Seq)
				cut.maybe()
			}
		})
	}
	got := make([][]client.Message, clients)
	for i, room := range rooms {
		reading.Go(func() {
			for len(got[i]) < clients*each {
				m, err := room.Next(t.Context())
				if err != nil {
					t.Errorf("client %d after %d messages: %v", i, len(got[i]), err)
					return
				}
				got[i] = append(got[i], m)
			}
		})
	}
	publishing.Wait()
	reading.Wait()
	t.Logf("%d cuts", cut.cuts)
	for i := range rooms {
		check(t, i, got[i], seqs, each)
	}
}

// check demands of what one client saw: all messages, each author's in its order,
// under the numbers that were acknowledged.
func check(t *testing.T, reader int, got []client.Message, seqs [][]uint64, each int) {
	t.Helper()
	next := make([]int, len(seqs))
	last := uint64(0)
	for _, m := range got {
		var v numbered
		if err := m.Decode(&v); err != nil {
			t.Fatal(err)
		}
		switch {
		case m.Seq <= last:
			t.Fatalf("reader %d: number %d after %d", reader, m.Seq, last)
		case v.N != next[v.From]:
			t.Fatalf("reader %d: message %d of %d where %d is next", reader, v.N, v.From, next[v.From])
		case m.Seq != seqs[v.From][v.N]:
			t.Fatalf("reader %d: message %d of %d has number %d, acknowledged was %d", reader, v.N, v.From, m.Seq, seqs[v.From][v.N])
		}
		next[v.From]++
		last = m.Seq
	}
	for from, n := range next {
		if n != each {
			t.Errorf("reader %d: %d messages of %d, want %d", reader, n, from, each)
		}
	}
}

// cutter cuts connections at random, on average one for every so many messages,
// so that how much is cut does not depend on the machine.
type cutter struct {
	s     *stack.Running
	every int

	mu     sync.Mutex
	random *rand.Rand
	cuts   int
}

func (c *cutter) maybe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.random.IntN(c.every) != 0 {
		return
	}
	open := c.s.Gateway.Connections()
	if len(open) > 0 && c.s.Gateway.Faults().Cut(open[c.random.IntN(len(open))].ID) == nil {
		c.cuts++
	}
}

func TestExpiredEntriesAreAReset(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{})
	ada := dial(t, s, "ada", client.Options{}).Join("lobby")
	first, err := ada.Publish(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	bob := dial(t, s, "bob", client.Options{})
	room := bob.Join("lobby", client.Since(client.Position{Epoch: "another-life", Seq: 40}))
	_, err = room.Next(t.Context())
	var reset *client.ResetError
	if !errors.As(err, &reset) || reset.From.Seq != 40 || reset.To != first.Position || reset.Oldest != 1 {
		t.Fatalf("got %v, %+v", err, reset)
	}
	if _, err := ada.Publish(t.Context(), "two"); err != nil {
		t.Fatal(err)
	}
	if m, err := room.Next(t.Context()); err != nil || m.Seq != first.Seq+1 || m.User != "ada" {
		t.Fatalf("after the reset: %+v, %v", m, err)
	}
}

func TestPresenceHistoryAndEphemeral(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{})
	heard := make(chan client.Ephemeral, 10)
	came := make(chan client.PresenceChange, 10)
	ada := dial(t, s, "ada", client.Options{}).Join("lobby",
		client.OnEphemeral(func(e client.Ephemeral) { heard <- e }),
		client.OnPresence(func(p client.PresenceChange) { came <- p }))
	if _, err := ada.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := dial(t, s, "bob", client.Options{})
	bob := c.Join("lobby")
	if _, err := bob.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := <-came; len(p.Joined) != 1 || p.Joined[0] != "bob" || p.Count != 2 {
		t.Errorf("presence push %+v", p)
	}
	if p, err := bob.Presence(t.Context()); err != nil || p.Count != 2 || len(p.Users) != 2 {
		t.Errorf("presence %+v, %v", p, err)
	}
	if err := bob.Send(t.Context(), map[string]bool{"typing": true}); err != nil {
		t.Fatal(err)
	}
	if e := <-heard; e.User != "bob" || string(e.Data) != `{"typing":true}` {
		t.Errorf("ephemeral %+v", e)
	}
	for n := range 5 {
		if _, err := bob.Publish(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	page, err := c.Room("lobby").History(t.Context(), client.HistoryQuery{Before: 4, Limit: 2})
	if err != nil || len(page.Messages) != 2 || page.First != 2 || page.Last != 3 || !page.More || page.Head != 5 {
		t.Errorf("history %+v, %v", page, err)
	}
	if err := bob.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := <-came; len(p.Left) != 1 || p.Left[0] != "bob" {
		t.Errorf("presence push %+v", p)
	}
}

func TestForbiddenRoom(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{})
	c := dial(t, s, "ada", client.Options{GetToken: func(context.Context, bool) (string, error) {
		return s.Token("ada", auth.Permissions{"mine.*": {"join", "publish", "history"}})
	}})
	for _, err := range c.Join("vault").Messages() {
		var refused *client.Error
		if !errors.As(err, &refused) || refused.Code != "forbidden" || refused.Temporary() {
			t.Errorf("got %v", err)
		}
	}
	_, err := c.Room("vault").Publish(t.Context(), 1)
	if refused := (*client.Error)(nil); !errors.As(err, &refused) || refused.Code != "forbidden" {
		t.Errorf("publish: %v", err)
	}
	if _, err := c.Join("mine.1").Publish(t.Context(), 1); err != nil {
		t.Errorf("publish: %v", err)
	}
}
