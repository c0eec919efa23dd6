// Package clock is the only door to time. Everything in pkg takes a Clock, so
// that the local stack can move time and tests need no sleeps.
package clock

import (
	"context"
	"time"
)

// Clock tells and waits for time. Implementations are safe for concurrent use.
type Clock interface {
	// Now is the current time.
	Now() time.Time
	// AfterFunc runs f in a goroutine of its own once d has passed. A d of
	// zero or less runs f at once.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending call of AfterFunc. It is an alias so that a clock of a
// package that does not know this one is a Clock, too.
type Timer = interface {
	// Stop prevents the call and reports whether it was still pending.
	Stop() bool
	// Reset moves the call to d from now and reports whether it was pending.
	Reset(d time.Duration) bool
}

// System is the wall clock. Inside a testing/synctest bubble it is the
// bubble's virtual time.
func System() Clock { return system{} }

type system struct{}

func (system) Now() time.Time { return time.Now() }

func (system) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Sleep waits until d has passed on c or ctx is done, whichever is first, and
// returns ctx's error in the second case.
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

// Millis is t in integer milliseconds since the Unix epoch, the form in which
// every time is stored and sent.
func Millis(t time.Time) int64 { return t.UnixMilli() }
