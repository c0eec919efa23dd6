package client

import (
	"context"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// within returns a context that also ends after d on a clock, with a cause.
func within(ctx context.Context, c clock.Clock, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := c.AfterFunc(d, func() { cancel(cause) })
	return ctx, func() {
		timer.Stop()
		cancel(context.Canceled)
	}
}

// alarm signals C once after each set. It belongs to one goroutine.
type alarm struct {
	clock clock.Clock
	timer clock.Timer
	C     chan struct{}
}

func newAlarm(c clock.Clock) *alarm { return &alarm{clock: c, C: make(chan struct{}, 1)} }

// set makes C ready in d. An earlier set may make it ready too, so the receiver
// must look at the time.
func (a *alarm) set(d time.Duration) {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.timer = a.clock.AfterFunc(d, func() { signal(a.C) })
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}

// signal makes a channel of capacity one ready.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// backoff returns a random part of 1, 2, 4 … 30 seconds.
func (o Options) backoff(tries int) time.Duration {
	return time.Duration(o.Rand() * float64(min(maxBackoff, time.Second<<min(tries, 5))))
}
