// Package logs is the local AWS' CloudWatch Logs as far as one reads the logs of
// functions: groups and streams that the owner fills, behind the JSON protocol
// of the SDKs. README.md lists what it does and what it does not.
package logs

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/inproc"
	"github.com/gapless-rooms/gapless/localdev/service"
)

// Config configures a Service. The zero value works.
type Config struct {
	// Clock dates groups; default clock.System().
	Clock clock.Clock
	// Region and AccountID go into ARNs; default us-east-1 and 000000000000.
	Region    string
	AccountID string
	// Rand makes request ids; default a random seed. Nothing else may use it.
	Rand *rand.Rand
	// Keep is the number of events that a group keeps; the oldest go. Default
	// 10,000.
	Keep int
	// Fault, if not nil, is asked before each request what shall go wrong in it.
	Fault service.FaultFunc
}

// Service is the local CloudWatch Logs. It is safe for concurrent use and has no
// goroutine of its own.
type Service struct {
	cfg   Config
	ids   *service.IDs
	front http.Handler
	calls service.Observers[service.Call]
	fault service.Hook[service.FaultFunc]

	mu     sync.Mutex
	groups map[string]*group
	last   int // number of the newest event
}

type group struct {
	created time.Time
	events  []Event // in the order of Put
}

// Event is one line of a log.
type Event struct {
	// Number grows with each event of the service, from 1.
	Number  int
	Stream  string
	At      time.Time
	Message string
}

// New returns a service with no groups.
func New(cfg Config) *Service {
	service.Default(&cfg.Clock, &cfg.Region, &cfg.AccountID)
	cfg.Keep = cmp.Or(cfg.Keep, 10_000)
	s := &Service{cfg: cfg, ids: service.NewIDs(cfg.Rand), groups: map[string]*group{}}
	s.fault.Set(cfg.Fault)
	s.front = newFront(s)
	return s
}

// RunT returns a service for a test. There is nothing to end.
func RunT(t service.Tester, cfg Config) *Service {
	t.Helper()
	return New(cfg)
}

// ServeHTTP serves CloudWatch Logs' JSON protocol, AWS JSON 1.1
// (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html).
// Signatures are not checked. An operation or a parameter that the emulator does
// not have is refused by name.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.front.ServeHTTP(w, r) }

// Transport calls the service in process, whatever host a request names.
func (s *Service) Transport() http.RoundTripper { return inproc.Transport{Handler: s} }

// Observe calls f for each request of the API from now on, once it is answered
// and in its goroutine. stop ends it.
func (s *Service) Observe(f func(service.Call)) (stop func()) { return s.calls.Observe(f) }

// SetFault replaces Config.Fault; nil ends all faults.
func (s *Service) SetFault(f service.FaultFunc) { s.fault.Set(f) }

// CreateGroup adds a log group, unless it is there.
func (s *Service) CreateGroup(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.group(name)
}

// group returns a group, made if need be. The caller holds mu.
func (s *Service) group(name string) *group {
	g := s.groups[name]
	if g == nil {
		g = &group{created: s.cfg.Clock.Now()}
		s.groups[name] = g
	}
	return g
}

// Put adds a line to a stream of a group. Both are made if need be.
func (s *Service) Put(name, stream string, at time.Time, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.group(name)
	s.last++
	g.events = append(g.events, Event{s.last, stream, at, message})
	if over := len(g.events) - s.cfg.Keep; over >= s.cfg.Keep/10+1 { // seldom, because it copies
		g.events = slices.Clone(g.events[over:])
	}
}

// Groups returns the names of all groups in order.
func (s *Service) Groups() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.groups))
}

// Events returns the events of a group that are kept, in the order of Put; none
// for a group that is not there.
func (s *Service) Events(name string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[name]
	if g == nil {
		return nil
	}
	return g.kept(s.cfg.Keep)
}

// kept is a copy of the newest events.
func (g *group) kept(most int) []Event {
	return slices.Clone(g.events[max(0, len(g.events)-most):])
}

// ARN is the ARN of a log group of this service, existing or not.
func (s *Service) ARN(name string) string {
	return fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s", s.cfg.Region, s.cfg.AccountID, name)
}

// find takes a group's name or its ARN. The caller holds mu.
func (s *Service) find(name, identifier string) (*group, string, error) {
	if name == "" {
		name = strings.TrimSuffix(strings.TrimPrefix(identifier, s.ARN("")), ":*")
	}
	if g := s.groups[name]; g != nil {
		return g, name, nil
	}
	return nil, "", refuse(ErrNotFound, "ResourceNotFoundException", "The specified log group does not exist.")
}
