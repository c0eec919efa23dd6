// Package clock is the local AWS' time: the wall clock, or one that can be moved
// forward, so that a test meets the two-hour limit in a microsecond.
package clock

import (
	"container/heap"
	"sync"
	"time"
)

var _ Clock = (*Movable)(nil)

// Movable is a wall clock with an offset that Advance moves forward. The zero
// value is not usable; call NewMovable. It is safe for concurrent use.
type Movable struct {
	mu      sync.Mutex
	offset  time.Duration
	pending timers
	alarm   *time.Timer
}

// NewMovable returns a clock that shows the present.
func NewMovable() *Movable { return &Movable{} }

// Now is the wall clock's time plus all that was advanced.
func (m *Movable) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now()
}

func (m *Movable) now() time.Time { return time.Now().Add(m.offset) }

// Advance moves the clock forward by d and fires, in order, each timer that
// has come due. A negative d is ignored: time does not run backwards. The clock
// jumps: a function that it starts sees the time after the jump, and a timer that
// such a function arms counts from there. Advance does not wait for them.
func (m *Movable) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d > 0 {
		m.offset += d
	}
	m.fire()
}

// AfterFunc runs f in its own goroutine once d has passed on this clock.
func (m *Movable) AfterFunc(d time.Duration, f func()) Timer {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &timer{clock: m, f: f, index: -1}
	t.schedule(d)
	return t
}

// fire starts every due timer and arms the wall-clock alarm for the next one.
// The caller holds mu.
func (m *Movable) fire() {
	now := m.now()
	for len(m.pending) > 0 && !m.pending[0].due.After(now) {
		t := heap.Pop(&m.pending).(*timer)
		go t.f()
	}
	if m.alarm != nil {
		m.alarm.Stop()
		m.alarm = nil
	}
	if len(m.pending) > 0 {
		m.alarm = time.AfterFunc(m.pending[0].due.Sub(now), func() { m.Advance(0) })
	}
}

type timer struct {
	clock *Movable
	f     func()
	due   time.Time
	index int // place in the heap, -1 when not pending
}

// schedule makes the timer pending. The caller holds the clock's mu.
func (t *timer) schedule(d time.Duration) {
	t.due = t.clock.now().Add(d)
	heap.Push(&t.clock.pending, t)
	t.clock.fire()
}

func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.stop()
}

func (t *timer) stop() bool {
	if t.index < 0 {
		return false
	}
	heap.Remove(&t.clock.pending, t.index)
	return true
}

func (t *timer) Reset(d time.Duration) bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	was := t.stop()
	t.schedule(d)
	return was
}

type timers []*timer

func (h timers) Len() int           { return len(h) }
func (h timers) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timers) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timers) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
