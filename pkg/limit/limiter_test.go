package limit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
)

// counting counts the calls of a store, and fails on demand.
type counting struct {
	memory.Limits
	calls int
	err   error
}

func (c *counting) Add(ctx context.Context, p limit.AddParams) (int, error) {
	c.calls++
	if c.err != nil {
		return 0, c.err
	}
	return c.Limits.Add(ctx, p)
}

// fleet is a function with several environments.
type fleet struct {
	t        *testing.T
	store    counting
	limiters []*limit.Limiter
	order    func(environments, i int) int
}

func inTime(t *testing.T, environments, perSecond int, f func(*testing.T, *fleet)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fl := &fleet{t: t, order: orders["in turn"]}
		for range environments {
			fl.limiters = append(fl.limiters, limit.New(&fl.store, clock.System(), "publish", perSecond))
		}
		f(t, fl)
	})
}

// send makes n attempts, each in the environment that the order chooses.
func (f *fleet) send(key string, n int) (passed int, last limit.Verdict, unruly int) {
	f.t.Helper()
	for i := range n {
		v, err := f.limiters[f.order(len(f.limiters), i)].Take(f.t.Context(), key)
		if err != nil {
			f.t.Fatal(err)
		}
		if v.Wait == 0 {
			passed++
		}
		if v.Unruly {
			unruly++
		}
		last = v
	}
	return passed, last, unruly
}

func TestWhoStaysBelowAShareCostsNothing(t *testing.T) {
	inTime(t, 1, 50, func(t *testing.T, f *fleet) {
		for range 100 {
			for range 20 { // 2 a second
				if passed, _, _ := f.send("ada", 1); passed != 1 {
					t.Fatal("refused")
				}
				time.Sleep(limit.Window / 20)
			}
		}
		if f.store.calls != 0 {
			t.Errorf("%d writes", f.store.calls)
		}
	})
}

// orders say which environment serves which attempt.
var orders = map[string]func(environments, i int) int{
	"in turn":             func(environments, i int) int { return i % environments },
	"one after the other": func(environments, i int) int { return i / 1000 % environments },
}

// One environment is exact. Each further one adds at most a share, and exactly
// that if each is used up after the one before.
func TestLimitHoldsInAnyOrderOfEnvironments(t *testing.T) {
	for name, order := range orders {
		for _, environments := range []int{1, 2, 10, 25, 100} {
			t.Run(fmt.Sprint(name, "/", environments), func(t *testing.T) {
				inTime(t, environments, 50, func(t *testing.T, f *fleet) {
					f.order = order
					bound := 500 + (environments-1)*20
					for range 3 {
						passed, last, _ := f.send("ada", environments*1000)
						if passed > bound || passed < 500 || (name == "one after the other" && passed != bound) {
							t.Errorf("%d passed, the bound is %d", passed, bound)
						}
						if last.Wait <= 0 || last.Wait > limit.Window {
							t.Errorf("wait %v", last.Wait)
						}
						if passed, _, _ := f.send("bob", 1); passed != 1 {
							t.Error("another suffers")
						}
						time.Sleep(last.Wait)
					}
					// One write for each share of 20, and one for each
					// environment that learns the end.
					if most := 3 * (500/20 + environments); f.store.calls > most {
						t.Errorf("%d writes, want %d at most", f.store.calls, most)
					}
				})
			})
		}
	}
}

func TestFreeShareIsCountedThoughTheFirstAttemptFails(t *testing.T) {
	inTime(t, 1, 50, func(t *testing.T, f *fleet) {
		f.store.err = errors.New("broken")
		if passed, _, _ := f.send("ada", 20); passed != 20 {
			t.Fatalf("%d passed", passed)
		}
		if _, err := f.limiters[0].Take(t.Context(), "ada"); !errors.Is(err, f.store.err) {
			t.Fatal(err)
		}
		f.store.err = nil
		if passed, _, _ := f.send("ada", 1000); passed != 480 {
			t.Errorf("%d more passed", passed)
		}
	})
}

// TestSeveralAtOnceCostOneWrite: as many of them pass as may.
func TestSeveralAtOnceCostOneWrite(t *testing.T) {
	inTime(t, 1, 10, func(t *testing.T, f *fleet) {
		for i, want := range []int{32, 32, 32, 4, 0} {
			passed, verdict, err := f.limiters[0].TakeN(t.Context(), "ada", 32)
			if err != nil || passed != want || (verdict.Wait > 0) != (want < 32) || f.store.calls > i+1 {
				t.Errorf("%d: %d passed, %+v, %v, %d writes", i, passed, verdict, err, f.store.calls)
			}
		}
	})
}

func TestSmallLimits(t *testing.T) {
	inTime(t, 3, 1, func(t *testing.T, f *fleet) {
		if passed, _, _ := f.send("ada", 100); passed < 10 || passed > 10+3 {
			t.Errorf("%d passed", passed)
		}
	})
}

func TestWhoHeedsTheWaitIsNeverUnruly(t *testing.T) {
	inTime(t, 1, 1, func(t *testing.T, f *fleet) {
		for range 1000 {
			_, last, unruly := f.send("ada", 1)
			if unruly > 0 {
				t.Fatal("unruly")
			}
			time.Sleep(last.Wait)
		}
	})
}

func TestWhoGoesOnIsUnrulyOnceAWindow(t *testing.T) {
	inTime(t, 1, 1, func(t *testing.T, f *fleet) {
		for window, want := range []int{0, 0, 1, 1} {
			_, last, unruly := f.send("ada", 200)
			if unruly != want {
				t.Errorf("window %d: unruly %d times", window, unruly)
			}
			time.Sleep(last.Wait)
		}
		// A window without refusals resets it.
		time.Sleep(limit.Window)
		if _, _, unruly := f.send("ada", 200); unruly != 0 {
			t.Error("unruly after a pause")
		}
	})
}

func TestWhoGoesOnInManyEnvironmentsIsUnrulyInOneOfThem(t *testing.T) {
	inTime(t, 10, 1, func(t *testing.T, f *fleet) {
		for window := range 3 {
			_, last, unruly := f.send("ada", 10*50)
			if unruly > 0 {
				t.Errorf("window %d: unruly before any environment's patience has run out", window)
			}
			time.Sleep(last.Wait)
		}
		for window := range 3 {
			_, last, unruly := f.send("ada", 10*70)
			if (unruly > 0) != (window == 2) {
				t.Errorf("window %d: unruly %d times", window, unruly)
			}
			time.Sleep(last.Wait)
		}
	})
}

func TestStoreThatFailsIsAnError(t *testing.T) {
	inTime(t, 1, 1, func(t *testing.T, f *fleet) {
		f.store.err = errors.New("broken")
		f.send("ada", 1)
		if _, err := f.limiters[0].Take(t.Context(), "ada"); !errors.Is(err, f.store.err) {
			t.Errorf("got %v", err)
		}
		f.store.err = nil
		if passed, _, _ := f.send("ada", 1); passed != 1 {
			t.Error("refused after that")
		}
	})
}

func TestManyKeysDoNotFillTheMemory(t *testing.T) {
	inTime(t, 1, 50, func(t *testing.T, f *fleet) {
		for i := range 25_000 {
			if passed, _, _ := f.send(fmt.Sprint(i), 1); passed != 1 {
				t.Fatal("refused")
			}
		}
	})
}
