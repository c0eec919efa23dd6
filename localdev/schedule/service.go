// Package schedule is the local AWS' EventBridge as far as it runs functions at
// set times: rules with rate(…) and cron(…) expressions, on a clock that a test
// can move. README.md lists what it does and what it does not.
package schedule

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/service"
)

// Invoker runs functions; *lambda.Service is one. InvokeAsync must queue the
// event and return at once.
type Invoker interface {
	InvokeAsync(function string, payload []byte) (requestID string, err error)
}

// Config configures a Service. Lambda is required.
type Config struct {
	// Clock is the service's time; default clock.System().
	Clock clock.Clock
	// Logger gets firings that no function took; default none.
	Logger *slog.Logger
	// Rand makes the event ids; default a random seed. Nothing else may use it.
	Rand *rand.Rand
	// Lambda runs the functions.
	Lambda Invoker
	// Region and AccountID go into ARNs; default us-east-1 and 000000000000.
	Region    string
	AccountID string
	// Fault, if not nil, is asked before each firing what shall go wrong in it.
	// It must not call the service.
	Fault func(rule string, at time.Time) Fault
}

// Fault says what goes wrong in one firing. The zero value is a good one.
type Fault struct {
	// Skip drops it.
	Skip bool
	// Duplicates is how often the same event is sent once more: EventBridge
	// promises at least one.
	Duplicates int
}

// Rule runs a function at set times.
type Rule struct {
	// Name is 1 to 64 letters, digits, ".", "-" or "_".
	Name string
	// Expression is as Parse takes it.
	Expression string
	// Function is the name or ARN of the function.
	Function string
	// Input is the JSON to send instead of the scheduled event; empty for that.
	Input json.RawMessage
	// Disabled keeps the rule from firing by itself.
	Disabled bool
}

// Firing is one run of a rule.
type Firing struct {
	Rule      string
	At        time.Time // the time in the event
	Event     json.RawMessage
	RequestID string // of the function's invocation
	Skipped   bool   // by a fault
	Err       error  // the function was not taken
}

// Service fires rules. It is safe for concurrent use and has no goroutine of its
// own; it is driven by timers of the clock.
type Service struct {
	cfg   Config
	clock clock.Clock
	log   *slog.Logger
	ids   *service.IDs
	fault service.Hook[func(rule string, at time.Time) Fault]

	firings service.Observers[Firing]

	// firing is held while rules fire, so that Close and Idle can wait for them.
	firing sync.Mutex

	mu     sync.Mutex
	closed bool
	rules  map[string]*rule
}

type rule struct {
	Rule
	expression Expression
	created    time.Time
	next       time.Time // zero if it never fires again
	timer      clock.Timer
}

// New returns a service without rules. Whoever calls it must call Close.
func New(cfg Config) *Service {
	service.Default(&cfg.Clock, &cfg.Region, &cfg.AccountID)
	service.DefaultLogger(&cfg.Logger)
	s := &Service{cfg: cfg, clock: cfg.Clock, log: cfg.Logger, ids: service.NewIDs(cfg.Rand), rules: map[string]*rule{}}
	s.fault.Set(cfg.Fault)
	return s
}

// RunT returns a service that is closed when the test ends.
func RunT(t service.Tester, cfg Config) *Service {
	t.Helper()
	return service.RunT(t, New(cfg))
}

// Observe calls f for each firing from now on, in the goroutine in which it
// happens. f must not block and must not call the service. stop ends it.
func (s *Service) Observe(f func(Firing)) (stop func()) { return s.firings.Observe(f) }

// SetFault replaces Config.Fault; nil ends all faults.
func (s *Service) SetFault(f func(rule string, at time.Time) Fault) { s.fault.Set(f) }

var ruleName = regexp.MustCompile(`^[.A-Za-z0-9_-]{1,64}$`)

// Add adds a rule, or replaces the one of that name. A rate counts from now.
func (s *Service) Add(r Rule) error {
	switch {
	case !ruleName.MatchString(r.Name):
		return fmt.Errorf("add rule: %w: name %q", ErrInvalidRule, r.Name)
	case r.Function == "":
		return fmt.Errorf("add rule: %w: %s has no function", ErrInvalidRule, r.Name)
	case len(r.Input) > 0 && !json.Valid(r.Input):
		return fmt.Errorf("add rule: %w: the input of %s is not JSON", ErrInvalidRule, r.Name)
	case s.cfg.Lambda == nil:
		return fmt.Errorf("add rule: %w: a rule without a Lambda to run it", ErrUnsupported)
	}
	expression, err := Parse(r.Expression)
	if err != nil {
		return fmt.Errorf("add rule %s: %w", r.Name, err)
	}
	r.Input = bytes.Clone(r.Input)
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("add rule: %w", ErrClosed)
	}
	s.remove(r.Name)
	added := &rule{Rule: r, expression: expression, created: now}
	s.rules[r.Name] = added
	s.arm(added, now)
	return nil
}

// Remove removes a rule, if it exists.
func (s *Service) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(name)
}

// remove does so. The caller holds mu.
func (s *Service) remove(name string) {
	if r := s.rules[name]; r != nil {
		if r.timer != nil {
			r.timer.Stop()
		}
		delete(s.rules, name)
	}
}

