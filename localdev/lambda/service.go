// Package lambda is the local AWS' Lambda: named functions in execution
// environments, synchronous and asynchronous invocation with the retries,
// time-outs, limits and error objects of the service, time by a clock that a
// test can move, and faults on demand. README.md lists what it does and what
// it does not.
package lambda

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/service"
)

// Config configures a Service. The zero value works.
type Config struct {
	// Clock is the service's time; default clock.System().
	Clock clock.Clock
	// Logger gets function errors, dead letters and cold starts; default none.
	Logger *slog.Logger
	// Rand makes the request ids; default a random seed. Nothing else may use it.
	Rand *rand.Rand
	// Executor runs functions; default InProcess{}.
	Executor Executor
	// Region and AccountID go into ARNs; default us-east-1 and 000000000000.
	Region    string
	AccountID string
	// Concurrency is the account's limit of concurrent runs; default 1000.
	Concurrency int
	// AsyncWorkers bounds the asynchronous events that run at once; more wait in
	// the queue, unthrottled. Default 256.
	AsyncWorkers int
	// Context, if not nil, decorates the context of each invocation, e.g. with
	// the counters of a simulation. It must derive its result from ctx.
	Context func(ctx context.Context, inv Invocation) context.Context
	// DeadLetter, if not nil, delivers to Function.DeadLetterARN. A dead letter
	// that it cannot deliver is logged and lost, as on AWS.
	DeadLetter func(targetARN string, letter DeadLetter) error
	// Log, if not nil, gets what the functions print, a line at a time, and the
	// lines that the service adds. It may be called concurrently.
	Log func(LogLine)
	// Fault, if not nil, is asked before each run what shall go wrong in it. It
	// may be called from several goroutines at once.
	Fault func(Invocation) FaultPlan
}

func (c Config) withDefaults() Config {
	service.Default(&c.Clock, &c.Region, &c.AccountID)
	service.DefaultLogger(&c.Logger)
	if c.Executor == nil {
		c.Executor = InProcess{}
	}
	if c.Concurrency <= 0 {
		c.Concurrency = defaultConcurrency
	}
	if c.AsyncWorkers <= 0 {
		c.AsyncWorkers = 256
	}
	return c
}

// Service is the local Lambda. It is safe for concurrent use. It has no
// goroutine of its own: each lives as long as one run of a function.
type Service struct {
	cfg   Config
	clock clock.Clock
	log   *slog.Logger
	ids   *service.IDs
	fault service.Hook[func(Invocation) FaultPlan]

	events service.Observers[Event]

	// base is the parent of each invocation's context; ending it kills them all.
	base context.Context
	kill context.CancelCauseFunc

	mu        sync.Mutex
	closed    bool
	functions map[string]*function
	lastEnv   int
	lastRun   int
	lastEvent int
	inFlight  map[int]Invocation
	ready     []*event
	waiting   map[*event]struct{}
	workers   int
	work      int           // goroutines plus ready events
	quiet     chan struct{} // closed when work gets to 0; nil while it is
}

// function is a registered function with its environments and its use.
type function struct {
	def     Function
	arn     string
	version int // grows with each Register and Recycle; older environments end
	free    []*environment
	busy    int
	stats   Stats
	// modified is the time of the last Register.
	modified time.Time
}

type environment struct {
	Environment
	number  int
	version int
	log     *environmentLog
}

// New returns a service with no functions. Whoever calls it must call Shutdown
// or Close.
func New(cfg Config) *Service {
	cfg = cfg.withDefaults()
	s := &Service{
		cfg: cfg, clock: cfg.Clock, log: cfg.Logger, ids: service.NewIDs(cfg.Rand),
		functions: map[string]*function{},
		inFlight:  map[int]Invocation{},
		waiting:   map[*event]struct{}{},
	}
	s.base, s.kill = context.WithCancelCause(context.Background())
	s.fault.Set(cfg.Fault)
	return s
}

// RunT returns a service that is closed when the test ends.
func RunT(t service.Tester, cfg Config) *Service {
	t.Helper()
	return service.RunT(t, New(cfg))
}

