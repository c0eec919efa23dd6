package sweep_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/storetest"
	"github.com/gapless-rooms/gapless/pkg/sweep"
)

// skewed sweeps once with a clock that is wrong by skew.
func skewed(t *testing.T, w *world, skew time.Duration) sweep.Report {
	t.Helper()
	parts := w.sweeper(sweep.Config{}).Parts
	parts.Clock = storetest.Skewed(clock.System(), skew)
	report, err := sweep.New(parts, sweep.Config{}).Sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestCheckEveryWithin(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.add(t, "c", nil)
		run(t, w)
		time.Sleep(10*time.Minute - time.Millisecond)
		w.active["c"] = time.Now()
		if r := run(t, w); r.Checked != 0 {
			t.Errorf("looked at again: %+v", r)
		}
	})
}

func TestCheckEveryOver(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.add(t, "c", nil)
		run(t, w)
		time.Sleep(10 * time.Minute)
		w.active["c"] = time.Now()
		if r := run(t, w); r.Checked != 1 || !w.there(t, "c") {
			t.Errorf("not looked at again: %+v", r)
		}
	})
}

// silent sweeps a connection that has shown no sign of life for the given time.
func silent(t *testing.T, w *world, since, skew time.Duration) (stays bool) {
	t.Helper()
	id := fmt.Sprint("silent ", since, skew)
	w.add(t, id, func(c *connection.Connection) { c.CheckAt = time.Now().Add(-time.Hour) })
	w.active[id] = time.Now().Add(-since)
	skewed(t, w, skew)
	return w.there(t, id)
}

// An SDK sends after four minutes of silence at the latest, and the sweeper's
// clock may differ from API Gateway's.
func TestIdleAfterWithin(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		if !silent(t, w, 10*time.Minute-time.Millisecond, 0) {
			t.Error("closed within ten minutes")
		}
		for _, skew := range []time.Duration{-storetest.Apart, storetest.Apart} {
			if !silent(t, w, 4*time.Minute, skew) {
				t.Errorf("clocks apart by %v: a live connection was closed", skew)
			}
		}
	})
}

func TestIdleAfterOver(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		if silent(t, w, 10*time.Minute, 0) || !strings.Contains(strings.Join(w.posted, ""), "3010") {
			t.Errorf("still there after ten minutes: %v", w.posted)
		}
	})
}

// left sweeps one connection with d left before the deadline.
func left(t *testing.T, w *world, d time.Duration) sweep.Report {
	t.Helper()
	w.add(t, "c", nil)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(d))
	defer cancel()
	report, err := w.sweeper(sweep.Config{}).Sweep(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestMarginWithin(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		if r := left(t, w, 5*time.Second); r.Checked != 1 || r.Unfinished || !r.Counted {
			t.Errorf("%+v", r)
		}
	})
}

// What is begun can be finished, and the rest waits.
func TestMarginOver(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		if r := left(t, w, 5*time.Second-time.Millisecond); r.Checked != 0 || !r.Unfinished || r.Counted || !w.there(t, "c") {
			t.Errorf("%+v", r)
		}
	})
}

// answering is a slow Gateway.
type answering struct {
	connection.Gateway
	takes time.Duration
}

func (g answering) Status(ctx context.Context, id string) (connection.Status, error) {
	if err := clock.Sleep(ctx, clock.System(), g.takes); err != nil {
		return connection.Status{}, err
	}
	return g.Gateway.Status(ctx, id)
}

// asked checks a connection whose status comes late, and reports
// whether the status was received.
func asked(t *testing.T, w *world, takes time.Duration) bool {
	t.Helper()
	w.add(t, "c", nil)
	parts := w.sweeper(sweep.Config{}).Parts
	parts.Gateway = answering{w, takes}
	if _, err := sweep.New(parts, sweep.Config{}).Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := w.Get(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	return c.CheckAt.After(time.Now())
}

func TestCallTimeoutWithin(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		if !asked(t, w, 3*time.Second-time.Millisecond) {
			t.Error("given up")
		}
	})
}

func TestCallTimeoutOver(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		if began := time.Now(); asked(t, w, 3*time.Second+time.Millisecond) || time.Since(began) > 3*time.Second {
			t.Errorf("waited for, %v", time.Since(began))
		}
	})
}

// By the sweeper's clock, no connection is ended before its token, and at most
// one sweep passes after that.
func TestTokensEndByClocksApart(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		for id, skew := range map[string]time.Duration{"behind": -storetest.Apart, "ahead": storetest.Apart} {
			ends := time.Now().Add(5 * time.Minute)
			w.add(t, id, func(c *connection.Connection) {
				c.Identity = auth.Identity{User: "u", Expires: ends}
				c.CheckAt = ends
			})
			time.Sleep(5*time.Minute - skew - time.Millisecond)
			skewed(t, w, skew)
			if !w.there(t, id) {
				t.Errorf("clocks apart by %v: ended before its time", skew)
			}
			time.Sleep(time.Millisecond)
			skewed(t, w, skew)
			if w.there(t, id) {
				t.Errorf("clocks apart by %v: still there after its time", skew)
			}
		}
	})
}

// A new token does not grant a room any more: the membership must be gone after
// one sweep, whatever the sweeper's clock says. A later join, by a token that
// grants the room again, succeeds.
func TestLossOfARoomByClocksApart(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		for id, skew := range map[string]time.Duration{"behind": -storetest.Apart, "right": 0, "ahead": storetest.Apart} {
			joined := time.Now()
			w.add(t, id, func(c *connection.Connection) {
				c.Identity.Permissions = auth.Permissions{}
				c.Rooms = map[string]time.Time{"lost": joined}
				c.JoinedAt = joined
			})
			member := room.Member{Room: "lost", ConnectionID: id, User: "u", JoinedAt: joined}
			if err := w.rooms.Put(t.Context(), member, joined.Add(3*time.Hour)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			skewed(t, w, skew)
			roll, err := w.rooms.Members(t.Context(), "lost", 0, time.Now())
			if err != nil || len(roll.Members) > 0 {
				t.Errorf("clocks apart by %v: still a member after a sweep: %v, %v", skew, roll, err)
			}
			member.JoinedAt = time.Now()
			if err := w.rooms.Put(t.Context(), member, joined.Add(3*time.Hour)); err != nil {
				t.Errorf("clocks apart by %v: a later join is kept out: %v", skew, err)
			}
			if err := w.rooms.Delete(t.Context(), "lost", id); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
	})
}
