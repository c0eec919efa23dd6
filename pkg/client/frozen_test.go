package client

import (
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// frozen is the bubble's clock as a program sees it that is stopped now and
// then: time passes meanwhile, and no timer fires until it goes on.
type frozen struct {
	mu      sync.Mutex
	stopped time.Duration // in all
	timers  map[*frozenTimer]bool
}

type frozenTimer struct {
	clock.Timer
	clock *frozen
	due   time.Time
}

func (f *frozen) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Add(f.stopped)
}

func (f *frozen) AfterFunc(d time.Duration, call func()) clock.Timer {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timers == nil {
		f.timers = map[*frozenTimer]bool{}
	}
	t := &frozenTimer{clock: f, due: time.Now().Add(f.stopped + d)}
	f.timers[t] = true
	t.Timer = clock.System().AfterFunc(d, func() {
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
	now := time.Now().Add(f.stopped)
	for t := range f.timers {
		t.Reset(max(0, t.due.Sub(now)))
	}
}
