package limit_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/storetest"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
)

func TestWindowWithin(t *testing.T) {
	inTime(t, 1, 1, func(t *testing.T, f *fleet) {
		if passed, last, _ := f.send("ada", 11); passed != 10 || last.Wait != 10*time.Second {
			t.Errorf("%d passed, %+v", passed, last)
		}
		time.Sleep(10*time.Second - time.Millisecond)
		if passed, last, _ := f.send("ada", 1); passed != 0 || last.Wait != time.Millisecond {
			t.Errorf("%d passed before the window's end, %+v", passed, last)
		}
	})
}

func TestWindowOver(t *testing.T) {
	inTime(t, 1, 1, func(t *testing.T, f *fleet) {
		f.send("ada", 11)
		time.Sleep(10 * time.Second)
		if passed, _, _ := f.send("ada", 11); passed != 10 {
			t.Errorf("%d passed in the next window", passed)
		}
	})
}

// kept is a store that deletes a count when it may.
type kept struct {
	memory.Limits
	expires time.Time
}

func (k *kept) Add(ctx context.Context, p limit.AddParams) (int, error) {
	if !k.expires.IsZero() && !time.Now().Before(k.expires) {
		k.Limits = memory.Limits{}
	}
	k.expires = p.Expires
	return k.Limits.Add(ctx, p)
}

// behind uses a window up in one environment, and then asks in another whose
// clock shows that window later. It returns how many pass there beyond
// the free share.
func behind(t *testing.T, by time.Duration) (passed int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := new(kept)
		first := limit.New(store, clock.System(), "publish", 5)
		second := limit.New(store, storetest.Skewed(clock.System(), -by), "publish", 5)
		if n, _, err := first.TakeN(t.Context(), "ada", 1000); n != 50 || err != nil {
			t.Fatal(n, err)
		}
		time.Sleep(by)
		n, _, err := second.TakeN(t.Context(), "ada", 1000)
		if err != nil {
			t.Fatal(err)
		}
		passed = n - 2 // one share, a twenty-fifth, is free
	})
	return passed
}

// An environment whose clock is behind finds the count of a window that is over
// for others.
func TestLeftoverWithin(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{storetest.Apart, 10*time.Second + 10*time.Minute - time.Millisecond} {
		if n := behind(t, by); n != 0 {
			t.Errorf("behind by %v: %d more passed", by, n)
		}
	}
}

func TestLeftoverOver(t *testing.T) {
	t.Parallel()
	if n := behind(t, 10*time.Second+10*time.Minute); n != 48 {
		t.Errorf("%d passed: the count is still kept", n)
	}
}

// Environments whose clocks disagree give no more than a window's budget and the
// free shares, for each window of their own clocks: over any ten seconds, at most
// twice the budget.
func TestWindowsOfClocksApart(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-storetest.Apart, 5 * time.Second, storetest.Apart} {
		synctest.Test(t, func(t *testing.T) {
			var store memory.Limits
			environments := []*limit.Limiter{
				limit.New(&store, clock.System(), "publish", 10), limit.New(&store, storetest.Skewed(clock.System(), skew), "publish", 10),
			}
			const budget, share, windows = 100, 4, 12
			total := 0
			for range windows {
				in := 0
				for range 10 {
					for _, l := range environments {
						n, _, err := l.TakeN(t.Context(), "ada", 1000)
						if err != nil {
							t.Fatal(err)
						}
						in += n
					}
					time.Sleep(time.Second)
				}
				if in > 2*budget+2*share {
					t.Errorf("clocks apart by %v: %d passed in one window", skew, in)
				}
				total += in
			}
			if most := (windows+4)*budget + 2*windows*share; total > most {
				t.Errorf("clocks apart by %v: %d passed, want at most %d", skew, total, most)
			}
		})
	}
}
