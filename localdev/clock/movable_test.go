package clock_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/gapless-rooms/gapless/localdev/clock"
	base "github.com/gapless-rooms/gapless/pkg/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log gathers what timers did and when, on the clock under test.
type log struct {
	clock base.Clock
	start time.Time
	mu    sync.Mutex
	lines []string
}

func newLog(c base.Clock) *log { return &log{clock: c, start: c.Now()} }

// note returns a function for AfterFunc.
func (l *log) note(what string) func() {
	return func() {
		at := l.clock.Now().Sub(l.start)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, what+" "+at.String())
	}
}

func (l *log) check(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if diff := cmp.Diff(want, l.lines); diff != "" {
		t.Error(diff)
	}
}

func TestMovableRunsWithTheWallClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := clock.NewMovable()
		l := newLog(m)
		m.AfterFunc(2*time.Second, l.note("b"))
		m.AfterFunc(time.Second, l.note("a"))
		m.AfterFunc(0, l.note("now"))
		l.check(t, "now 0s")
		time.Sleep(3 * time.Second)
		l.check(t, "now 0s", "a 1s", "b 2s")
		if got := m.Now().Sub(l.start); got != 3*time.Second {
			t.Errorf("the clock shows %v", got)
		}
	})
}

func TestAdvanceFiresWhatComesDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := clock.NewMovable()
		l := newLog(m)
		m.AfterFunc(2*time.Hour, l.note("limit"))
		m.AfterFunc(3*time.Hour, l.note("later"))
		m.Advance(2*time.Hour - 1)
		l.check(t)
		m.Advance(1)
		l.check(t, "limit 2h0m0s")
		// The rest of the wait runs with the wall clock.
		time.Sleep(time.Hour)
		l.check(t, "limit 2h0m0s", "later 3h0m0s")
	})
}

func TestAdvanceNeverRunsBackwards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := clock.NewMovable()
		before := m.Now()
		m.Advance(-time.Hour)
		if !m.Now().Equal(before) {
			t.Errorf("the clock went from %v to %v", before, m.Now())
		}
	})
}

func TestTimersOfATimerCountFromTheJump(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := clock.NewMovable()
		l := newLog(m)
		var ticks atomic.Int32
		var tick func()
		tick = func() {
			l.note("tick")()
			if ticks.Add(1) < 3 {
				m.AfterFunc(time.Minute, tick)
			}
		}
		m.AfterFunc(time.Minute, tick)
		m.Advance(10 * time.Minute)
		l.check(t, "tick 10m0s")
		m.Advance(time.Minute)
		l.check(t, "tick 10m0s", "tick 11m0s")
		m.Advance(time.Minute)
		l.check(t, "tick 10m0s", "tick 11m0s", "tick 12m0s")
	})
}

func TestStopAndReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := clock.NewMovable()
		l := newLog(m)
		a := m.AfterFunc(time.Minute, l.note("a"))
		b := m.AfterFunc(2*time.Minute, l.note("b"))
		c := m.AfterFunc(3*time.Minute, l.note("c"))
		if !a.Stop() || a.Stop() {
			t.Error("Stop does not tell whether the timer was pending")
		}
		if !b.Reset(5 * time.Minute) {
			t.Error("Reset of a pending timer says that it was not")
		}
		m.Advance(4 * time.Minute)
		l.check(t, "c 4m0s")
		if c.Stop() {
			t.Error("Stop of a fired timer says that it was pending")
		}
		if c.Reset(2*time.Minute) || a.Reset(0) {
			t.Error("Reset of a timer that is not pending says that it was")
		}
		l.check(t, "c 4m0s", "a 4m0s")
		m.Advance(time.Minute)
		l.check(t, "c 4m0s", "a 4m0s", "b 5m0s")
		time.Sleep(time.Minute)
		l.check(t, "c 4m0s", "a 4m0s", "b 5m0s", "c 6m0s")
	})
}

// A reference of sorted due times decides which of many timers have fired.
func TestManyTimers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := clock.NewMovable()
		const n = 200
		var fired [n]atomic.Bool
		timers := make([]base.Timer, n)
		due := func(i int) time.Duration { return time.Duration(i*7919%n) * time.Second }
		for i := range n {
			timers[i] = m.AfterFunc(due(i)+1, func() { fired[i].Store(true) })
		}
		for i := 0; i < n; i += 3 {
			timers[i].Stop()
		}
		for passed := time.Duration(0); passed < n*time.Second; passed += 10 * time.Second {
			for i := range n {
				if want := i%3 != 0 && due(i)+1 <= passed; fired[i].Load() != want {
					t.Fatalf("after %v: timer %d, due at %v, fired: %t", passed, i, due(i), !want)
				}
			}
			m.Advance(10 * time.Second)
			synctest.Wait()
		}
	})
}

func TestMovableIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	m := clock.NewMovable()
	var fired, wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				fired.Add(1)
				timer := m.AfterFunc(time.Duration(i)*time.Minute, fired.Done)
				if i%2 == 0 && timer.Stop() {
					fired.Done()
				}
				m.Advance(time.Second)
				m.Now()
			}
		})
	}
	wg.Wait()
	m.Advance(100 * time.Minute)
	fired.Wait()
}
