package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/gapless-rooms/gapless/localdev/clock"
)

// Result is the end of one run of a function.
type Result struct {
	// Payload is the function's answer, or the error object
	// {"errorMessage", "errorType", "stackTrace"?} if FunctionError is not empty.
	Payload []byte
	// FunctionError is "" or "Unhandled", which is what the service says of each
	// error of a custom runtime, returned or not.
	FunctionError string
	// Duration is the time in the handler, InitDuration that of the cold start.
	Duration     time.Duration
	InitDuration time.Duration
	RequestID    string
	Cold         bool
	// Cause is the Go error behind FunctionError. AWS shows it in the function's
	// log only; no caller may rest on it.
	Cause error
	// Log is the end of what the function printed in this run, with the lines of
	// the service: at most 4 KB.
	Log []byte
}

// Invoke runs the function and waits for its end (RequestResponse). name may
// also be an ARN. An empty payload is {}.
//
// An error of the function is a Result with FunctionError. The error is an
// *Error for a refusal (ErrFunctionNotFound, ErrThrottled, ErrPayloadTooLarge,
// ErrInvalidPayload, ErrServiceFault), ErrClosed, or ctx's error; in the last
// case the function runs on, as it does on AWS when the caller hangs up.
func (s *Service) Invoke(ctx context.Context, name string, payload []byte) (Result, error) {
	return s.invoke(ctx, name, payload, lambdacontext.ClientContext{})
}

func (s *Service) invoke(ctx context.Context, name string, payload []byte, client lambdacontext.ClientContext) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	payload, err := checkPayload(payload, maxSyncPayload)
	if err != nil {
		return Result{}, err
	}
	inv, err := s.newInvocation(name, payload)
	if err != nil {
		return Result{}, err
	}
	inv.ClientContext = client
	plan := s.plan(inv)
	f, err := s.admit(inv, plan)
	if err != nil {
		return Result{}, err
	}
	done := make(chan Result, 1)
	s.goTracked(func() { done <- s.execute(f, inv, plan) })
	select {
	case result := <-done:
		return result, nil
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

// checkPayload returns the payload, {} for an empty one, as a copy that no
// caller can change.
func checkPayload(payload []byte, limit int) ([]byte, error) {
	if len(payload) == 0 {
		return []byte("{}"), nil
	}
	if len(payload) > limit {
		return nil, tooLarge(limit)
	}
	if !json.Valid(payload) {
		return nil, invalidPayload(errors.New("not a JSON value"))
	}
	return bytes.Clone(payload), nil
}

func (s *Service) newInvocation(ref string, payload []byte) (Invocation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Invocation{}, ErrClosed
	}
	f := s.resolve(ref)
	if f == nil {
		return Invocation{}, notFound(s.arn(ref))
	}
	return Invocation{
		Function: f.def.Name, ARN: f.arn, Payload: payload, Attempt: 1,
		RequestID: s.ids.UUID(), TraceID: s.newTraceID(s.clock.Now()),
	}, nil
}

// admit takes a place of the function's concurrency, which execute gives back.
func (s *Service) admit(inv Invocation, plan FaultPlan) (*function, error) {
	f, err := s.tryAdmit(inv, plan)
	if errors.Is(err, ErrThrottled) {
		s.events.Emit(Event{Kind: Throttled, Invocation: inv, Err: err, At: s.clock.Now()})
	}
	return f, err
}

func (s *Service) tryAdmit(inv Invocation, plan FaultPlan) (*function, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	f := s.functions[inv.Function]
	if f == nil {
		return nil, notFound(inv.ARN)
	}
	reason := ""
	switch reserved := f.def.ReservedConcurrency; {
	case plan.Fault == FaultService:
		return nil, serviceFault()
	case plan.Fault == FaultThrottle:
		reason = "CallerRateLimitExceeded"
	case reserved != nil:
		if f.busy >= *reserved {
			reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
		}
	case s.unreservedBusy() >= s.unreserved(""):
		reason = "ConcurrentInvocationLimitExceeded"
	}
	if reason != "" {
		f.stats.Throttles++
		return nil, throttled(reason)
	}
	f.busy++
	return f, nil
}