// Register adds f, or replaces the function of that name as a deployment does:
// running invocations end on the old code, the next ones start new
// environments. Queued events stay.
func (s *Service) Register(f Function) error {
	f = f.withDefaults()
	if err := f.validate(); err != nil {
		return fmt.Errorf("register function: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("register function: %w", ErrClosed)
	}
	if f.ReservedConcurrency != nil && *f.ReservedConcurrency > 0 {
		// https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
		const minUnreserved = 100
		if left := s.unreserved(f.Name) - *f.ReservedConcurrency; left < minUnreserved {
			return fmt.Errorf("register function: %w: %s: reserved concurrency would leave the account %d unreserved, below its minimum of %d",
				ErrInvalidFunction, f.Name, left, minUnreserved)
		}
	}
	old := s.functions[f.Name]
	if old == nil {
		s.functions[f.Name] = &function{def: f, arn: s.arn(f.Name), modified: s.clock.Now()}
		return nil
	}
	old.def, old.modified = f, s.clock.Now()
	s.recycle(old)
	return nil
}

// Unregister removes a function. Its running invocations end, its queued events
// are dropped when they come up. It does nothing for an unknown name.
func (s *Service) Unregister(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.functions[name]; f != nil {
		s.recycle(f)
		delete(s.functions, name)
	}
}

// Recycle ends a function's free environments, and its busy ones after their
// present invocation, so that the next invocations are cold.
func (s *Service) Recycle(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.functions[name]; f != nil {
		s.recycle(f)
	}
}

func (s *Service) recycle(f *function) {
	f.version++
	for _, env := range f.free {
		env.Close()
	}
	f.free = nil
}

// resolve finds a function by one of the names that the API takes. The caller
// holds mu.
func (s *Service) resolve(ref string) *function {
	name, ok := baseName(ref)
	if !ok {
		return nil
	}
	if f := s.functions[name]; f != nil {
		return f
	}
	for _, f := range s.functions {
		if f.def.FullName == name {
			return f
		}
	}
	return nil
}

// unreserved is the concurrency that no function but the named one reserves.
// The caller holds mu.
func (s *Service) unreserved(except string) int {
	n := s.cfg.Concurrency
	for name, f := range s.functions {
		if name != except && f.def.ReservedConcurrency != nil {
			n -= *f.def.ReservedConcurrency
		}
	}
	return n
}

// ARN is the ARN of a function of this service, registered or not.
func (s *Service) ARN(name string) string { return s.arn(name) }

func (s *Service) arn(name string) string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", s.cfg.Region, s.cfg.AccountID, name)
}

// Idle waits until nothing runs and no event is due, or until ctx is done. An
// event that waits for its retry counts once the clock has reached it; see Queue
// for those that wait.
func (s *Service) Idle(ctx context.Context) error {
	for {
		s.mu.Lock()
		s.enqueueDue()
		quiet := s.quiet
		s.mu.Unlock()
		if quiet == nil {
			return nil
		}
		select {
		case <-quiet:
		case <-ctx.Done():
			return fmt.Errorf("wait until idle: %w", ctx.Err())
		}
	}
}

// Shutdown refuses new invocations, drops the queued events, and waits for the
// running invocations. When ctx is done first, it kills them and returns ctx's
// error without waiting further.
func (s *Service) Shutdown(ctx context.Context) error {
	s.stopQueue()
	err := s.Idle(ctx)
	s.kill(ErrInvocationKilled)
	s.closeEnvironments()
	if err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}

// Close refuses new invocations, drops the queued events, kills the running
// invocations, and waits until their goroutines have ended.
func (s *Service) Close() {
	s.stopQueue()
	s.kill(ErrInvocationKilled)
	_ = s.Idle(context.Background()) // never done, so no error
	s.closeEnvironments()
}

func (s *Service) closeEnvironments() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.functions {
		s.recycle(f)
	}
}

// addWork counts goroutines and ready events for Idle. The caller holds mu.
func (s *Service) addWork(n int) {
	s.work += n
	switch {
	case s.work > 0 && s.quiet == nil:
		s.quiet = make(chan struct{})
	case s.work == 0 && s.quiet != nil:
		close(s.quiet)
		s.quiet = nil
	}
}

// goTracked runs f in a goroutine for which Idle waits. The caller does not
// hold mu.
func (s *Service) goTracked(f func()) {
	s.mu.Lock()
	s.addWork(1)
	s.mu.Unlock()
	go func() {
		defer func() {
			s.mu.Lock()
			s.addWork(-1)
			s.mu.Unlock()
		}()
		f()
	}()
}

// newTraceID is a trace header as X-Ray writes it.
func (s *Service) newTraceID(now time.Time) (id string) {
	s.ids.Use(func(r *rand.Rand) {
		id = fmt.Sprintf("Root=1-%08x-%016x%08x;Parent=%016x;Sampled=0",
			uint32(now.Unix()), r.Uint64(), r.Uint32(), r.Uint64()) //nolint:gosec // 32 bits by definition
	})
	return id
}
