package handler

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter bounds how fast one connection may publish. It counts in the memory
// of one function environment and costs no call; with n environments at work a
// connection can reach n times its rate. It is safe for concurrent use.
type Limiter struct {
	perSecond int

	mu     sync.Mutex
	limits map[string]*rate.Limiter
}

// maxLimits bounds the connections remembered. When it is reached the limiter
// starts afresh, which forgives everybody at most one burst.
const maxLimits = 10_000

// NewLimiter returns a Limiter of so many messages a second, with a burst of
// twice as many.
func NewLimiter(perSecond int) *Limiter {
	return &Limiter{perSecond: perSecond, limits: map[string]*rate.Limiter{}}
}

// Wait returns how long the connection has to wait before its next message, 0
// if it may go on; only then the message counts.
func (l *Limiter) Wait(connectionID string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := l.limits[connectionID]
	if limit == nil {
		if len(l.limits) >= maxLimits {
			clear(l.limits)
		}
		limit = rate.NewLimiter(rate.Limit(l.perSecond), 2*l.perSecond)
		l.limits[connectionID] = limit
	}
	reservation := limit.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}
