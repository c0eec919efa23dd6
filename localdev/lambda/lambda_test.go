package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/gapless-rooms/gapless/localdev/lambda"
)

func TestMain(m *testing.M) {
	runAsFunction()
	goleak.VerifyTestMain(m)
}

// handler makes a factory whose environments all run f.
func handler(f any) func(io.Writer) (awslambda.Handler, error) {
	return func(io.Writer) (awslambda.Handler, error) { return awslambda.NewHandler(f), nil }
}

func register(t *testing.T, s *lambda.Service, f lambda.Function) {
	t.Helper()
	if err := s.Register(f); err != nil {
		t.Fatal(err)
	}
}

func invoke(t *testing.T, s *lambda.Service, name, payload string) lambda.Result {
	t.Helper()
	result, err := s.Invoke(t.Context(), name, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

type errorObject struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
	Stack   []struct {
		Path  string `json:"path"`
		Line  int    `json:"line"`
		Label string `json:"label"`
	} `json:"stackTrace"`
}

func functionError(t *testing.T, r lambda.Result) errorObject {
	t.Helper()
	if r.FunctionError != "Unhandled" {
		t.Errorf("FunctionError = %q, want Unhandled", r.FunctionError)
	}
	var e errorObject
	if err := json.Unmarshal(r.Payload, &e); err != nil {
		t.Fatalf("error object %s: %v", r.Payload, err)
	}
	return e
}

func TestInvokeAnswersAndSetsTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		type seen struct {
			ID, ARN, Trace string
			Left           time.Duration
		}
		register(t, s, lambda.Function{Name: "echo", Timeout: 5 * time.Second, New: handler(func(ctx context.Context, in map[string]int) (any, error) {
			lc, _ := lambdacontext.FromContext(ctx)
			deadline, _ := ctx.Deadline()
			trace, _ := ctx.Value("x-amzn-trace-id").(string)
			return seen{lc.AwsRequestID, lc.InvokedFunctionArn, trace, time.Until(deadline) + time.Duration(in["plus"])}, nil
		})})
		r := invoke(t, s, "echo", `{"plus":1}`)
		var got seen
		if err := json.Unmarshal(r.Payload, &got); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got.Trace, "Root=1-") {
			t.Errorf("trace = %q", got.Trace)
		}
		got.Trace = ""
		want := seen{ID: r.RequestID, ARN: "arn:aws:lambda:us-east-1:000000000000:function:echo", Left: 5*time.Second + 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if len(r.RequestID) != 36 || r.RequestID[14] != '4' || !strings.ContainsRune("89ab", rune(r.RequestID[19])) {
			t.Errorf("request id %q is no UUIDv4", r.RequestID)
		}
	})
}

func TestFunctionErrorsLookAsOnAWS(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler any
		want    errorObject
		kept    bool // the environment lives on
	}{
		"errors.New":   {func() error { return errors.New("no") }, errorObject{Message: "no", Type: "errorString"}, true},
		"own type":     {func() error { return &customError{} }, errorObject{Message: "custom", Type: "customError"}, true},
		"panic string": {func() error { panic("boom") }, errorObject{Message: "boom", Type: "string"}, false},
		"panic error":  {func() error { panic(&customError{}) }, errorObject{Message: "custom", Type: "customError"}, false},
		"panic nil map": {func(in map[string]map[string]int) error { in["none"]["a"]++; return nil },
			errorObject{Message: "assignment to entry in nil map", Type: "plainError"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := lambda.RunT(t, lambda.Config{})
				register(t, s, lambda.Function{Name: "f", New: handler(test.handler)})
				got := functionError(t, invoke(t, s, "f", `{}`))
				panicked := strings.HasPrefix(name, "panic")
				if (len(got.Stack) > 0) != panicked {
					t.Errorf("stack = %v", got.Stack)
				}
				if panicked && !hasFrame(got, "lambda_test.go") {
					t.Errorf("stack does not show the handler: %v", got.Stack)
				}
				got.Stack = nil
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
				if r := invoke(t, s, "f", `{}`); r.Cold == test.kept {
					t.Errorf("the next run is cold: %t", r.Cold)
				}
			})
		})
	}
}

type customError struct{}

func (*customError) Error() string { return "custom" }

func hasFrame(e errorObject, file string) bool {
	for _, f := range e.Stack {
		if strings.HasSuffix(f.Path, file) {
			return true
		}
	}
	return false
}

