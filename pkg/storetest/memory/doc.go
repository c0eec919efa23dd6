// Package memory is the reference for the Stores of packages msglog,
// connection and room: plain maps behind a mutex, small enough to be seen to be
// right. It forgets nothing by itself, as if TTL never came.
package memory

import "time"

// gone reports whether something that expires at t has done so at now.
func gone(t, now time.Time) bool { return !now.Before(ceil(t)) }

// ceil rounds up to the second, the unit in which expiry is kept.
func ceil(t time.Time) time.Time {
	if floor := t.Truncate(time.Second); floor.Before(t) {
		return floor.Add(time.Second)
	}
	return t
}

// stored is a time as it comes back from a store: to the millisecond.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}
