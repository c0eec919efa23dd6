package limit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// Patience: a key that was refused so often in one environment, in so many
// windows in a row, does not heed retryAfterMs. Whoever does, with fifty
// commands under way at once, is refused fifty times a window at most. Whoever
// does not, spread over n environments, is found out at n times as many; it is
// refused all the while.
const (
	patience        = 50
	patienceWindows = 3
)

// maxKeys bounds the keys that an environment remembers. When it is reached all
// are forgotten, which gives each a free share again.
const maxKeys = 10_000

// leftover is for how long a window's count is kept after its end: longer than
// clocks differ.
const leftover = 10 * time.Minute

// Limiter holds keys to a rate. It is safe for concurrent use.
type Limiter struct {
	store  Store
	clock  clock.Clock
	name   string
	budget int // of a window
	share  int

	mu     sync.Mutex
	states map[string]*state
}

// state is what an environment knows of one key.
type state struct {
	window  int64 // its number
	granted int   // what may be used without asking
	used    int
	asked   bool // the free share is accounted for
	spent   bool // the window has no more to give
	refused int
	unruly  int // windows in a row before this one, in which patience ran out
}

// New returns a Limiter of so many a second for each key. The name keeps its
// keys apart from those of others in the store.
func New(store Store, c clock.Clock, name string, perSecond int) *Limiter {
	budget := perSecond * int(Window/time.Second)
	return &Limiter{
		store: store, clock: c, name: name, budget: budget, share: max(1, budget/shares), states: map[string]*state{},
	}
}

// Verdict is what becomes of one more.
type Verdict struct {
	// Wait is how long to wait before the next attempt; 0: go ahead, it counts.
	Wait time.Duration
	// Unruly is set once when a key that was refused goes on and on.
	Unruly bool
}

// Take asks whether one more may happen now.
func (l *Limiter) Take(ctx context.Context, key string) (Verdict, error) {
	_, verdict, err := l.TakeN(ctx, key, 1)
	return verdict, err
}

// TakeN asks how many of n more may happen now, at the price of one write at
// most unless the window ends meanwhile. Verdict.Wait is for the rest.
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
			s.asked = false // the free share is still to be counted
		}
		l.mu.Unlock()
		if err != nil {
			return 0, Verdict{}, fmt.Errorf("count against the limit: %w", err)
		}
	}
}

// state returns what is known of a key in a window; the caller holds mu.
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
