package storetest

import (
	"slices"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

var _ clock.Clock = (*Clock)(nil)

// Clock stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu      sync.Mutex
	now     time.Time
	hurried bool
	pending []*timer
}

type timer struct {
	clock *Clock
	due   time.Time
	f     func()
}

// NewClock returns a clock that shows Start.
func NewClock() *Clock { return &Clock{now: Start} }

// Hurry makes the clock jump to the end of every wait as soon as it begins.
func (c *Clock) Hurry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hurried = true
	c.hurry()
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d and starts the calls that come due, in order.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moveTo(c.now.Add(d))
}

// AfterFunc runs f in its own goroutine once the clock was moved by d.
func (c *Clock) AfterFunc(d time.Duration, f func()) clock.Timer {
	t := &timer{clock: c, f: f}
	t.Reset(d)
	return t
}

// moveTo and hurry are called with mu held.
func (c *Clock) moveTo(to time.Time) {
	c.now = to
	slices.SortStableFunc(c.pending, func(a, b *timer) int { return a.due.Compare(b.due) })
	for len(c.pending) > 0 && !c.pending[0].due.After(c.now) {
		go c.pending[0].f()
		c.pending = c.pending[1:]
	}
}

func (c *Clock) hurry() {
	if !c.hurried {
		return
	}
	latest := c.now
	for _, t := range c.pending {
		if t.due.After(latest) {
			latest = t.due
		}
	}
	c.moveTo(latest)
}

// Stop prevents the call and reports whether it was still pending.
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.stop()
}

func (t *timer) stop() bool {
	at := slices.Index(t.clock.pending, t)
	if at < 0 {
		return false
	}
	t.clock.pending = slices.Delete(t.clock.pending, at, at+1)
	return true
}

// Reset moves the call to d from now and reports whether it was pending.
func (t *timer) Reset(d time.Duration) bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	was := t.stop()
	t.due = t.clock.now.Add(d)
	t.clock.pending = append(t.clock.pending, t)
	if t.clock.hurried {
		t.clock.hurry()
	} else {
		t.clock.moveTo(t.clock.now)
	}
	return was
}

// Apart is the time by which the clocks of two functions may disagree; PROOF.md
// of package msglog makes no claim beyond it. Lambda keeps its clocks by the
// Amazon Time Sync Service, within milliseconds
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/set-time.html).
const Apart = 30 * time.Second

// Skewed returns c as seen by a function whose clock is wrong by that much: it
// shows another time, and waits equally long.
func Skewed(c clock.Clock, by time.Duration) clock.Clock { return skewed{c, by} }

type skewed struct {
	clock.Clock
	by time.Duration
}

func (s skewed) Now() time.Time { return s.Clock.Now().Add(s.by) }
