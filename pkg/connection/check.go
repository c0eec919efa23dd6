package connection

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
)

// NextCheck returns when the sweeper must check an authenticated connection next:
// after the given interval, or when its token expires.
func NextCheck(now time.Time, every time.Duration, id auth.Identity) time.Time {
	next := now.Add(every)
	if !id.Expires.IsZero() && id.Expires.Before(next) {
		return id.Expires
	}
	return next
}
