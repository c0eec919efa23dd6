package limit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// A key counts as unruly if one environment has refused it so often, in so many
// windows in a row: its client ignores retryAfterMs. A client that obeys, with
// fifty commands in progress at once, is refused at most fifty times a window. A
// client that does not, spread over n environments, is found after n times as
// many refusals; it is refused all the while.
const (
	patience        = 50
	patienceWindows = 3
)

// maxKeys limits the keys that an environment remembers. When it is reached, all
// are forgotten, which gives each a free share again.
const maxKeys = 10_000

// leftover is the time a window's count is kept after its end: longer than clocks
// differ.
const leftover = 10 * time.Minute

// Limiter applies a rate to each of its keys. It is safe for concurrent use.
type Limiter struct {
	store  Store
	clock  clock.Clock
	name   string
	budget int // of one window
	share  int

	mu     sync.Mutex
	states map[string]*state
}

// state is an environment's state of one key.
type state struct {
	window  int64 // number of the window
	granted int   // what may be used without asking
	used    int
	asked   bool // the free share is counted
	spent   bool // the window's budget is used up
	refused int
	unruly  int // windows in a row, before this one, with too many refusals
}

// New returns a Limiter of perSecond for each key. The name separates its keys
// from those of other limiters in the store.
func New(store Store, c clock.Clock, name string, perSecond int) *Limiter {
	budget := perSecond * int(Window/time.Second)
	return &Limiter{
		store: store, clock: c, name: name, budget: budget, share: max(1, budget/shares), states: map[string]*state{},
	}
}

// Verdict is the answer to an attempt.
type Verdict struct {
	// Wait is the time to wait before the next attempt; 0: the attempt is
	// allowed, and counts.
	Wait time.Duration
	// Unruly is set once when a key continues in spite of many refusals.
	Unruly bool
}

// Take asks whether one more may happen now.
func (l *Limiter) Take(ctx context.Context, key string) (Verdict, error) {
	_, verdict, err := l.TakeN(ctx, key, 1)
	return verdict, err
}

// TakeN asks how many of n may happen now, with at most one write unless the
// window ends meanwhile. Verdict.Wait is for the rest.
func (l *Limiter) TakeN(ctx context.Context, key string, n int) (int, Verdict, error) {
	for {
		now := l.clock.Now()
		start := now.Truncate(Window)
		window := start.UnixNano() / int64(Window)
		l.mu.Lock()
		s := l.state(key, window)
		left := s.granted - s.used
		switch {
		case n <= left:
			s.used += n
			l.mu.Unlock()
			return n, Verdict{}, nil
		case s.spent:
			s.used += left
			s.refused++
			unruly := s.refused == patience && s.unruly >= patienceWindows-1
			l.mu.Unlock()
			return left, Verdict{Wait: start.Add(Window).Sub(now), Unruly: unruly}, nil
		}
		wanted := (n - left + l.share - 1) / l.share * l.share // whole shares
		add, first := wanted, !s.asked
		if first {
			s.asked = true
			add += s.granted
		}
		l.mu.Unlock()
		sum, err := l.store.Add(ctx, AddParams{
			Key: l.name + "/" + key, Start: start, N: add, Expires: start.Add(Window + leftover),
		})
		l.mu.Lock()
		switch current := s.window == window; {
		case err == nil && current:
			got := min(wanted, max(0, l.budget-sum+wanted))
			s.granted += got
			s.spent = s.spent || got < wanted
		case first && current:
			s.asked = false // the free share is not counted yet
		}
		l.mu.Unlock()
		if err != nil {
			return 0, Verdict{}, fmt.Errorf("count against the limit: %w", err)
		}
	}
}

// state returns the state of a key in a window; the caller holds mu.
func (l *Limiter) state(key string, window int64) *state {
	s := l.states[key]
	if s == nil {
		if len(l.states) >= maxKeys {
			clear(l.states)
		}
		s = &state{window: window, granted: l.share}
		l.states[key] = s
	}
	if s.window != window {
		unruly := 0
		if s.window == window-1 && s.refused >= patience {
			unruly = s.unruly + 1
		}
		*s = state{window: window, granted: l.share, unruly: unruly}
	}
	return s
}
