package console_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/console"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/client"
)

// isolated runs the functions as processes; tests that move time need them in
// this one.
var isolated = flag.String("isolated", "", "folder with {function}/bootstrap; empty runs the functions in process")

// patience bounds every wait.
const patience = 60 * time.Second

// page is what a browser's page knows: the values that the stream has told.
type page struct {
	t *testing.T
	*console.Running

	mu      sync.Mutex
	values  map[string]map[string]json.RawMessage // by topic and key
	changed chan struct{}                         // closed and replaced at each change
}

// setup starts a stack and opens its console's stream.
func setup(t *testing.T) *page {
	t.Helper()
	return setupOn(t, stack.Config{NoSchedule: true, Isolated: *isolated})
}

// setupOn is setup on a stack of one's own.
func setupOn(t *testing.T, config stack.Config) *page {
	t.Helper()
	p := &page{
		t: t, Running: console.RunT(t, config),
		values: map[string]map[string]json.RawMessage{}, changed: make(chan struct{}),
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Page+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.read(response.Body)
	}()
	t.Cleanup(func() {
		_ = response.Body.Close()
		<-done
	})
	return p
}

func (p *page) read(stream io.Reader) {
	lines := bufio.NewReader(stream)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return // what was cut off in the middle of a line is no update
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var updates []struct {
			Topic, Key string
			Value      json.RawMessage
		}
		if err := json.Unmarshal([]byte(data), &updates); err != nil {
			panic("update that cannot be read: " + data)
		}
		p.mu.Lock()
		for _, u := range updates {
			if p.values[u.Topic] == nil {
				p.values[u.Topic] = map[string]json.RawMessage{}
			}
			p.values[u.Topic][u.Key] = u.Value
			if string(u.Value) == "null" {
				delete(p.values[u.Topic], u.Key)
			}
		}
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// all decodes the values of a topic by key.
func all[T any](p *page, topic string) map[string]T {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]T{}
	for key, raw := range p.values[topic] {
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			p.t.Fatalf("%s %s: %v", topic, key, err)
		}
		out[key] = v
	}
	return out
}

// await waits until a condition on the values holds.
func (p *page) await(what string, holds func() bool) {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			p.mu.Lock()
			defer p.mu.Unlock()
			known, _ := json.MarshalIndent(p.values, "", " ")
			p.t.Fatalf("waited %v in vain until %s\n%s", patience, what, known)
		}
	}
}

// post asks as the page does and returns the status.
func (p *page) post(path string, body any) int {
	p.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.Page+"/api/"+path, bytes.NewReader(encoded))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Origin", p.Page)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read to its end or not, the test goes on
	return response.StatusCode
}

// strike breaks something about a connection.
func (p *page) strike(fault, connection string) {
	p.t.Helper()
	if status := p.post("fault/"+fault, map[string]string{"connection": connection}); status != http.StatusOK {
		p.t.Fatalf("fault %s: status %d", fault, status)
	}
}

// join connects a user and joins the room.
func (p *page) join(user string) *client.Room {
	p.t.Helper()
	c, err := client.Dial(p.t.Context(), p.URL, client.Options{
		GetToken: func(context.Context, bool) (string, error) { return p.Token(user, nil) },
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	room := c.Join("lobby")
	if _, err := room.Ready(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	return room
}

// next is the next message in a room.
func (p *page) next(room *client.Room) client.Message {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	m, err := room.Next(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// publish publishes into a room and returns the number.
func (p *page) publish(room *client.Room, data any) uint64 {
	p.t.Helper()
	published, err := room.Publish(p.t.Context(), data)
	if err != nil {
		p.t.Fatal(err)
	}
	return published.Seq
}

// connectionOf waits for the connection of a user that the gateway has.
func (p *page) connectionOf(user string) (id string) {
	p.t.Helper()
	p.await(user+" is connected", func() bool {
		for _, c := range all[connection](p, "connection") {
			if c.User == user && c.Open {
				id = c.ID
			}
		}
		return id != ""
	})
	return id
}

type connection struct {
	ID, User    string
	Open, Known bool
	Frozen      bool
}
