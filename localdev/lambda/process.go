package lambda

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

var _ Executor = (*Process)(nil)

// Process runs functions as processes of this machine: Function.Binary, the
// bootstrap file that is deployed, over a local Runtime API, one process for
// each environment. A process gets the environment variables that Lambda sets
// and Function.Env, and inherits nothing. It is frozen while it waits for an
// invocation, and killed where Lambda would end it.
//
// Processes go by the machine's clock, whatever the service's clock shows: a
// deadline is as far away for them as it is for the service.
//
// Whoever makes a Process calls Close, after the service's Shutdown or Close.
type Process struct {
	log       lineWriter
	initLimit time.Duration

	mu      sync.Mutex
	closed  bool
	running map[*sandbox]struct{}
	reaping sync.WaitGroup
}

// NewProcess returns an executor that writes what functions print to log, a
// line at a time; nil discards it.
func NewProcess(log io.Writer) *Process {
	if log == nil {
		log = io.Discard
	}
	return &Process{log: lineWriter{w: log}, initLimit: initLimit, running: map[*sandbox]struct{}{}}
}

// Start starts a process and waits until it asks for work. A process that does
// not within 10 seconds, or ends, is started once more, with the function's
// time-out as its limit, as Lambda does
// (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html).
func (p *Process) Start(ctx context.Context, f Function) (Environment, error) {
	if env, err := p.init(ctx, f, p.initLimit); err == nil || ctx.Err() != nil {
		return env, err
	}
	return p.init(ctx, f, f.Timeout)
}

// init is one init phase.
func (p *Process) init(ctx context.Context, f Function, limit time.Duration) (Environment, error) {
	if f.Binary == "" {
		return nil, fmt.Errorf("%w: %s has no Binary to run as a process", ErrInvalidFunction, f.Name)
	}
	s, err := p.spawn(f)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-s.api.polls:
		if s.freeze() == nil {
			return s, nil
		}
		<-s.exited
		return nil, &InitError{How: s.how(), Err: s.cause()}
	case failure := <-s.api.initErrors:
		s.Close()
		return nil, &InitError{Payload: failure, Err: fmt.Errorf("init reported %s", failure)}
	case <-s.exited:
		return nil, &InitError{How: s.how(), Err: s.cause()}
	case <-ctx.Done():
		s.Close()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, &InitError{Limit: limit, Err: fmt.Errorf("init took longer than %v", limit)}
		}
		return nil, ErrInvocationKilled
	}
}

// spawn starts a process, unless the executor is closed.
func (p *Process) spawn(f Function) (*sandbox, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	s, err := newSandbox(f, &p.log)
	if err != nil {
		return nil, err
	}
	p.running[s] = struct{}{}
	p.reaping.Go(func() {
		s.reap()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.running, s)
	})
	return s, nil
}

// Running is one process.
type Running struct {
	Function string
	PID      int
}

// Running returns the processes that have not ended, ordered by PID.
func (p *Process) Running() []Running {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Running
	for s := range maps.Keys(p.running) {
		all = append(all, Running{s.function.Name, s.command.Process.Pid})
	}
	slices.SortFunc(all, func(a, b Running) int { return a.PID - b.PID })
	return all
}

// Close kills all processes and waits until none is left. No other starts
// after it.
func (p *Process) Close() {
	p.mu.Lock()
	p.closed = true
	for s := range p.running {
		s.Close()
	}
	p.mu.Unlock()
	p.reaping.Wait()
}

// InitError is an error of a function's init phase of which callers are told
// more than that the process exited with status 1. Exactly one of Payload, How
// and Limit is set.
type InitError struct {
	// Payload is the error object that the runtime reported.
	Payload []byte
	// How the process exited: "with error: exit status 2".
	How string
	// Limit is the time that passed.
	Limit time.Duration
	// Err is for the local log.
	Err error
}

func (e *InitError) Error() string { return e.Err.Error() }

func (e *InitError) Unwrap() error { return e.Err }

// initOutcome is what the service reports for a failed init.
func initOutcome(requestID string, err error) Outcome {
	cause := fmt.Errorf("init: %w", err)
	var e *InitError
	switch {
	case !errors.As(err, &e):
		return exitOutcome(requestID, "with error: exit status 1", cause)
	case e.Payload != nil:
		return Outcome{Payload: e.Payload, FunctionError: unhandled, Exited: true, Cause: cause}
	case e.Limit > 0:
		out := timeoutOutcome(requestID, e.Limit)
		out.Cause = cause
		return out
	default:
		return exitOutcome(requestID, e.How, cause)
	}
}
