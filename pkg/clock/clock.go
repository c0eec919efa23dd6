// Package clock is the only access to time. Everything in pkg takes a Clock, so
// that the local stack can move time and tests need no sleeps.
package clock

import (
	"context"
	"time"
)

// Clock tells the time and waits. Implementations are safe for concurrent use.
type Clock interface {
	// Now returns the current time.
	Now() time.Time
	// AfterFunc runs f in its own goroutine once d has passed, at once if d is
	// not positive.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending call of AfterFunc. It is an alias, so that other packages
// can implement Clock without importing this one.
type Timer = interface {
	// Stop prevents the call and reports whether it was still pending.
	Stop() bool
	// Reset moves the call to d from now and reports whether it was pending.
	Reset(d time.Duration) bool
}

// System returns the wall clock. Inside a testing/synctest bubble it is the
// bubble's virtual time.
func System() Clock { return system{} }

type system struct{}

func (system) Now() time.Time { return time.Now() }

func (system) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Sleep waits until d has passed on c. It returns ctx's error if ctx is done
// first.
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

// Millis returns t in milliseconds since the Unix epoch, the form in which every
// time is stored and sent.
func Millis(t time.Time) int64 { return t.UnixMilli() }
