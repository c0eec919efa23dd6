package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Executor makes execution environments. Implementations are safe for
// concurrent use.
type Executor interface {
	// Start makes an environment of f and runs its init phase: a cold start.
	// An error is an init error of the function; its text is for the local log
	// only, as on AWS. It must return soon after ctx is done.
	Start(ctx context.Context, f Function) (Environment, error)
}

// Environment is one execution environment. The service calls Invoke for one
// invocation at a time.
type Environment interface {
	// Invoke runs one invocation to its end. ctx ends when the invocation times
	// out or is killed; the service has then answered already, ignores what
	// Invoke returns, and discards the environment.
	Invoke(ctx context.Context, inv Invocation) Outcome
	// Gone reports whether the environment has ended by itself while it was
	// free. It must not block.
	Gone() bool
	// Close ends the environment, possibly while Invoke runs (whose ctx is then
	// done), and must not wait for it.
	Close()
}

// Outcome is how an environment ended an invocation.
type Outcome struct {
	// Payload is the function's answer, or the error object if FunctionError is
	// not empty.
	Payload []byte
	// FunctionError is "" or "Unhandled".
	FunctionError string
	// Exited says that the environment is gone (panic, exit, crash).
	Exited bool
	// Cause is the error behind FunctionError, for the local log.
	Cause error
}

// unhandled is the FunctionError of each error of a custom runtime.
const unhandled = "Unhandled"

// Invocation describes one run of a function. Its Payload is shared and must
// not be changed.
type Invocation struct {
	Function  string
	ARN       string
	RequestID string // of the event: the same in each of its attempts
	TraceID   string // value of X-Amzn-Trace-Id
	Payload   []byte
	Async     bool
	// Attempt counts the runs of one event after function errors, from 1.
	Attempt int
	// ClientContext is what a synchronous caller passed, if anything.
	ClientContext lambdacontext.ClientContext

	// The rest is set once an environment was found.

	Cold        bool
	Environment int // number of the environment, counted over all functions from 1
	Started     time.Time
	Deadline    time.Time
}

// errorOutcome is a function error in the form that the service gives it.
func errorOutcome(errorType, message string, cause error) Outcome {
	return failure(messages.InvokeResponse_Error{Type: errorType, Message: message}, cause)
}

func failure(e messages.InvokeResponse_Error, cause error) Outcome {
	payload, err := json.Marshal(e)
	if err != nil {
		// Only strings and integers are marshalled.
		panic(fmt.Sprintf("lambda: marshal function error: %v", err))
	}
	return Outcome{Payload: payload, FunctionError: unhandled, Cause: cause}
}

// exitOutcome is what the service reports for a process that ended without an
// answer.
func exitOutcome(requestID, how string, cause error) Outcome {
	o := errorOutcome("Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited %s", requestID, how), cause)
	o.Exited = true
	return o
}

// timeoutOutcome is what the service reports for a time-out.
func timeoutOutcome(requestID string, timeout time.Duration) Outcome {
	o := errorOutcome("Sandbox.Timedout",
		fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", requestID, timeout.Seconds()), ErrInvocationTimedOut)
	o.Exited = true
	return o
}
