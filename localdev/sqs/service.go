// Package sqs is the local AWS' SQS: standard queues with visibility time-outs,
// delays, long polling, retention and dead-letter queues, the JSON protocol of
// the SDKs, and time by a clock that a test can move. README.md lists what it
// does and what it does not.
package sqs

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/iam"
	"github.com/gapless-rooms/gapless/localdev/service"
)

// Config configures a Service. The zero value works.
type Config struct {
	// Clock is the service's time; default clock.System().
	Clock clock.Clock
	// Logger gets what moves to dead-letter queues; default none.
	Logger *slog.Logger
	// Rand makes ids; default a random seed. Nothing else may use it.
	Rand *rand.Rand
	// Region and AccountID go into ARNs and URLs; default us-east-1 and
	// 000000000000.
	Region    string
	AccountID string
	// URL is what queue URLs begin with. Default: scheme, host and port of the
	// request that asks, and http://sqs.{Region}.localhost in process. Requests may
	// name a queue under any host.
	URL string
	// Fault, if not nil, is asked before each request what shall go wrong in it.
	Fault service.FaultFunc
}

func (c Config) withDefaults() Config {
	service.Default(&c.Clock, &c.Region, &c.AccountID)
	service.DefaultLogger(&c.Logger)
	return c
}

// Service is the local SQS. It is safe for concurrent use and has no goroutine
// of its own: time-outs are looked at when somebody looks at the queue.
type Service struct {
	cfg   Config
	clock clock.Clock
	log   *slog.Logger
	ids   *service.IDs
	front http.Handler
	calls service.Observers[service.Call]
	fault service.Hook[service.FaultFunc]

	mu     sync.Mutex
	queues map[string]*queue // by name
	done   chan struct{}     // closed by Close
	closed bool
}

// New returns a service with no queues. Whoever calls it must call Close.
func New(cfg Config) *Service {
	cfg = cfg.withDefaults()
	s := &Service{
		cfg: cfg, clock: cfg.Clock, log: cfg.Logger, ids: service.NewIDs(cfg.Rand),
		queues: map[string]*queue{}, done: make(chan struct{}),
	}
	s.fault.Set(cfg.Fault)
	s.front = newFront(s)
	return s
}

// RunT returns a service that is closed when the test ends.
func RunT(t service.Tester, cfg Config) *Service {
	t.Helper()
	return service.RunT(t, New(cfg))
}

// Close refuses new calls and ends those that wait for messages. It may be
// called again.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// CreateQueue adds a queue and returns its ARN. attributes are those of the API,
// e.g. "VisibilityTimeout": "60". For a queue that exists they must equal its
// own.
func (s *Service) CreateQueue(name string, attributes map[string]string) (string, error) {
	switch {
	case strings.HasSuffix(name, ".fifo"):
		return "", unsupported("FIFO queues")
	case !queueName.MatchString(name):
		return "", invalidValue("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", ErrClosed
	}
	if old := s.queues[name]; old != nil {
		for key, value := range attributes {
			if old.attributes()[key] != value {
				return "", refuse(ErrInvalid, "QueueNameExists", "QueueAlreadyExists",
					"A queue already exists with the same name and a different value for attribute "+key)
			}
		}
		return old.arn, nil
	}
	q := &queue{
		name: name, arn: s.ARN(name), created: now, modified: now, settings: defaultSettings(), changed: make(chan struct{}),
	}
	if err := s.apply(q, attributes); err != nil {
		return "", err
	}
	s.queues[name] = q
	return q.arn, nil
}

// apply sets attributes, all or none. The caller holds mu.
func (s *Service) apply(q *queue, attributes map[string]string) error {
	changed := q.settings
	changed.stored = maps.Clone(changed.stored)
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		if err := changed.set(key, attributes[key]); err != nil {
			return err
		}
	}
	if target := changed.deadLetterARN; target != "" && s.byARN(target) == nil && target != q.arn {
		return invalidValue("Value %s for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.", attributes["RedrivePolicy"])
	}
	q.settings = changed
	return nil
}

// DeleteQueue removes a queue and its messages, if it exists.
func (s *Service) DeleteQueue(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[name]; q != nil {
		s.deleteQueue(q)
	}
}

// deleteQueue removes a queue. The caller holds mu.
func (s *Service) deleteQueue(q *queue) {
	delete(s.queues, q.name)
	q.wake()
}

// Purge removes all messages of a queue, at once and as often as one likes.
func (s *Service) Purge(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(name)
	if err != nil {
		return err
	}
	q.messages = nil
	return nil
}

// Queues returns the names of all queues in order.
func (s *Service) Queues() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.queues))
}

// ARN is the ARN of a queue of this service, existing or not.
func (s *Service) ARN(name string) string {
	return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", s.cfg.Region, s.cfg.AccountID, name)
}

// URL is the URL of a queue of this service, existing or not, for callers in
// process.
func (s *Service) URL(name string) string {
	return cmp.Or(s.cfg.URL, "http://sqs."+s.cfg.Region+".localhost") + "/" + s.cfg.AccountID + "/" + name
}

// Policy is the policy of a queue, as CreateQueue or SetQueueAttributes set it;
// nil for a queue that is not there.
func (s *Service) Policy(queueARN string) iam.ResourcePolicy {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.byARN(queueARN); q != nil {
		return q.settings.policy
	}
	return nil
}

// MaySend reports whether a queue's policy lets a service such as
// sns.amazonaws.com send to it, on behalf of the resource with the ARN source.
func (s *Service) MaySend(principal, source, queueARN string) error {
	if !s.Policy(queueARN).Allows(iam.Caller{Principal: principal, Source: source}, "sqs:SendMessage", queueARN) {
		return fmt.Errorf("%w: the policy of %s does not let %s send to it", ErrDenied, queueARN, source)
	}
	return nil
}

// queue finds a queue of an open service. The caller holds mu.
func (s *Service) queue(name string) (*queue, error) {
	if s.closed {
		return nil, ErrClosed
	}
	if q := s.queues[name]; q != nil {
		return q, nil
	}
	return nil, queueNotFound()
}

// byARN finds a queue; nil if there is none. The caller holds mu.
func (s *Service) byARN(arn string) *queue {
	q := s.queues[arn[strings.LastIndex(arn, ":")+1:]]
	if q == nil || q.arn != arn {
		return nil
	}
	return q
}
