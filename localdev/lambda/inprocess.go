package lambda

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

var _ Executor = InProcess{}

// InProcess runs functions as goroutines of this process, by Function.New.
//
// A goroutine cannot be killed: when an invocation times out or is killed its
// context ends and its answer is dropped, but the handler runs on until it
// looks at the context. Transports refuse the calls that it still makes with
// the help of EndCause.
type InProcess struct{}

// Start calls f.New, in a goroutine so that one which ends itself is an error.
func (InProcess) Start(_ context.Context, f Function) (Environment, error) {
	if f.New == nil {
		return nil, fmt.Errorf("%w: %s has no New to run in process", ErrInvalidFunction, f.Name)
	}
	var handler lambda.Handler
	err := errors.New("init ended its goroutine")
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("init panicked: %v\n%s", v, formatStack(callers(1)))
			}
		}()
		handler, err = f.New(f.log())
	}()
	<-done
	switch {
	case err != nil:
		return nil, err
	case handler == nil:
		return nil, errors.New("init made no handler")
	}
	return &inProcess{handler: handler}, nil
}

type inProcess struct{ handler lambda.Handler }

func (*inProcess) Gone() bool { return false }

func (*inProcess) Close() {}

// Invoke does what aws-lambda-go's runtime loop does around a handler.
func (e *inProcess) Invoke(ctx context.Context, inv Invocation) (out Outcome) {
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID:       inv.RequestID,
		InvokedFunctionArn: inv.ARN,
		ClientContext:      inv.ClientContext,
	})
	// The plain string is the key under which aws-lambda-go hands it on.
	ctx = context.WithValue(ctx, "x-amzn-trace-id", inv.TraceID) //nolint:staticcheck // not ours to choose

	defer func() {
		if v := recover(); v != nil {
			out = panicOutcome(v)
		}
	}()
	payload, err := e.handler.Invoke(ctx, inv.Payload)
	if err != nil {
		return handlerErrorOutcome(err)
	}
	// aws-lambda-go hands out the bytes of a buffer that the environment's next
	// run overwrites.
	return Outcome{Payload: bytes.Clone(payload)}
}

func handlerErrorOutcome(err error) Outcome {
	//nolint:errorlint // aws-lambda-go looks at the error itself, not at its chain
	if e, ok := err.(messages.InvokeResponse_Error); ok {
		return failure(e, err)
	}
	return errorOutcome(typeName(err), err.Error(), err)
}

func panicOutcome(v any) Outcome {
	cause := fmt.Errorf("handler panicked: %v", v)
	e, ok := v.(messages.InvokeResponse_Error)
	if !ok {
		e = messages.InvokeResponse_Error{Message: fmt.Sprintf("%v", v), Type: typeName(v), StackTrace: callers(2)}
		cause = fmt.Errorf("%w\n%s", cause, formatStack(e.StackTrace))
	}
	out := failure(e, cause)
	out.Exited = true
	return out
}

// typeName names an error's type as aws-lambda-go does: without package and
// pointer.
func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t == nil {
		return ""
	}
	if t.Kind() == reflect.Pointer {
		return t.Elem().Name()
	}
	return t.Name()
}

// callers is the stack above its caller's skip nearest frames, in the form of
// aws-lambda-go's error payload: paths without the part before the module.
func callers(skip int) []*messages.InvokeResponse_Error_StackFrame {
	const depth = 32
	pcs := make([]uintptr, depth)
	pcs = pcs[:runtime.Callers(skip+2, pcs)]
	stack := make([]*messages.InvokeResponse_Error_StackFrame, 0, len(pcs))
	frames := runtime.CallersFrames(pcs)
	for {
		frame, more := frames.Next()
		stack = append(stack, stackFrame(frame))
		if !more {
			return stack
		}
	}
}

func stackFrame(f runtime.Frame) *messages.InvokeResponse_Error_StackFrame {
	path := f.File
	i := len(path)
	for range strings.Count(f.Function, "/") + 2 {
		if i = strings.LastIndex(path[:i], "/"); i < 0 {
			break
		}
	}
	label := f.Function[strings.LastIndex(f.Function, "/")+1:]
	label = label[strings.Index(label, ".")+1:]
	return &messages.InvokeResponse_Error_StackFrame{Path: path[i+1:], Line: int32(f.Line), Label: label} //nolint:gosec // a line number fits
}

func formatStack(stack []*messages.InvokeResponse_Error_StackFrame) string {
	var b strings.Builder
	for _, f := range stack {
		fmt.Fprintf(&b, "\t%s\n\t\t%s:%d\n", f.Label, f.Path, f.Line)
	}
	return b.String()
}
