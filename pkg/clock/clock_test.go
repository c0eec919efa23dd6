package clock_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSystemIsTheWallClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clock.System()
		start := time.Now()
		if !c.Now().Equal(start) {
			t.Errorf("Now = %v, want %v", c.Now(), start)
		}
		var fired atomic.Int32
		timer := c.AfterFunc(time.Minute, func() { fired.Add(1) })
		stopped := c.AfterFunc(time.Second, func() { t.Error("a stopped timer fired") })
		if !stopped.Stop() {
			t.Error("Stop of a pending timer says that it was not")
		}
		if !timer.Reset(2 * time.Minute) {
			t.Error("Reset of a pending timer says that it was not")
		}
		time.Sleep(2*time.Minute - 1)
		synctest.Wait()
		if fired.Load() != 0 {
			t.Error("fired too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if fired.Load() != 1 || timer.Stop() {
			t.Errorf("fired %d times", fired.Load())
		}
	})
}

func TestSleep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := clock.Sleep(t.Context(), clock.System(), time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		start = time.Now()
		for _, d := range []time.Duration{0, -time.Second} {
			if err := clock.Sleep(t.Context(), clock.System(), d); err != nil || !time.Now().Equal(start) {
				t.Errorf("sleep of %v: %v after %v", d, err, time.Since(start))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := clock.Sleep(ctx, clock.System(), time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		for _, d := range []time.Duration{0, time.Hour} {
			if err := clock.Sleep(ctx, clock.System(), d); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
				t.Errorf("sleep of %v with a dead context: %v", d, err)
			}
		}
	})
}

func TestMillis(t *testing.T) {
	t.Parallel()
	for want, at := range map[int64]time.Time{
		0:             time.Unix(0, 999_999),
		1763884800123: time.Date(2025, 11, 23, 9, 0, 0, 123_999_999, time.FixedZone("", 3600)),
	} {
		if got := clock.Millis(at); got != want {
			t.Errorf("Millis(%v) = %d, want %d", at, got, want)
		}
	}
}
