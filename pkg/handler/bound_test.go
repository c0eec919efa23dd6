package handler_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/handler/handlertest"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/storetest"
)

// rotates returns when a client must rotate that says hello a time after it
// connected. Both times count from the connection's start.
func rotates(t *testing.T, after time.Duration, random func(n int64) int64) (at time.Duration) {
	t.Helper()
	handlertest.Run(t, func(w *handlertest.World) {
		w.Message.Random = random
		w.Connect("c", "ada", time.Time{})
		w.Wait(after)
		var hello struct{ OK struct{ RotateInMs int64 } }
		if err := json.Unmarshal(w.OK("c", `{"action":"hello","id":1}`).Frame, &hello); err != nil {
			t.Fatal(err)
		}
		at = after + time.Duration(hello.OK.RotateInMs)*time.Millisecond
	})
	return at
}

func earliest(int64) int64 { return 0 }

func latest(n int64) int64 { return n - 1 }

// Connections that began together rotate over ten minutes, none of them long
// before it must.
func TestRotateEarliestWithin(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Hour} {
		if at := rotates(t, after, earliest); at != time.Hour+45*time.Minute {
			t.Errorf("hello after %v: the first after %v", after, at)
		}
	}
}

// A client that says hello even later must rotate at once, not in the past.
func TestRotateEarliestOver(t *testing.T) {
	t.Parallel()
	if at := rotates(t, time.Hour+50*time.Minute, earliest); at != time.Hour+50*time.Minute {
		t.Errorf("after %v", at)
	}
}

func TestRotateLatestWithin(t *testing.T) {
	t.Parallel()
	if at := rotates(t, 0, latest); at < time.Hour+55*time.Minute-time.Millisecond {
		t.Errorf("the last after %v", at)
	}
}

// Five minutes are left for clocks that disagree and for failed attempts.
func TestRotateLatestOver(t *testing.T) {
	t.Parallel()
	if at := rotates(t, 0, latest); at >= time.Hour+55*time.Minute {
		t.Errorf("the last after %v, when API Gateway ends it after two hours", at)
	}
}

// member reports whether a membership still counts a time after its connection
// began.
func member(t *testing.T, after, skew time.Duration) (in bool) {
	t.Helper()
	handlertest.Run(t, func(w *handlertest.World) {
		w.Connect("c", "ada", time.Time{})
		began := clock.System().Now()
		w.Wait(time.Minute)
		w.OK("c", `{"action":"join","id":1,"room":"r"}`)
		roll, err := w.Members.Members(t.Context(), "r", 0, began.Add(after+skew))
		if err != nil {
			t.Fatal(err)
		}
		in = len(roll.Members) == 1
	})
	return in
}

// A connected client is a member to the end of the two hours, whatever the clock
// of a function.
func TestLifetimeWithin(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-storetest.Apart, 0, storetest.Apart} {
		if !member(t, 2*time.Hour, skew) {
			t.Errorf("clocks apart by %v: a live member is forgotten", skew)
		}
	}
}

func TestLifetimeOver(t *testing.T) {
	t.Parallel()
	if member(t, 2*time.Hour+10*time.Minute, 0) {
		t.Error("a member of a connection that ended ten minutes ago at the latest")
	}
}

func TestMemberSlackWithin(t *testing.T) {
	t.Parallel()
	if !member(t, 2*time.Hour+10*time.Minute-time.Millisecond, 0) {
		t.Error("forgotten before its time")
	}
}

func TestMemberSlackOver(t *testing.T) { TestLifetimeOver(t) }

// greets says hello with a first token a time after the connection began, to a
// function whose clock is wrong by skew.
func greets(t *testing.T, after, skew time.Duration) (code protocol.Code) {
	t.Helper()
	handlertest.Run(t, func(w *handlertest.World) {
		w.Message.Clock = storetest.Skewed(clock.System(), skew)
		w.Tokens["good"] = auth.Identity{User: "ada"}
		now := clock.System().Now()
		if err := w.Connections.Put(t.Context(), connection.Connection{ID: "c", ConnectedAt: now, CheckAt: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		w.Wait(after)
		code = w.Say("c", `{"action":"hello","id":1,"token":"good"}`).Code()
	})
	return code
}

// API Gateway sets both times, so the function's clock does not matter.
func TestGraceWithin(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-storetest.Apart, 0, storetest.Apart} {
		if code := greets(t, 10*time.Second, skew); code != "" {
			t.Errorf("clock wrong by %v: %s", skew, code)
		}
	}
}

func TestGraceOver(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-storetest.Apart, 0, storetest.Apart} {
		if code := greets(t, 10*time.Second+time.Millisecond, skew); code != protocol.Unauthenticated {
			t.Errorf("clock wrong by %v: %q", skew, code)
		}
	}
}

// The function's clock decides, to the millisecond.
func TestCommandsEndWithTheToken(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-storetest.Apart, 0, storetest.Apart} {
		handlertest.Run(t, func(w *handlertest.World) {
			w.Message.Clock = storetest.Skewed(clock.System(), skew)
			w.Connect("c", "ada", clock.System().Now().Add(time.Minute))
			w.Wait(time.Minute - skew - time.Millisecond)
			if code := w.Say("c", `{"action":"publish","id":1,"room":"r","data":1}`).Code(); code != "" {
				t.Errorf("clock wrong by %v: refused before the end: %s", skew, code)
			}
			w.Wait(time.Millisecond)
			if code := w.Say("c", `{"action":"publish","id":2,"room":"r","data":1}`).Code(); code != protocol.TokenExpired {
				t.Errorf("clock wrong by %v: at the end: %q", skew, code)
			}
		})
	}
}
