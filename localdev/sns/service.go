// Package sns is the local AWS' SNS: topics with subscriptions of functions and
// queues, filter policies, dead-letter queues, the Query protocol of the SDKs,
// time by a clock that a test can move, and faults on demand. README.md lists
// what it does and what it does not.
package sns

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/service"
	"github.com/gapless-rooms/gapless/localdev/sqs"
)

// Invoker runs functions; *lambda.Service is one. InvokeAsync must queue the
// event and return at once.
type Invoker interface {
	InvokeAsync(functionARN string, payload []byte) (requestID string, err error)
}

// Queue takes messages for queues; *sqs.Service is one. SendARN must not wait.
type Queue interface {
	SendARN(queueARN string, message sqs.Message) (messageID string, err error)
}

// Config configures a Service. The zero value works, without targets to deliver
// to.
type Config struct {
	// Clock is the service's time; default clock.System().
	Clock clock.Clock
	// Logger gets lost deliveries; default none.
	Logger *slog.Logger
	// Rand makes ids; default a random seed. Nothing else may use it.
	Rand *rand.Rand
	// Lambda and Queue are the targets. A subscription whose target is nil here
	// is refused.
	Lambda Invoker
	Queue  Queue
	// MaySend, if not nil, is asked before a message of a topic goes into a queue:
	// an error means that the queue's policy does not let it. See
	// sqs.Service.MaySend. Default: all may.
	MaySend func(topicARN, queueARN string) error
	// Region and AccountID go into ARNs; default us-east-1 and 000000000000.
	Region    string
	AccountID string
	// Latency, if not nil, is the time from a publish to each of its deliveries.
	// Default none: Publish has handed the message on when it returns.
	Latency func(*rand.Rand) time.Duration
	// DeliveryFault and PublishFault, if not nil, are asked before each delivery
	// and each call of Publish or PublishBatch what shall go wrong.
	DeliveryFault func(Delivery) DeliveryFault
	PublishFault  func(PublishCall) PublishFault
}

func (c Config) withDefaults() Config {
	service.Default(&c.Clock, &c.Region, &c.AccountID)
	service.DefaultLogger(&c.Logger)
	return c
}

// Service is the local SNS. It is safe for concurrent use and has no goroutine
// of its own; late deliveries are timers of the clock.
type Service struct {
	cfg   Config
	clock clock.Clock
	log   *slog.Logger
	ids   *service.IDs
	front http.Handler

	events service.Observers[Event]

	mu        sync.Mutex
	closed    bool
	topics    map[string]*topic // by ARN
	order     []string          // ARNs of topics, in the order of their creation
	faults    faults
	pending   []*scheduled // ordered by due, then by age
	held      []*scheduled // gathered by ReorderNext
	holdUntil int          // deliveries that held is to gather

	// delivering orders deliveries: whoever holds it hands on what is due.
	delivering sync.Mutex
}

// New returns a service with no topics. Whoever calls it must call Close.
func New(cfg Config) *Service {
	cfg = cfg.withDefaults()
	s := &Service{cfg: cfg, clock: cfg.Clock, log: cfg.Logger, ids: service.NewIDs(cfg.Rand), topics: map[string]*topic{}}
	s.faults.delivery, s.faults.publish = cfg.DeliveryFault, cfg.PublishFault
	s.front = &service.Query{Namespace: namespace, MaxRequest: maxRequest, RequestID: s.ids.UUID, Do: s.act}
	return s
}

// RunT returns a service that is closed when the test ends.
func RunT(t service.Tester, cfg Config) *Service {
	t.Helper()
	return service.RunT(t, New(cfg))
}

// Close refuses new calls, drops the deliveries that wait, and returns when no
// delivery is under way.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	for _, d := range s.pending {
		d.stop()
	}
	if n := len(s.pending) + len(s.held); n > 0 {
		s.log.Info("deliveries dropped", slog.Int("deliveries", n))
	}
	s.pending, s.held = nil, nil
	s.mu.Unlock()
	s.delivering.Lock()
	defer s.delivering.Unlock()
}

// Idle hands on all deliveries that are due and returns when they are done. A
// delivery that is delayed or held does not count: see Pending. ctx is looked at
// once, since no delivery waits for anything.
func (s *Service) Idle(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("wait until idle: %w", err)
	}
	s.deliverDue()
	return nil
}
