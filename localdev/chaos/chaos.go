// Package chaos breaks the local stack at random, in every way that it can be
// broken, so that real clients over real sockets can be held to what they
// promise. Faults come from a seed, but when each of them strikes depends on
// the machine: the simulation (localdev/sim) is what repeats a run exactly.
package chaos

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/sns"
	"github.com/gapless-rooms/gapless/localdev/stack"
)

// Chaos draws faults while Run runs, and none before and after. It is safe for
// concurrent use.
type Chaos struct {
	on atomic.Bool

	mu     sync.Mutex
	random *rand.Rand
	counts map[string]int
	note   func(fault string)
}

// New returns a source of faults. note, if not nil, is told of each fault; it is
// called concurrently and must not block.
func New(seed uint64, note func(fault string)) *Chaos {
	if note == nil {
		note = func(string) {}
	}
	return &Chaos{
		random: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // faults, not secrets
		counts: map[string]int{},
		note:   note,
	}
}

// Counts says how often each fault has struck.
func (c *Chaos) Counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := make(map[string]int, len(c.counts))
	for fault, n := range c.counts {
		counts[fault] = n
	}
	return counts
}

// Configure has the calls of a stack to come go wrong.
func (c *Chaos) Configure(config stack.Config) stack.Config {
	config.Transport = func(function string, next http.RoundTripper) http.RoundTripper {
		return transport{c, function, next}
	}
	config.DynamoDBFault = c.database
	config.StaleReads = c.stale
	config.WakeLatency = func(*rand.Rand) time.Duration { return c.Between(0, 30*time.Millisecond) }
	return config
}

// Run breaks the stack, which was set up by Configure, until ctx is done. After
// that nothing is broken any more; what was broken may take time to heal.
func (c *Chaos) Run(ctx context.Context, s *stack.Stack) {
	s.Lambda.SetFault(c.function)
	s.SNS.SetDeliveryFault(c.delivery)
	s.SNS.SetPublishFault(c.publish)
	s.Gateway.Faults().Every(c.management)
	c.on.Store(true)
	var events sync.WaitGroup
	for _, e := range timed {
		events.Go(func() { c.strike(ctx, s, e) })
	}
	<-ctx.Done()
	c.on.Store(false)
	events.Wait()
	s.Lambda.SetFault(nil)
	s.SNS.SetDeliveryFault(nil)
	s.SNS.SetPublishFault(nil)
	s.Gateway.Faults().Every(nil)
	for _, open := range s.Gateway.Connections() {
		_ = s.Gateway.Faults().ThawClient(open.ID) // it may have ended
	}
}

// option is one fault among those that a call may meet.
type option[T any] struct {
	name string
	// permille is how many calls in a thousand meet it.
	permille float64
	fault    T
}

// draw takes at most one of the options; ok is false for none of them.
func draw[T any](c *Chaos, options []option[T]) (fault T, ok bool) {
	if !c.on.Load() {
		return fault, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := 1000 * c.random.Float64()
	for _, o := range options {
		if at -= o.permille; at < 0 {
			c.counts[o.name]++
			c.note(o.name)
			return o.fault, true
		}
	}
	return fault, false
}

// Between is a uniform random duration.
func (c *Chaos) Between(least, most time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return least + time.Duration(c.random.Float64()*float64(most-least))
}

func (c *Chaos) intN(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

// Draw reports whether a fault of the caller's own strikes, and counts it.
func (c *Chaos) Draw(fault string, permille float64) bool {
	_, ok := draw(c, []option[bool]{{fault, permille, true}})
	return ok
}

// database is what a request to DynamoDB meets.
func (c *Chaos) database(operation, _ string) dynamodb.Fault {
	fault, _ := draw(c, databaseFaults)
	if fault == dynamodb.Partial && operation != "BatchGetItem" && operation != "BatchWriteItem" {
		return dynamodb.NoFault
	}
	return fault
}

// stale is by how many writes an eventually consistent read lags.
func (c *Chaos) stale(dynamodb.Read) int {
	if c.Draw("dynamodb: stale read", 50) {
		return 1 + c.intN(5)
	}
	return 0
}

// function is what a run of a function meets.
func (c *Chaos) function(inv lambda.Invocation) lambda.FaultPlan {
	plan, ok := draw(c, functionFaults)
	if ok && plan.Duplicate && !inv.Async {
		return lambda.FaultPlan{}
	}
	if ok && plan == (lambda.FaultPlan{}) {
		plan.Delay = c.Between(10*time.Millisecond, 2*time.Second)
	}
	return plan
}

// delivery is what a message of SNS meets on its way to its subscriber.
func (c *Chaos) delivery(sns.Delivery) sns.DeliveryFault {
	fault, ok := draw(c, deliveryFaults)
	if ok && fault == (sns.DeliveryFault{}) {
		fault.Delay = c.Between(50*time.Millisecond, 4*time.Second)
	}
	return fault
}

// publish is what a call of Publish meets.
func (c *Chaos) publish(sns.PublishCall) sns.PublishFault {
	failure, _ := draw(c, publishFaults)
	return sns.PublishFault{Failure: failure}
}

// management is what a call of @connections meets. Only a POST is answered 410
// wrongly: two wrong signs in a row would be a connection that is gone.
func (c *Chaos) management(call gateway.ManagementCall) gateway.Verdict {
	verdict, ok := draw(c, managementFaults)
	switch {
	case ok && verdict.Status == http.StatusGone && call.Method != http.MethodPost:
		return gateway.Verdict{}
	case ok && verdict == (gateway.Verdict{}):
		verdict.Delay = c.Between(20*time.Millisecond, 2*time.Second)
	}
	return verdict
}
