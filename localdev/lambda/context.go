package lambda

import (
	"context"
	"errors"
	"time"
)

// invocationContext ends when the invocation ends: on its time-out by the
// service's clock, when it is killed, and after it has returned. It embeds a
// cancellable context of the standard library, so that contexts derived from
// it need no goroutine, and only adds the deadline, which a standard context
// would measure on the wall clock.
type invocationContext struct {
	context.Context
	deadline time.Time
	cancel   context.CancelCauseFunc
}

type invocationKey struct{}

func newInvocationContext(parent context.Context, deadline time.Time) *invocationContext {
	ctx := &invocationContext{deadline: deadline}
	ctx.Context, ctx.cancel = context.WithCancelCause(context.WithValue(parent, invocationKey{}, ctx))
	return ctx
}

// Deadline is the end of the function's time, on the service's clock.
func (c *invocationContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Err is context.DeadlineExceeded after a time-out and context.Canceled after
// any other end; context.Cause tells ErrInvocationTimedOut and
// ErrInvocationKilled apart.
func (c *invocationContext) Err() error {
	err := c.Context.Err()
	if err != nil && errors.Is(context.Cause(c.Context), ErrInvocationTimedOut) {
		return context.DeadlineExceeded
	}
	return err
}

// Kill stops the invocation whose context ctx is or derives from, as if its
// process had been killed in that moment: the context is cancelled, whatever
// the handler still returns is dropped, the caller gets a Runtime.ExitError,
// and the environment is discarded. It reports whether ctx belongs to an
// invocation that had not ended before.
//
// A transport that kills its caller at the n-th call to AWS calls Kill and then
// returns an error to it; EndCause tells it to refuse the calls after that.
func Kill(ctx context.Context) bool {
	c, ok := ctx.Value(invocationKey{}).(*invocationContext)
	if !ok || c.Context.Err() != nil {
		return false
	}
	c.cancel(ErrInvocationKilled)
	return true
}

// EndCause returns nil while the invocation to which ctx belongs runs, and when
// ctx belongs to none; else ErrInvocationTimedOut, ErrInvocationKilled or, for
// one that has returned, context.Canceled. It sees through
// context.WithoutCancel: no code that outlives its invocation has effects on an
// emulator that asks.
func EndCause(ctx context.Context) error {
	c, ok := ctx.Value(invocationKey{}).(*invocationContext)
	if !ok {
		return nil
	}
	return context.Cause(c.Context)
}
