package lambda

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"
)

// sandbox is an environment that is a process.
type sandbox struct {
	function Function
	command  *exec.Cmd
	output   *output
	api      *runtimeAPI
	server   *http.Server
	exited   chan struct{} // closed when the process was reaped
}

// newSandbox starts a function's process with a Runtime API of its own. The
// caller calls reap, once.
func newSandbox(f Function, log *lineWriter) (*sandbox, error) {
	binary, err := filepath.Abs(f.Binary)
	if err != nil {
		return nil, fmt.Errorf("start function %s: %w", f.Name, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start function %s: runtime API: %w", f.Name, err)
	}
	api := newRuntimeAPI()
	s := &sandbox{
		function: f, api: api, exited: make(chan struct{}), output: &output{lines: log},
		server:  &http.Server{Handler: api, ReadHeaderTimeout: initLimit},
		command: &exec.Cmd{Path: binary, Args: []string{binary}, Dir: filepath.Dir(binary), WaitDelay: time.Second},
	}
	s.command.Env = environ(f, s.command.Dir, listener.Addr().String())
	printed := io.MultiWriter(s.output, f.log())
	s.command.Stdout, s.command.Stderr = printed, printed
	s.command.SysProcAttr = processGroup()
	if err := s.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start function %s: %w", f.Name, err), listener.Close())
	}
	go func() {
		_ = s.server.Serve(listener) // ErrServerClosed, once reap has closed it
	}()
	return s, nil
}

// reap waits for the process' end and cleans up after it.
func (s *sandbox) reap() {
	_ = s.command.Wait() // how it ended is in ProcessState
	s.output.flush()
	_ = s.server.Close() // only the process could have seen an error
	close(s.exited)
}

// Gone reports whether the process has ended.
func (s *sandbox) Gone() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// Close kills the process, as Lambda does; it does not wait.
func (s *sandbox) Close() {
	_ = s.command.Process.Kill() // else it has ended already
}

// Invoke thaws the process, hands it the invocation, takes its answer, and
// freezes it again as soon as it asks for the next one.
func (s *sandbox) Invoke(ctx context.Context, inv Invocation) Outcome {
	if err := s.thaw(); err != nil {
		return s.dead(inv)
	}
	for handed := false; !handed; {
		select {
		case s.api.work <- inv:
			handed = true
		case <-s.api.polls: // it asks anew, on another connection
		case <-s.exited:
			return s.dead(inv)
		case <-ctx.Done():
			return Outcome{}
		}
	}
	var out Outcome
	select {
	case out = <-s.api.answers:
	case <-s.exited:
		select {
		case out = <-s.api.answers: // its last word
			out.Exited = true
			return out
		default:
			return s.dead(inv)
		}
	case <-ctx.Done():
		return Outcome{}
	}
	// The invocation ends when the runtime is ready for the next one
	// (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html).
	select {
	case <-s.api.polls:
		out.Exited = s.freeze() != nil
	case <-s.exited:
		out.Exited = true
	case <-ctx.Done():
	}
	return out
}

// dead is the outcome of a process that has ended without an answer.
func (s *sandbox) dead(inv Invocation) Outcome {
	<-s.exited // a signal may have found it dead before it was reaped
	return exitOutcome(inv.RequestID, s.how(), s.cause())
}

// how says how the process ended, in the words of Lambda.
func (s *sandbox) how() string {
	if s.command.ProcessState.Success() {
		return "without providing a reason"
	}
	return "with error: " + s.command.ProcessState.String()
}

// cause is how the process ended, with the last that it has printed.
func (s *sandbox) cause() error {
	return fmt.Errorf("%s exited, %s: %s", s.function.Name, s.command.ProcessState, s.output.tail)
}
