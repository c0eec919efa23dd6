package clock

import (
	"context"
	"time"
)

// Clock tells and waits for time. Implementations are safe for concurrent use.
// Any type with these methods is one, wherever it is declared: Timer is not a
// type of this package.
type Clock interface {
	// Now is the current time.
	Now() time.Time
	// AfterFunc runs f in a goroutine of its own once d has passed. A d of zero
	// or less runs f at once.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending call of AfterFunc. Stop prevents the call, Reset moves it
// to d from now; both report whether it was still pending.
type Timer = interface {
	Stop() bool
	Reset(d time.Duration) bool
}

// System is the wall clock. Inside a testing/synctest bubble it is the bubble's
// virtual time.
func System() Clock { return system{} }

type system struct{}

func (system) Now() time.Time { return time.Now() }

func (system) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Sleep waits until d has passed on c, or returns ctx's error if ctx ends first.
func Sleep(ctx context.Context, c Clock, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	done := make(chan struct{})
	timer := c.AfterFunc(d, func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		timer.Stop()
		return ctx.Err()
	}
}
