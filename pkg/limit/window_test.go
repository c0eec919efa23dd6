package limit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
)

// noting records its requests.
type noting struct {
	memory.Limits
	asked []limit.AddParams
}

func (n *noting) Add(ctx context.Context, p limit.AddParams) (int, error) {
	n.asked = append(n.asked, p)
	return n.Limits.Add(ctx, p)
}

func TestWholeSharesAreAskedForUnderTheKeysName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(noting)
		l := limit.New(store, clock.System(), "publish", 50)
		start := time.Now()
		time.Sleep(4 * time.Second)
		take := func(n int) {
			t.Helper()
			if passed, v, err := l.TakeN(t.Context(), "ada", n); passed != n || v.Wait != 0 || err != nil {
				t.Fatalf("%d of %d passed, %+v, %v", passed, n, v, err)
			}
		}
		take(10) // from the free share of 20
		take(30) // needs 20 more: one share, and the free one is counted
		take(21) // two shares
		take(19) // the rest of these shares
		want := []limit.AddParams{
			{Key: "publish/ada", Start: start, N: 40, Expires: start.Add(limit.Window + 10*time.Minute)},
			{Key: "publish/ada", Start: start, N: 40, Expires: start.Add(limit.Window + 10*time.Minute)},
		}
		if !slices.Equal(store.asked, want) {
			t.Errorf("asked for %+v", store.asked)
		}
	})
}

func TestWaitIsForTheRestOfTheWindow(t *testing.T) {
	inTime(t, 1, 1, func(t *testing.T, f *fleet) {
		f.send("ada", 20)
		for _, after := range []time.Duration{time.Second, 6 * time.Second, 3*time.Second - 1} {
			time.Sleep(after)
			now := time.Now()
			passed, last, _ := f.send("ada", 1)
			if end := now.Truncate(limit.Window).Add(limit.Window); passed != 0 || last.Wait != end.Sub(now) {
				t.Errorf("%d passed, wait %v until %v", passed, last.Wait, end.Sub(now))
			}
		}
		time.Sleep(time.Nanosecond)
		if passed, _, _ := f.send("ada", 20); passed != 10 {
			t.Errorf("%d passed in the next window", passed)
		}
	})
}

// Each of three windows refuses a key exactly 50 times.
func TestPatience(t *testing.T) {
	for _, test := range []struct{ refused, unruly int }{{49, 0}, {50, 1}} {
		t.Run(fmt.Sprint(test.refused), func(t *testing.T) {
			inTime(t, 1, 1, func(t *testing.T, f *fleet) {
				for window := range 3 {
					passed, last, unruly := f.send("ada", 10+test.refused)
					if want := test.unruly * (window / 2); passed != 10 || unruly != want {
						t.Errorf("window %d: %d passed, unruly %d times, want %d", window, passed, unruly, want)
					}
					time.Sleep(last.Wait)
				}
			})
		})
	}
}

// slow is a store whose first answer comes on request.
type slow struct {
	memory.Limits
	answer chan error // the first answer
	asked  bool
}

func (s *slow) Add(ctx context.Context, p limit.AddParams) (int, error) {
	if !s.asked {
		s.asked = true
		if err := <-s.answer; err != nil {
			return 0, err
		}
	}
	return s.Limits.Add(ctx, p)
}

// The answer of a window that is over does not affect the next one.
func TestAnswerOfAWindowThatIsOver(t *testing.T) {
	t.Parallel()
	for _, broken := range []error{nil, errors.New("broken")} {
		t.Run(fmt.Sprint(broken), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &slow{answer: make(chan error)}
				l := limit.New(store, clock.System(), "publish", 50)
				late := make(chan int)
				go func() {
					n, _, err := l.TakeN(t.Context(), "ada", 60)
					if !errors.Is(err, broken) {
						t.Errorf("got %v", err)
					}
					late <- n
				}()
				synctest.Wait()
				time.Sleep(limit.Window)
				take := func(n int) int {
					t.Helper()
					passed, _, err := l.TakeN(t.Context(), "ada", n)
					if err != nil {
						t.Fatal(err)
					}
					return passed
				}
				sum := take(40)
				store.answer <- broken
				sum += <-late
				sum += take(600)
				if sum != 500 {
					t.Errorf("%d passed in the new window, want 500", sum)
				}
			})
		})
	}
}

func TestTenThousandKeysAreRemembered(t *testing.T) {
	inTime(t, 1, 50, func(t *testing.T, f *fleet) {
		f.send("ada", 20) // the free share
		for i := range 9_999 {
			f.send(fmt.Sprint(i), 1)
		}
		f.send("0", 1) // known
		f.send("ada", 1)
		if f.store.calls != 1 {
			t.Fatalf("%d writes: ada's free share was used up", f.store.calls)
		}
		f.send("one more", 1) // all are forgotten
		f.send("ada", 20)
		if f.store.calls != 1 {
			t.Errorf("%d writes: ada has a free share again", f.store.calls)
		}
	})
}

func TestFreeShareIsCountedOnceThoughALaterAttemptFails(t *testing.T) {
	inTime(t, 1, 50, func(t *testing.T, f *fleet) {
		f.send("ada", 40) // the free share, and one from the store
		f.store.err = errors.New("broken")
		if _, err := f.limiters[0].Take(t.Context(), "ada"); !errors.Is(err, f.store.err) {
			t.Fatal(err)
		}
		f.store.err = nil
		if passed, _, _ := f.send("ada", 1000); passed != 460 {
			t.Errorf("%d more passed, want 460", passed)
		}
	})
}
