package handlertest

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Gateway takes the posts to all connections. It is safe for concurrent use.
type Gateway struct {
	mu     sync.Mutex
	pushes map[string][]Push
	closed map[string]bool
	before func(ctx context.Context, id string, push Push) error
	after  func(id string, push Push)
}

// Push is a frame that a connection was pushed.
type Push struct {
	Frame []byte
	At    time.Time

	Push     protocol.Push
	Room     string
	Epoch    string
	Messages []protocol.Entry
	Data     json.RawMessage
	Code     int
}

func newGateway() *Gateway {
	return &Gateway{pushes: map[string][]Push{}, closed: map[string]bool{}}
}

// Before sets the function that answers each post. It runs on the poster's
// goroutine, and may wait there.
func (g *Gateway) Before(decide func(ctx context.Context, id string, push Push) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.before = decide
}

// After sets a function that runs when a connection has received a frame, before
// Post returns.
func (g *Gateway) After(run func(id string, push Push)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.after = run
}

// Heal lets all posts succeed from now on.
func (g *Gateway) Heal() {
	g.Before(nil)
	g.After(nil)
}

// Pushes returns what a connection was pushed.
func (g *Gateway) Pushes(id string) []Push {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.pushes[id])
}

// Closed reports whether the server has closed a connection.
func (g *Gateway) Closed(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed[id]
}

// Post takes a frame. A connection that was closed is gone.
func (g *Gateway) Post(ctx context.Context, id string, frame []byte) error {
	push := Push{Frame: frame, At: clock.System().Now()}
	if err := json.Unmarshal(frame, &push); err != nil {
		return err
	}
	g.mu.Lock()
	before, closed := g.before, g.closed[id]
	g.mu.Unlock()
	if closed {
		return connection.ErrGone
	}
	if before != nil {
		if err := before(ctx, id, push); err != nil {
			return err
		}
	}
	g.mu.Lock()
	g.pushes[id] = append(g.pushes[id], push)
	after := g.after
	g.mu.Unlock()
	if after != nil {
		after(id, push)
	}
	return nil
}

// Status says that a connection which was not closed is alive: clients ping.
func (g *Gateway) Status(_ context.Context, id string) (connection.Status, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed[id] {
		return connection.Status{}, connection.ErrGone
	}
	return connection.Status{LastActiveAt: clock.System().Now()}, nil
}

// Close ends a connection.
func (g *Gateway) Close(_ context.Context, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed[id] {
		return connection.ErrGone
	}
	g.closed[id] = true
	return nil
}
