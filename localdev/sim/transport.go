package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/pkg/clock"
)

// transport carries the calls of one function to the local AWS, and is where
// they go wrong.
type transport struct {
	w        *world
	function string
	next     http.RoundTripper
}

var errBroken = errors.New("connection reset by peer (injected)")

// RoundTrip lets a call travel, take effect and come back, each at an instant
// of its own.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if err := ended(ctx); err != nil {
		return nil, err
	}
	c, err := readCall(t.function, r)
	if err != nil {
		return nil, err
	}
	if t.w.Sites {
		c.sites = callers()
	}
	invocation := ""
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		invocation = lc.AwsRequestID
	}
	c.run, c.sent = invocation, t.w.now()
	defer func() { t.w.returned(c) }()
	identity := invocation + "\x00" + c.identity
	again := strconv.Itoa(t.w.calls.again(identity))
	there := latency(t.w.Seed, time.Millisecond, 9*time.Millisecond, "there", identity, again)
	back := latency(t.w.Seed, time.Millisecond, 5*time.Millisecond, "back", identity, again)
	if err := t.travel(ctx, there); err != nil {
		return nil, err
	}
	response, err := t.arrive(ctx, c, invocation)
	if err != nil {
		return nil, err
	}
	if err := t.travel(ctx, back); err != nil {
		return nil, err
	}
	return response, nil
}

// travel takes time. A call whose function has ended is no call any more.
func (t transport) travel(ctx context.Context, d time.Duration) error {
	if err := clock.Sleep(ctx, t.w.clock, d); err != nil {
		return err
	}
	return ended(ctx)
}

func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return lambda.EndCause(ctx)
}

// arrive has a call reach its service, or not.
func (t transport) arrive(ctx context.Context, c *call, invocation string) (*http.Response, error) {
	if t.w.class.Page > 0 && c.is("Query", "member") {
		c.json["Limit"] = t.w.class.Page
		c.encode()
	}
	nth := t.w.calls.count(t.function)
	fault := t.w.callFault(c, nth)
	t.w.note(event{actor: actor(t.function, invocation), call: c, nth: nth, fault: fault.Kind, room: c.room, connection: c.connection})
	switch fault.Kind {
	case KillBefore:
		lambda.Kill(ctx)
		return nil, lambda.ErrInvocationKilled
	case HangBefore:
		<-ctx.Done()
		return nil, ctx.Err()
	case FailBefore:
		return c.failed(), nil
	case Throttle:
		return c.throttled(), nil
	case Forget:
		t.w.forget(cmp.Or(c.room, lobby), "")
	case SlowBefore:
		return t.late(ctx, c, fault.Delay)
	case LateEffect, KillLate:
		t.w.late.Go(func() { _, _ = t.delayed(ctx, c, fault.Delay) })
		if fault.Kind == LateEffect {
			return nil, errBroken
		}
		lambda.Kill(ctx)
		return nil, lambda.ErrInvocationKilled
	}
	if c.op == "PostToConnection" && t.w.sleeps(c.connection) {
		return c.throttled(), nil
	}
	if fault.Kind == KillHalf {
		c.halve()
	}
	if fault.Kind == RefuseEntries {
		taken, refused := c.halve()
		if response, err := t.perform(ctx, c); err != nil || response.StatusCode != http.StatusOK {
			return response, err
		}
		return c.partial(taken, refused), nil
	}
	response, err := t.perform(ctx, c)
	if err != nil {
		return nil, err
	}
	switch fault.Kind {
	case KillAfter, KillHalf:
		lambda.Kill(ctx)
		return nil, lambda.ErrInvocationKilled
	case HangAfter:
		<-ctx.Done()
		return nil, ctx.Err()
	case FailAfter:
		return c.failed(), nil
	case LoseAnswer:
		return nil, errBroken
	case SlowAfter:
		if err := t.travel(ctx, fault.Delay); err != nil {
			return nil, err
		}
	}
	return response, nil
}

// perform is effect, and does not wait for a post whose caller has given it up:
// a slow one may take seconds.
func (t transport) perform(ctx context.Context, c *call) (*http.Response, error) {
	if c.op != "PostToConnection" {
		return t.effect(c)
	}
	return t.apart(ctx, func() (*http.Response, error) { return t.effect(c) })
}

// apart waits for f until its caller gives up; f goes on all the same.
func (t transport) apart(ctx context.Context, f func() (*http.Response, error)) (*http.Response, error) {
	type result struct {
		response *http.Response
		err      error
	}
	done := make(chan result, 1)
	t.w.late.Go(func() {
		response, err := f()
		done <- result{response, err}
	})
	select {
	case r := <-done:
		return r.response, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// effect performs the call, as a mutant would if there is one. What has
// arrived takes effect, whatever becomes of the caller.
func (t transport) effect(c *call) (*http.Response, error) {
	perform := func() (*http.Response, error) {
		r := c.rewind()
		return t.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	}
	var response *http.Response
	var err error
	if m := t.w.Mutant; m != nil {
		response, err = m.Do(t.w, c, perform)
	} else {
		response, err = perform()
	}
	if err == nil {
		t.w.check.after(c, response)
	}
	return response, err
}

// late has a call take effect after d even if its function is over by then: it
// was on its way.
func (t transport) late(ctx context.Context, c *call, d time.Duration) (*http.Response, error) {
	return t.apart(ctx, func() (*http.Response, error) { return t.delayed(ctx, c, d) })
}

// delayed performs a call after d, even if its function is over by then.
func (t transport) delayed(ctx context.Context, c *call, d time.Duration) (*http.Response, error) {
	_ = clock.Sleep(context.WithoutCancel(ctx), t.w.clock, d)
	t.w.note(event{actor: "network", call: c, text: "takes effect late: " + c.String(), room: c.room, connection: c.connection})
	return t.effect(c)
}

func actor(function, invocation string) string {
	if len(invocation) > 4 {
		invocation = invocation[:4]
	}
	return fmt.Sprintf("%s %s", function, invocation)
}

// counters count calls: by function, and how often the same one came.
type counters struct {
	mu       sync.Mutex
	function map[string]int
	same     map[string]int
}

func newCounters() counters {
	return counters{function: map[string]int{}, same: map[string]int{}}
}

func (c *counters) count(function string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.function[function]++
	return c.function[function]
}

func (c *counters) again(identity string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.same[identity]++
	return c.same[identity]
}