// unreservedBusy counts the runs of functions without reserved concurrency.
// The caller holds mu.
func (s *Service) unreservedBusy() int {
	n := 0
	for _, f := range s.functions {
		if f.def.ReservedConcurrency == nil {
			n += f.busy
		}
	}
	return n
}

// execute runs an admitted invocation and gives its place back.
func (s *Service) execute(f *function, inv Invocation, plan FaultPlan) Result {
	env, def := s.take(f, &inv)
	run := s.enter(inv)
	defer s.leave(f, run)

	// Only the service's end interrupts the delay, and that kills the run below.
	_ = clock.Sleep(s.base, s.clock, plan.Delay)

	begin := s.clock.Now()
	var out Outcome
	if env.Environment == nil {
		def.Log = env.log
		started, err := s.coldStart(def)
		if err != nil {
			out = initOutcome(inv.RequestID, err)
		}
		env.Environment = started
	}
	inv.Started = s.clock.Now()
	inv.Deadline = time.UnixMilli(inv.Started.Add(def.Timeout).UnixMilli())
	s.update(run, inv)
	env.log.start(inv)
	s.events.Emit(Event{Kind: Started, Invocation: inv, At: inv.Started})
	if env.Environment != nil {
		out = limitResponse(s.run(def, env, inv, plan))
	}
	end := s.clock.Now()
	result := Result{
		Payload: out.Payload, FunctionError: out.FunctionError, Cause: out.Cause,
		Duration: end.Sub(inv.Started), InitDuration: inv.Started.Sub(begin),
		RequestID: inv.RequestID, Cold: inv.Cold,
	}
	result.Log = env.log.end(def, result)
	s.put(f, env, out.Exited, result)
	s.logResult(inv, result)
	s.events.Emit(Event{Kind: Ended, Invocation: inv, Result: result, At: end})
	return result
}

// run hands the invocation to its environment and waits for its answer, its
// time-out or its death.
func (s *Service) run(def Function, env *environment, inv Invocation, plan FaultPlan) Outcome {
	ctx := newInvocationContext(s.base, inv.Deadline)
	defer ctx.cancel(nil)
	timer := s.clock.AfterFunc(def.Timeout, func() { ctx.cancel(ErrInvocationTimedOut) })
	defer timer.Stop()
	var decorated context.Context = ctx
	if s.cfg.Context != nil {
		decorated = s.cfg.Context(ctx, inv)
	}
	done := make(chan Outcome, 1)
	s.goTracked(func() {
		switch plan.Fault {
		case FaultDieBefore:
			ctx.cancel(ErrInvocationKilled)
			return
		case FaultTimeoutBefore:
			return
		default:
		}
		// A handler that ends its goroutine is a process that exits.
		out := exitOutcome(inv.RequestID, "without providing a reason", errors.New("handler ended its goroutine"))
		defer func() {
			if plan.Fault != FaultTimeoutAfter {
				done <- out
			}
		}()
		out = env.Invoke(decorated, inv)
		if plan.Fault == FaultDieAfter {
			ctx.cancel(ErrInvocationKilled)
		}
	})
	var out Outcome
	select {
	case out = <-done:
	case <-ctx.Done():
	}
	// A handler that was ended and returned in the same moment was ended.
	switch cause := context.Cause(ctx.Context); {
	case cause == nil:
		return out
	case errors.Is(cause, ErrInvocationTimedOut):
		return timeoutOutcome(inv.RequestID, def.Timeout)
	default:
		return exitOutcome(inv.RequestID, "with error: signal: killed", cause)
	}
}

func limitResponse(out Outcome) Outcome {
	if len(out.Payload) <= maxResponse {
		return out
	}
	limited := errorOutcome("Function.ResponseSizeTooLarge",
		fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse),
		fmt.Errorf("response has %d bytes", len(out.Payload)))
	limited.Exited = out.Exited
	return limited
}

func (s *Service) logResult(inv Invocation, r Result) {
	level := slog.LevelDebug
	if r.FunctionError != "" {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("function", inv.Function), slog.String("requestId", inv.RequestID),
		slog.Int("attempt", inv.Attempt), slog.Bool("cold", r.Cold), slog.Duration("duration", r.Duration),
	}
	if r.Cause != nil {
		attrs = append(attrs, slog.Any("error", r.Cause))
	}
	s.log.LogAttrs(context.Background(), level, "invocation ended", attrs...)
}
