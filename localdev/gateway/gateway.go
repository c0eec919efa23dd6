package gateway

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/service"
)

// Config is what a Gateway is made of.
type Config struct {
	// API is the API that is served. Required.
	API API
	// Invoke runs the functions. Required.
	Invoke Invoker
	// Clock tells all time. Default clock.System().
	Clock clock.Clock
	// Logger gets what AWS would write to the execution log. Default: nothing
	// is logged. No message data, no header and no query is ever logged.
	Logger *slog.Logger
	// Quirks and Limits: their zero fields have the stated defaults.
	Quirks Quirks
	Limits Limits
	// Rand is where ids come from. Default crypto/rand; a seeded source makes
	// runs repeatable.
	Rand io.Reader
}

// Gateway serves one WebSocket API. It is safe for concurrent use. Whoever
// made it calls Shutdown.
type Gateway struct {
	clock   clock.Clock
	invoker Invoker
	log     *slog.Logger
	quirks  Quirks
	limits  Limits
	routing *routing
	ids     *idSource
	faults  *Faults

	connects *bucket // new connections
	requests *bucket // messages and @connections calls

	// ctx is handed to functions; it ends when Shutdown loses patience.
	ctx    context.Context
	cancel context.CancelFunc
	// tasks are all goroutines of the gateway.
	tasks sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	sessions map[string]*session // open ones, and those in the handshake
	servers  []*http.Server
	address  string // of the last listener of Serve

	tally  tally
	events service.Observers[Event]
}

// New checks config and returns a Gateway that is ready to serve. Its errors
// wrap ErrInvalid or ErrUnsupported and name what they are about.
func New(config Config) (*Gateway, error) {
	if config.Invoke == nil {
		return nil, invalid("no Invoker")
	}
	service.Default(&config.Clock, nil, nil)
	service.DefaultLogger(&config.Logger)
	if config.Rand == nil {
		config.Rand = rand.Reader
	}
	now := config.Clock.Now()
	routing, err := compile(config.API, now)
	if err != nil {
		return nil, fmt.Errorf("new gateway: %w", err)
	}
	limits := config.Limits.WithDefaults()
	g := &Gateway{
		clock:    config.Clock,
		invoker:  config.Invoke,
		log:      config.Logger,
		quirks:   config.Quirks.WithDefaults(),
		limits:   limits,
		routing:  routing,
		ids:      &idSource{rand: config.Rand},
		connects: newBucket(limits.ConnectRate, limits.ConnectRate, now),
		requests: newBucket(limits.RequestRate, limits.RequestBurst, now),
		sessions: map[string]*session{},
	}
	g.faults = newFaults(g)
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g, nil
}

// API returns the API that is served, with its defaults.
func (g *Gateway) API() API { return g.routing.api }

// Faults is the handle by which a test breaks things.
func (g *Gateway) Faults() *Faults { return g.faults }

// admit registers a session that begins its handshake. Every admitted session
// is dropped once.
func (g *Gateway) admit(s *session) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrShutdown
	}
	g.sessions[s.id] = s
	g.tasks.Add(1)
	return nil
}

// drop forgets a session whose work is done.
func (g *Gateway) drop(s *session) {
	g.mu.Lock()
	delete(g.sessions, s.id)
	g.mu.Unlock()
	g.faults.forget(s.id)
	g.tasks.Done()
}

// lookup returns the open session with that id, or nil.
func (g *Gateway) lookup(id string) *session {
	g.mu.Lock()
	s := g.sessions[id]
	g.mu.Unlock()
	if s == nil || s.stage() != stageOpen {
		return nil
	}
	return s
}

// snapshot returns all open sessions.
func (g *Gateway) snapshot() []*session {
	g.mu.Lock()
	defer g.mu.Unlock()
	var open []*session
	for _, s := range g.sessions {
		if s.stage() == stageOpen {
			open = append(open, s)
		}
	}
	return open
}

// Close is Shutdown without patience: what does not end at once is cut.
func (g *Gateway) Close() {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = g.Shutdown(over) // its error says only that something was cut
}

// Shutdown lets no new connection in, closes all with 1001, and waits until
// every session, $disconnect and function is done. When ctx ends first,
// sockets are dropped and the functions' contexts end; Shutdown then returns
// ctx's error once the goroutines are gone. It may be called more than once.
func (g *Gateway) Shutdown(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	all := make([]*session, 0, len(g.sessions))
	for _, s := range g.sessions {
		all = append(all, s)
	}
	servers := g.servers
	g.servers = nil
	g.mu.Unlock()

	for _, s := range all {
		s.close(endGoingAway)
	}
	done := make(chan struct{})
	go func() {
		g.tasks.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = fmt.Errorf("shut down gateway: %w", ctx.Err())
		g.cancel()
		for _, s := range all {
			s.cut()
		}
		<-done
	}
	g.cancel()
	for _, server := range servers {
		if e := server.Close(); e != nil && err == nil {
			err = fmt.Errorf("close server: %w", e)
		}
	}
	return err
}
