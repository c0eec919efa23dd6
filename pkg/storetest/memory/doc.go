// Package memory holds reference implementations of the Stores: plain maps behind
// a mutex, small enough to check by reading. It deletes nothing by itself, as if
// TTL never came.
package memory

import "time"

// gone reports whether something that expires at t has expired at now.
func gone(t, now time.Time) bool { return !now.Before(ceil(t)) }

// ceil rounds up to the second, the unit of expiry.
func ceil(t time.Time) time.Time {
	if floor := t.Truncate(time.Second); floor.Before(t) {
		return floor.Add(time.Second)
	}
	return t
}

// stored returns a time as a store returns it: to the millisecond.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}