func TestHandlerThatEndsItsGoroutineIsAnExit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		register(t, s, lambda.Function{Name: "f", New: handler(func() { runtime.Goexit() })})
		r := invoke(t, s, "f", "")
		want := errorObject{Type: "Runtime.ExitError", Message: "RequestId: " + r.RequestID + " Error: Runtime exited without providing a reason"}
		if diff := cmp.Diff(want, functionError(t, r)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestInitErrorIsAFunctionError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		var starts atomic.Int32
		register(t, s, lambda.Function{Name: "f", New: func(io.Writer) (awslambda.Handler, error) {
			switch starts.Add(1) {
			case 1:
				return nil, errors.New("no table")
			case 2:
				panic("worse")
			}
			return awslambda.NewHandler(func() {}), nil
		}})
		for _, cause := range []string{"no table", "worse"} {
			r := invoke(t, s, "f", "")
			want := errorObject{Type: "Runtime.ExitError", Message: "RequestId: " + r.RequestID + " Error: Runtime exited with error: exit status 1"}
			if diff := cmp.Diff(want, functionError(t, r)); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(r.Cause.Error(), cause) {
				t.Errorf("cause = %v", r.Cause)
			}
		}
		if r := invoke(t, s, "f", ""); r.FunctionError != "" || !r.Cold {
			t.Errorf("third run: %+v", r)
		}
	})
}

func TestTimeoutEndsTheEnvironment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		var late error
		register(t, s, lambda.Function{Name: "slow", New: handler(func(ctx context.Context) error {
			<-ctx.Done()
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Errorf("ctx.Err() = %v", ctx.Err())
			}
			late = lambda.EndCause(context.WithoutCancel(ctx))
			return nil
		})})
		r := invoke(t, s, "slow", "")
		want := errorObject{Type: "Sandbox.Timedout", Message: "RequestId: " + r.RequestID + " Error: Task timed out after 3.00 seconds"}
		if diff := cmp.Diff(want, functionError(t, r)); diff != "" {
			t.Error(diff)
		}
		if r.Duration != 3*time.Second {
			t.Errorf("duration = %v", r.Duration)
		}
		if err := s.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(late, lambda.ErrInvocationTimedOut) {
			t.Errorf("EndCause = %v", late)
		}
		if stats := s.Stats("slow"); stats.Free != 0 || stats.Busy != 0 || stats.Errors != 1 {
			t.Errorf("stats = %+v", stats)
		}
	})
}

func TestEnvironmentsServeOneAtATimeAndAreReused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		var made atomic.Int32
		register(t, s, lambda.Function{Name: "f", ColdStart: 40 * time.Millisecond, New: func(io.Writer) (awslambda.Handler, error) {
			made.Add(1)
			var running atomic.Int32
			return awslambda.NewHandler(func() error {
				if running.Add(1) > 1 {
					return errors.New("two at once")
				}
				time.Sleep(time.Second)
				running.Add(-1)
				return nil
			}), nil
		}})
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if r := invoke(t, s, "f", ""); r.FunctionError != "" || !r.Cold || r.InitDuration != 40*time.Millisecond || r.Duration != time.Second {
					t.Errorf("%+v", r)
				}
			})
		}
		wg.Wait()
		for range 5 {
			if r := invoke(t, s, "f", ""); r.Cold || r.InitDuration != 0 {
				t.Errorf("warm run: %+v", r)
			}
		}
		if made.Load() != 5 || s.Stats("f").ColdStarts != 5 || s.Stats("f").Free != 5 {
			t.Errorf("made %d environments, stats %+v", made.Load(), s.Stats("f"))
		}
		s.Recycle("f")
		if r := invoke(t, s, "f", ""); !r.Cold {
			t.Error("an environment outlived Recycle")
		}
	})
}

