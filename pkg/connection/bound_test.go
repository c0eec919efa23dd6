package connection_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/storetest"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
)

// removal removes a connection a time after a join has begun on a function whose
// clock is wrong by skew, and reports whether anything is left.
func removal(t *testing.T, after, skew time.Duration) (left bool) {
	t.Helper()
	s := memory.NewConnections()
	put(t, s, connection.Connection{ID: "c", ConnectedAt: time.Now()})
	at := time.Now().Add(skew)
	if _, err := s.AddRoom(t.Context(), connection.AddRoomParams{ID: "c", Room: "r", Max: 9, At: at, Now: at}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	if _, err := connection.NewRemover(s, &members{}, clock.System()).Remove(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Get(t.Context(), "c")
	return !errors.Is(err, connection.ErrNotFound)
}

// A join may take 29 s, and its clock may be behind.
func TestJoinBoundWithin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, skew := range []time.Duration{-storetest.Apart, 0, storetest.Apart} {
			if !removal(t, 29*time.Second, skew) {
				t.Errorf("clocks apart by %v: what a join may still write has nobody to find it", skew)
			}
		}
		if !removal(t, time.Minute-time.Millisecond, 0) {
			t.Error("forgotten within a minute of a join")
		}
	})
}

func TestJoinBoundOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, skew := range []time.Duration{-storetest.Apart, 0, storetest.Apart} {
			if removal(t, time.Minute+max(0, skew), skew) {
				t.Errorf("clocks apart by %v: not forgotten a minute after the last join", skew)
			}
		}
	})
}

// A function whose clock is wrong marks a connection as closing: a join that
// began just before may take 29 s.
func TestClosingWaitsForJoinsOfSlowClocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, skew := range []time.Duration{-storetest.Apart, 0, storetest.Apart} {
			s, now := memory.NewConnections(), time.Now()
			put(t, s, connection.Connection{ID: "c", ConnectedAt: now, JoinedAt: now})
			remover := connection.NewRemover(s, &members{}, storetest.Skewed(clock.System(), skew))
			if _, err := remover.Remove(t.Context(), "c"); err != nil {
				t.Fatal(err)
			}
			c, err := s.Get(t.Context(), "c")
			if err != nil || !c.Closing || !c.CheckAt.After(now.Add(29*time.Second)) {
				t.Errorf("clocks apart by %v: %+v, %v: the sweeper comes back while a join may be under way", skew, c, err)
			}
		}
	})
}

// A connection is due when its token ends or when its next check is due,
// whichever comes first.
func TestCheckAtTheTokensEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for ends, want := range map[time.Duration]time.Duration{
		10*time.Minute - time.Millisecond: 10*time.Minute - time.Millisecond,
		10 * time.Minute:                  10 * time.Minute,
		10*time.Minute + time.Millisecond: 10 * time.Minute,
	} {
		if got := connection.NextCheck(now, 10*time.Minute, auth.Identity{Expires: now.Add(ends)}); !got.Equal(now.Add(want)) {
			t.Errorf("token ends after %v: looked at after %v", ends, got.Sub(now))
		}
	}
	if got := connection.NextCheck(now, 10*time.Minute, auth.Identity{}); !got.Equal(now.Add(10 * time.Minute)) {
		t.Errorf("token without an end: looked at after %v", got.Sub(now))
	}
}
