package client

import (
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// frozen is the bubble's clock as a program sees it that is stopped now and
// then: time passes meanwhile, and no timer fires until it goes on. It has no
// monotonic reading.
type frozen struct {
	mu      sync.Mutex
	stopped time.Duration // in all
	off     time.Duration // by which somebody has set the clock
	timers  map[*frozenTimer]bool
	// Timers fire at whole multiples of grid after gridFrom, unless it is zero.
	grid     time.Duration
	gridFrom time.Time
}

type frozenTimer struct {
	clock.Timer
	clock *frozen
	due   time.Time
}

func (f *frozen) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now().Add(f.off).Round(0)
}

func (f *frozen) now() time.Time { return time.Now().Add(f.stopped) }

func (f *frozen) AfterFunc(d time.Duration, call func()) clock.Timer {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timers == nil {
		f.timers = map[*frozenTimer]bool{}
	}
	t := &frozenTimer{clock: f, due: f.now().Add(d)}
	f.timers[t] = true
	t.Timer = clock.System().AfterFunc(f.until(t.due), func() {
		f.forget(t)
		call()
	})
	return t
}

func (f *frozen) forget(t *frozenTimer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.timers, t)
}

func (t *frozenTimer) Stop() bool {
	t.clock.forget(t)
	return t.Timer.Stop()
}

// stopFor stops the program for a while, goOn has it fire what is overdue.
func (f *frozen) stopFor(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped += d
}

func (f *frozen) goOn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for t := range f.timers {
		t.Reset(f.until(t.due))
	}
}

// set sets the clock by d; timers keep their time.
func (f *frozen) set(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.off += d
}

// throttle has timers fire at whole multiples of d only, from now on.
func (f *frozen) throttle(d time.Duration) {
	f.mu.Lock()
	f.grid, f.gridFrom = d, f.now()
	f.mu.Unlock()
	f.goOn()
}

// until returns the delay of a timer that is due then. The caller holds mu.
func (f *frozen) until(due time.Time) time.Duration {
	if f.grid > 0 {
		due = f.gridFrom.Add((due.Sub(f.gridFrom) + f.grid - 1).Truncate(f.grid))
	}
	return max(0, due.Sub(f.now()))
}