func TestReplacedFunctionFinishesOnItsOldCode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		version := func(v string) lambda.Function {
			return lambda.Function{Name: "f", New: handler(func() (string, error) { time.Sleep(time.Second); return v, nil })}
		}
		register(t, s, version("old"))
		old := make(chan string)
		go func() { old <- string(invoke(t, s, "f", "").Payload) }()
		synctest.Wait()
		register(t, s, version("new"))
		if got := string(invoke(t, s, "f", "").Payload); got != `"new"` {
			t.Errorf("after the deployment: %s", got)
		}
		if got := <-old; got != `"old"` {
			t.Errorf("running through the deployment: %s", got)
		}
		if r := invoke(t, s, "f", ""); string(r.Payload) != `"new"` || r.Cold {
			t.Errorf("%s, cold %t", r.Payload, r.Cold)
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		register(t, s, lambda.Function{Name: "f", New: handler(func(b json.RawMessage) (int, error) { return len(b), nil })})
		register(t, s, lambda.Function{Name: "big", New: handler(func(n int) (string, error) { return strings.Repeat("x", n-2), nil })})
		document := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }

		for name, test := range map[string]struct {
			function, payload string
			want              error
			status            int
		}{
			"unknown function": {"g", "{}", lambda.ErrFunctionNotFound, 404},
			"unknown alias":    {"f:live", "{}", lambda.ErrFunctionNotFound, 404},
			"not JSON":         {"f", "{", lambda.ErrInvalidPayload, 400},
			"too large":        {"f", document(6<<20 + 1), lambda.ErrPayloadTooLarge, 413},
		} {
			_, err := s.Invoke(t.Context(), test.function, []byte(test.payload))
			var e *lambda.Error
			if !errors.Is(err, test.want) || !errors.As(err, &e) || e.Status != test.status {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.InvokeAsync("f", []byte(document(1<<20+1))); !errors.Is(err, lambda.ErrPayloadTooLarge) {
			t.Errorf("large event: %v", err)
		}
		if r := invoke(t, s, "f", document(6<<20)); string(r.Payload) != "6291456" {
			t.Errorf("largest payload: %s", r.Payload)
		}
		if r := invoke(t, s, "big", fmt.Sprint(6<<20+100)); r.FunctionError != "" {
			t.Errorf("largest response: %s", r.Payload)
		}
		if e := functionError(t, invoke(t, s, "big", fmt.Sprint(6<<20+101))); e.Type != "Function.ResponseSizeTooLarge" {
			t.Errorf("too large a response: %+v", e)
		}
		for _, ref := range []string{"f:$LATEST", s.ARN("f"), s.ARN("f") + ":$LATEST", "000000000000:function:f"} {
			invoke(t, s, ref, "")
		}
		s.Close()
		if _, err := s.Invoke(t.Context(), "f", nil); !errors.Is(err, lambda.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if _, err := s.InvokeAsync("f", nil); !errors.Is(err, lambda.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestConcurrencyLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{Concurrency: 102})
		hold := make(chan struct{})
		for name, reserved := range map[string]*int{"reserved": lambda.Reserve(2), "stopped": lambda.Reserve(0), "free": nil} {
			register(t, s, lambda.Function{Name: name, Timeout: time.Minute, ReservedConcurrency: reserved, New: handler(func() { <-hold })})
		}
		var wg sync.WaitGroup
		start := func(name string, n int) {
			for range n {
				wg.Go(func() { invoke(t, s, name, "") })
			}
			synctest.Wait()
		}
		start("reserved", 2)
		start("free", 100)
		for name, reason := range map[string]string{
			"reserved": "ReservedFunctionConcurrentInvocationLimitExceeded",
			"stopped":  "ReservedFunctionConcurrentInvocationLimitExceeded",
			"free":     "ConcurrentInvocationLimitExceeded",
		} {
			_, err := s.Invoke(t.Context(), name, nil)
			var e *lambda.Error
			if !errors.Is(err, lambda.ErrThrottled) || !errors.As(err, &e) || e.Reason != reason {
				t.Errorf("%s: %v", name, err)
			}
			if s.Stats(name).Throttles != 1 {
				t.Errorf("%s: %+v", name, s.Stats(name))
			}
		}
		if n := len(s.InFlight()); n != 102 {
			t.Errorf("%d in flight", n)
		}
		close(hold)
		wg.Wait()
		invoke(t, s, "reserved", "")

		err := s.Register(lambda.Function{Name: "more", ReservedConcurrency: lambda.Reserve(1), New: handler(func() {})})
		if !errors.Is(err, lambda.ErrInvalidFunction) {
			t.Errorf("reserving below the account's minimum: %v", err)
		}
	})
}

func TestRegisterRefusesWhatAWSWould(t *testing.T) {
	t.Parallel()
	s := lambda.RunT(t, lambda.Config{})
	ok := handler(func() {})
	for name, f := range map[string]lambda.Function{
		"no name":      {New: ok},
		"bad name":     {Name: "a b", New: ok},
		"no code":      {Name: "f"},
		"long timeout": {Name: "f", New: ok, Timeout: 901 * time.Second},
		"half seconds": {Name: "f", New: ok, Timeout: 1500 * time.Millisecond},
		"memory":       {Name: "f", New: ok, MemoryMB: 127},
		"reserved":     {Name: "f", New: ok, ReservedConcurrency: lambda.Reserve(-1)},
		"retries":      {Name: "f", New: ok, MaxRetries: lambda.Reserve(3)},
		"event age":    {Name: "f", New: ok, MaxEventAge: time.Second},
		"cold start":   {Name: "f", New: ok, ColdStart: -1},
	} {
		if err := s.Register(f); !errors.Is(err, lambda.ErrInvalidFunction) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(s.Functions()); n != 0 {
		t.Errorf("%d functions", n)
	}
}

func TestCallerThatGoesAwayDoesNotStopTheFunction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.RunT(t, lambda.Config{})
		finished := false
		register(t, s, lambda.Function{Name: "f", New: handler(func(ctx context.Context) error {
			time.Sleep(2 * time.Second)
			finished = ctx.Err() == nil
			return nil
		})})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Invoke(ctx, "f", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if !finished {
			t.Error("the function was stopped")
		}
	})
}

func TestShutdownKillsWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambda.New(lambda.Config{})
		register(t, s, lambda.Function{Name: "f", Timeout: time.Minute, New: handler(func(ctx context.Context) { <-ctx.Done() })})
		if _, err := s.InvokeAsync("f", nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		s.Close()
		if n := len(s.InFlight()); n != 0 {
			t.Errorf("%d in flight", n)
		}
	})
}
