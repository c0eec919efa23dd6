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
// commands under way at once, is refused fifty times a window at most.
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
	now := l.clock.Now()
	start := now.Truncate(Window)
	for {
		l.mu.Lock()
		s := l.state(key, start.UnixNano()/int64(Window))
		switch {
		case s.used < s.granted:
			s.used++
			l.mu.Unlock()
			return Verdict{}, nil
		case s.spent:
			s.refused++
			unruly := s.refused == patience && s.unruly >= patienceWindows-1
			l.mu.Unlock()
			return Verdict{Wait: start.Add(Window).Sub(now), Unruly: unruly}, nil
		}
		n := l.share
		if !s.asked {
			s.asked = true
			n += s.granted
		}
		l.mu.Unlock()
		sum, err := l.store.Add(ctx, AddParams{
			Key: l.name + "/" + key, Start: start, N: n, Expires: start.Add(Window + leftover),
		})
		if err != nil {
			return Verdict{}, fmt.Errorf("count against the limit: %w", err)
		}
		l.mu.Lock()
		got := min(l.share, max(0, l.budget-sum+l.share))
		s.granted += got
		s.spent = s.spent || got < l.share
		l.mu.Unlock()
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