// arm sets the rule's next firing after now. The caller holds mu.
func (s *Service) arm(r *rule, now time.Time) {
	r.next, r.timer = time.Time{}, nil
	if r.Disabled {
		return
	}
	next, ok := r.expression.Next(now, r.created)
	if !ok {
		return
	}
	r.next = next
	r.timer = s.clock.AfterFunc(next.Sub(now), s.fireDue)
}

// Close ends all rules and returns when none fires any more. It may be called
// again.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	for name := range s.rules {
		s.remove(name)
	}
	s.mu.Unlock()
	s.firing.Lock()
	defer s.firing.Unlock()
}

// Idle fires what is due and returns when it is done. ctx is looked at once,
// since no firing waits for anything.
func (s *Service) Idle(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("wait until idle: %w", err)
	}
	s.fireDue()
	return nil
}

// fireDue fires the rules whose time has come, in its order. A rule whose time
// came several times, because the clock jumped, fires once, for the last time.
func (s *Service) fireDue() {
	s.firing.Lock()
	defer s.firing.Unlock()
	s.mu.Lock()
	now := s.clock.Now()
	type firing struct {
		rule Rule
		at   time.Time
	}
	var due []firing
	for _, r := range s.rules {
		if r.next.IsZero() || r.next.After(now) {
			continue
		}
		at := r.next
		for next, ok := r.expression.Next(at, r.created); ok && !next.After(now); next, ok = r.expression.Next(at, r.created) {
			at = next
		}
		due = append(due, firing{r.Rule, at})
		r.timer.Stop()
		s.arm(r, now)
	}
	s.mu.Unlock()
	slices.SortFunc(due, func(a, b firing) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.rule.Name, b.rule.Name)) })
	for _, f := range due {
		_, _ = s.run(f.rule, f.at) // logged and told to the observers
	}
}

// Fire runs a rule now, disabled or not, without a change to its schedule, and
// returns the request id of the invocation. The error is ErrRuleNotFound,
// ErrClosed, ErrSkipped or why the function was not taken.
func (s *Service) Fire(name string) (string, error) {
	s.firing.Lock()
	defer s.firing.Unlock()
	s.mu.Lock()
	r := s.rules[name]
	closed := s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return "", fmt.Errorf("fire rule: %w", ErrClosed)
	case r == nil:
		return "", fmt.Errorf("fire rule: %w: %s", ErrRuleNotFound, name)
	}
	return s.run(r.Rule, s.clock.Now())
}

// run sends the rule's event. The caller holds firing.
func (s *Service) run(r Rule, at time.Time) (string, error) {
	firing := Firing{Rule: r.Name, At: at}
	var fault Fault
	if f := s.fault.Get(); f != nil {
		fault = f(r.Name, at)
	}
	event, err := s.event(r, at)
	if err != nil {
		return "", fmt.Errorf("fire rule %s: %w", r.Name, err)
	}
	firing.Event = event
	if fault.Skip {
		firing.Skipped = true
		s.firings.Emit(firing)
		return "", ErrSkipped
	}
	for range fault.Duplicates + 1 {
		firing.RequestID, firing.Err = s.cfg.Lambda.InvokeAsync(r.Function, event)
		if firing.Err != nil {
			s.log.Error("scheduled event was not taken", slog.String("rule", r.Name), slog.String("function", r.Function), slog.Any("error", firing.Err))
		}
		s.firings.Emit(firing)
	}
	if firing.Err != nil {
		return "", fmt.Errorf("fire rule %s: %w", r.Name, firing.Err)
	}
	return firing.RequestID, nil
}

// event is the rule's input, or the scheduled event
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/event-reference.html).
func (s *Service) event(r Rule, at time.Time) (json.RawMessage, error) {
	if len(r.Input) > 0 {
		return r.Input, nil
	}
	return json.Marshal(struct {
		Version    string   `json:"version"`
		ID         string   `json:"id"`
		DetailType string   `json:"detail-type"`
		Source     string   `json:"source"`
		Account    string   `json:"account"`
		Time       string   `json:"time"`
		Region     string   `json:"region"`
		Resources  []string `json:"resources"`
		Detail     struct{} `json:"detail"`
	}{
		Version: "0", ID: s.ids.UUID(), DetailType: "Scheduled Event", Source: "aws.events", Account: s.cfg.AccountID,
		Time: at.UTC().Format("2006-01-02T15:04:05Z"), Region: s.cfg.Region, Resources: []string{s.ARN(r.Name)},
	})
}

// ARN is the ARN of a rule of this service, existing or not.
func (s *Service) ARN(name string) string {
	return fmt.Sprintf("arn:aws:events:%s:%s:rule/%s", s.cfg.Region, s.cfg.AccountID, name)
}

// Scheduled is a rule and when it fires next.
type Scheduled struct {
	Rule
	Next time.Time // zero if never
}

// Rules returns all rules, ordered by name.
func (s *Service) Rules() []Scheduled {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Scheduled, 0, len(s.rules))
	for _, name := range slices.Sorted(maps.Keys(s.rules)) {
		r := s.rules[name]
		all = append(all, Scheduled{r.Rule, r.next})
	}
	return all
}
