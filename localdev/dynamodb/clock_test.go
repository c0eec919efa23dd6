package dynamodb_test

import (
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/localdev/clock"
)

// manual is a clock that stands still until it is moved. The engine only
// reads the time, so no timer is ever set.
type manual struct {
	clock.Clock
	mu  sync.Mutex
	now time.Time
}

func newManual(now time.Time) *manual { return &manual{now: now} }

func (m *manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *manual) advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}
