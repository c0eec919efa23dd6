package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	movable "github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/lambda"
)

// runs records when, and as which request, a function ran.
type runs struct {
	mu    sync.Mutex
	start time.Time
	after []time.Duration
	ids   map[string]bool
}

func newRuns() *runs { return &runs{start: time.Now(), ids: map[string]bool{}} }

func (r *runs) add(ctx context.Context) int {
	lc, _ := lambdacontext.FromContext(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.after = append(r.after, time.Since(r.start))
	r.ids[lc.AwsRequestID] = true
	return len(r.after)
}

func (r *runs) times() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]time.Duration(nil), r.after...)
}

// pass lets d pass in the bubble and everything that it sets off run.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func send(t *testing.T, s *lambda.Service, name, payload string) string {
	t.Helper()
	id, err := s.InvokeAsync(name, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestFailedEventIsRetriedTwiceAndThenDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var letters []lambda.DeadLetter
		var target string
		s := lambda.RunT(t, lambda.Config{DeadLetter: func(arn string, l lambda.DeadLetter) error {
			target = arn
			letters = append(letters, l)
			return nil
		}})
		var direct lambda.DeadLetter
		r := newRuns()
		register(t, s, lambda.Function{
			Name: "f", DeadLetterARN: "arn:aws:sqs:us-east-1:000000000000:dead", DeadLetter: func(l lambda.DeadLetter) { direct = l },
			New: handler(func(ctx context.Context) error { r.add(ctx); return errors.New(strings.Repeat("ä", 1000)) }),
		})
		id := send(t, s, "f", `{"n":1}`)
		pass(10 * time.Hour)
		if diff := cmp.Diff([]time.Duration{0, time.Minute, 3 * time.Minute}, r.times()); diff != "" {
			t.Error(diff)
		}
		if len(r.ids) != 1 || !r.ids[id] {
			t.Errorf("request ids %v, want %s", r.ids, id)
		}
		want := lambda.DeadLetter{Function: "f", Payload: []byte(`{"n":1}`), RequestID: id, ErrorCode: 200, ErrorMessage: strings.Repeat("ä", 512)}
		if diff := cmp.Diff([]lambda.DeadLetter{want}, letters); diff != "" {
			t.Error(diff)
		}
		if target != "arn:aws:sqs:us-east-1:000000000000:dead" || direct.RequestID != id {
			t.Errorf("target %q, direct %+v", target, direct)
		}
		if stats := s.Stats("f"); stats.Retries != 2 || stats.DeadLetters != 1 || stats.Errors != 3 {
			t.Errorf("stats = %+v", stats)
		}
	})
}

func TestRetryThatSucceedsEndsTheEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		r := newRuns()
		register(t, s, lambda.Function{Name: "f", New: handler(func(ctx context.Context) error {
			if r.add(ctx) < 2 {
				panic("once")
			}
			return nil
		})})
		send(t, s, "f", "")
		synctest.Wait()
		queue := s.Queue()
		if len(queue) != 1 || queue[0].Invocation.Attempt != 2 || queue[0].Due.Sub(queue[0].Queued) != time.Minute {
			t.Errorf("queue = %+v", queue)
		}
		if err := s.Idle(t.Context()); err != nil {
			t.Errorf("an event that waits for its retry keeps the service busy: %v", err)
		}
		pass(time.Hour)
		if n := len(r.times()); n != 2 {
			t.Errorf("%d runs", n)
		}
	})
}

func TestRetriesFollowAMovedClock(t *testing.T) {
	t.Parallel()
	c := movable.NewMovable()
	s := lambda.RunT(t, lambda.Config{Clock: c})
	var count atomic.Int32
	register(t, s, lambda.Function{Name: "f", Timeout: 15 * time.Minute, New: handler(func() error { count.Add(1); return errors.New("no") })})
	send(t, s, "f", "")
	for i, wait := range []time.Duration{0, time.Minute, 2 * time.Minute} {
		c.Advance(wait)
		if err := s.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := int(count.Load()); got != i+1 {
			t.Errorf("after %v: %d runs", wait, got)
		}
	}
}

func TestThrottledEventBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var given atomic.Pointer[lambda.DeadLetter]
		s := lambda.RunT(t, lambda.Config{Fault: func(lambda.Invocation) lambda.FaultPlan {
			return lambda.FaultPlan{Fault: lambda.FaultThrottle}
		}})
		var waits []time.Duration
		stop := s.Observe(func(e lambda.Event) {
			if e.Kind == lambda.Requeued && len(waits) < 11 {
				waits = append(waits, e.Wait)
			}
		})
		defer stop()
		register(t, s, lambda.Function{Name: "f", New: handler(func() {}), DeadLetter: func(l lambda.DeadLetter) { given.Store(&l) }})
		send(t, s, "f", "")
		pass(6 * time.Hour)
		if given.Load() != nil {
			t.Error("given up within 6 hours")
		}
		pass(5 * time.Minute)
		var want []time.Duration
		for i := range 9 {
			want = append(want, time.Second<<i)
		}
		want = append(want, 5*time.Minute, 5*time.Minute)
		if diff := cmp.Diff(want, waits); diff != "" {
			t.Error(diff)
		}
		if l := given.Load(); l == nil || l.ErrorCode != 429 || l.ErrorMessage != "Rate Exceeded." {
			t.Errorf("letter = %+v", l)
		}
	})
}

func TestThrottlingDoesNotUseUpRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		s := lambda.RunT(t, lambda.Config{Fault: func(lambda.Invocation) lambda.FaultPlan {
			if asked.Add(1)%2 == 1 {
				return lambda.FaultPlan{Fault: lambda.FaultService}
			}
			return lambda.FaultPlan{}
		}})
		r := newRuns()
		register(t, s, lambda.Function{Name: "f", New: handler(func(ctx context.Context) error { r.add(ctx); return errors.New("no") })})
		send(t, s, "f", "")
		pass(time.Hour)
		want := []time.Duration{time.Second, time.Minute + 2*time.Second, 3*time.Minute + 3*time.Second}
		if diff := cmp.Diff(want, r.times()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStoppedFunctionSendsEventsToTheDeadLetterTarget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		var letter lambda.DeadLetter
		register(t, s, lambda.Function{Name: "f", ReservedConcurrency: lambda.Reserve(0), New: handler(func() {}), DeadLetter: func(l lambda.DeadLetter) { letter = l }})
		id := send(t, s, "f", "")
		synctest.Wait()
		if letter.RequestID != id || letter.ErrorCode != 429 {
			t.Errorf("letter = %+v", letter)
		}
	})
}

func TestOldEventIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		var letters int
		r := newRuns()
		register(t, s, lambda.Function{
			Name: "f", MaxEventAge: 2 * time.Minute, DeadLetter: func(lambda.DeadLetter) { letters++ },
			New: handler(func(ctx context.Context) error { r.add(ctx); return errors.New("no") }),
		})
		send(t, s, "f", "")
		pass(time.Hour)
		if n := len(r.times()); n != 2 || letters != 1 {
			t.Errorf("%d runs, %d letters", n, letters)
		}
	})
}

func TestWorkersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{AsyncWorkers: 3})
		var running, most, total atomic.Int32
		register(t, s, lambda.Function{Name: "f", New: handler(func() {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Second)
			running.Add(-1)
			total.Add(1)
		})})
		for range 10 {
			send(t, s, "f", "")
		}
		synctest.Wait()
		if n := len(s.Queue()); n != 7 {
			t.Errorf("%d events queued", n)
		}
		if err := s.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if most.Load() != 3 || total.Load() != 10 {
			t.Errorf("at most %d at once, %d in all", most.Load(), total.Load())
		}
	})
}

func TestShutdownDropsWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.New(lambda.Config{AsyncWorkers: 1})
		var ended atomic.Int32
		register(t, s, lambda.Function{Name: "f", New: handler(func() error {
			time.Sleep(time.Second)
			ended.Add(1)
			return errors.New("retry me")
		})})
		for range 3 {
			send(t, s, "f", "")
		}
		synctest.Wait()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ended.Load() != 1 || len(s.Queue()) != 0 {
			t.Errorf("%d ended, queue %+v", ended.Load(), s.Queue())
		}
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		plan      lambda.FaultPlan
		ran       bool
		errorType string
		took      time.Duration
	}{
		"die before":     {lambda.FaultPlan{Fault: lambda.FaultDieBefore}, false, "Runtime.ExitError", 0},
		"die after":      {lambda.FaultPlan{Fault: lambda.FaultDieAfter}, true, "Runtime.ExitError", time.Second},
		"timeout before": {lambda.FaultPlan{Fault: lambda.FaultTimeoutBefore}, false, "Sandbox.Timedout", 3 * time.Second},
		"timeout after":  {lambda.FaultPlan{Fault: lambda.FaultTimeoutAfter}, true, "Sandbox.Timedout", 3 * time.Second},
		"delay":          {lambda.FaultPlan{Delay: time.Minute}, true, "", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := lambda.RunT(t, lambda.Config{})
				ran := false
				register(t, s, lambda.Function{Name: "f", New: handler(func() { time.Sleep(time.Second); ran = true })})
				invoke(t, s, "f", "") // makes an environment that the fault can end
				ran = false
				s.SetFault(func(inv lambda.Invocation) lambda.FaultPlan {
					if inv.Function != "f" || string(inv.Payload) != `{"a":1}` {
						t.Errorf("asked for %+v", inv)
					}
					return test.plan
				})
				start := time.Now()
				r := invoke(t, s, "f", `{"a":1}`)
				if ran != test.ran || r.Duration != test.took || time.Since(start) != test.took+test.plan.Delay {
					t.Errorf("ran %t, duration %v, waited %v", ran, r.Duration, time.Since(start))
				}
				if test.errorType == "" {
					if r.FunctionError != "" {
						t.Errorf("result %s", r.Payload)
					}
					return
				}
				if e := functionError(t, r); e.Type != test.errorType {
					t.Errorf("error = %+v", e)
				}
				s.SetFault(nil)
				if r := invoke(t, s, "f", ""); !r.Cold {
					t.Error("the environment survived")
				}
			})
		})
	}
}

func TestDuplicatedEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{Fault: func(lambda.Invocation) lambda.FaultPlan { return lambda.FaultPlan{Duplicate: true} }})
		r := newRuns()
		register(t, s, lambda.Function{Name: "f", New: handler(func(ctx context.Context) { r.add(ctx) })})
		id := send(t, s, "f", "")
		if err := s.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(r.times()); n != 2 || !r.ids[id] || len(r.ids) != 1 {
			t.Errorf("%d runs as %v", n, r.ids)
		}
	})
}

func TestKillStopsTheInvocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		s := lambda.RunT(t, lambda.Config{Context: func(ctx context.Context, inv lambda.Invocation) context.Context {
			return context.WithValue(ctx, key{}, inv.Function)
		}})
		var afterKill error
		register(t, s, lambda.Function{Name: "f", New: handler(func(ctx context.Context) (string, error) {
			if ctx.Value(key{}) != "f" {
				t.Error("the context is not decorated")
			}
			if lambda.EndCause(ctx) != nil {
				t.Error("ended before the kill")
			}
			// A call in the midst of the handler, by a derived context.
			call, cancel := context.WithCancel(ctx)
			defer cancel()
			if !lambda.Kill(call) || lambda.Kill(call) {
				t.Error("Kill does not tell its first call")
			}
			<-call.Done()
			afterKill = lambda.EndCause(context.WithoutCancel(call))
			return "dropped", nil
		})})
		r := invoke(t, s, "f", "")
		want := errorObject{Type: "Runtime.ExitError", Message: "RequestId: " + r.RequestID + " Error: Runtime exited with error: signal: killed"}
		if diff := cmp.Diff(want, functionError(t, r)); diff != "" {
			t.Error(diff)
		}
		if err := s.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(afterKill, lambda.ErrInvocationKilled) || !errors.Is(r.Cause, lambda.ErrInvocationKilled) {
			t.Errorf("cause in the handler %v, in the result %v", afterKill, r.Cause)
		}
		if lambda.Kill(t.Context()) || lambda.EndCause(t.Context()) != nil {
			t.Error("a context of no invocation can be killed")
		}
	})
}

func TestObserversSeeTheLifeOfAnInvocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kinds []string
		s := lambda.RunT(t, lambda.Config{})
		s.Observe(func(e lambda.Event) {
			kinds = append(kinds, e.Kind.String())
			if e.Invocation.Function != "f" || e.At.IsZero() {
				t.Errorf("event %+v", e)
			}
			if e.Kind == lambda.Ended && (e.Result.RequestID == "" || e.Result.Duration != time.Second || e.Result.Cause == nil) {
				t.Errorf("result %+v", e.Result)
			}
		})
		stopped := 0
		s.Observe(func(lambda.Event) { stopped++ })()
		register(t, s, lambda.Function{Name: "f", MaxRetries: lambda.Reserve(1), New: handler(func() error { time.Sleep(time.Second); return errors.New("no") })})
		send(t, s, "f", "")
		pass(time.Hour)
		want := []string{"started", "ended", "requeued", "started", "ended", "dead-lettered"}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Error(diff)
		}
		if stopped != 0 {
			t.Errorf("a stopped observer got %d events", stopped)
		}
	})
}

func TestInFlightShowsWhatRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		register(t, s, lambda.Function{Name: "f", New: handler(func(json.RawMessage) { time.Sleep(time.Second) })})
		register(t, s, lambda.Function{Name: "g", ColdStart: time.Second, New: func(io.Writer) (awslambda.Handler, error) { return nil, nil }})
		send(t, s, "f", `{"n":1}`)
		send(t, s, "g", "")
		synctest.Wait()
		running := s.InFlight()
		if len(running) != 2 {
			t.Fatalf("in flight: %+v", running)
		}
		f, g := running[0], running[1]
		if f.Function == "g" {
			f, g = g, f
		}
		if string(f.Payload) != `{"n":1}` || f.Deadline.Sub(f.Started) != 3*time.Second || !f.Async || !f.Cold {
			t.Errorf("f = %+v", f)
		}
		if !g.Started.IsZero() {
			t.Errorf("g has started during its init: %+v", g)
		}
		if err := s.Idle(t.Context()); err != nil || len(s.InFlight()) != 0 {
			t.Errorf("%v, in flight %+v", err, s.InFlight())
		}
	})
}
