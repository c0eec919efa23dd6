// Package sample is code to make bugs in: some are noticed, some are not.
package sample

import (
	"errors"
	"fmt"
	"time"
)

// ErrEmpty is returned for nothing.
var ErrEmpty = errors.New("empty")

// Limits are bounds; they are part of what Clamp keeps to.
type Limits struct{ Low, High int }

// Clamp holds x within limits.
func (l *Limits) Clamp(x int) int {
	switch {
	case x < l.Low:
		return l.Low
	case x > l.High && l.High > 0:
		return l.High
	}
	return x
}

// Sum adds up, and counts.
func Sum(all []int, count func()) (sum int, err error) {
	defer count()
	if len(all) == 0 {
		return 0, fmt.Errorf("sum: %w", ErrEmpty)
	}
	for i := 0; i < len(all); i++ {
		sum += all[i]
	}
	return sum, nil
}

// Due reports whether something is over.
func Due(since, now time.Time) bool { return !now.Before(since.Add(time.Minute)) }

// Named makes limits.
func Named(name string) Limits {
	if name == "small" {
		return Limits{Low: 1, High: min(9, len(name))}
	}
	return Limits{}
}

// Idle is called by nobody.
func Idle(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
	}
	return false
}
