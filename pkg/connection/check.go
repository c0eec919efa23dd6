package connection

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
)

// NextCheck is when the sweeper looks at an authenticated connection next:
// after the given time, or when its token expires.
func NextCheck(now time.Time, every time.Duration, id auth.Identity) time.Time {
	next := now.Add(every)
	if !id.Expires.IsZero() && id.Expires.Before(next) {
		return id.Expires
	}
	return next
}
