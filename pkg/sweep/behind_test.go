package sweep_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// enter makes a connection that is due in nine minutes a member of rooms.
func (w *world) enter(t *testing.T, id string, rooms ...string) {
	t.Helper()
	now := time.Now()
	w.add(t, id, func(c *connection.Connection) {
		c.Rooms, c.CheckAt = map[string]time.Time{}, now.Add(9*time.Minute)
		for _, name := range rooms {
			c.Rooms[name] = now
		}
	})
	for _, name := range rooms {
		w.join(t, id, name)
	}
}

func (w *world) join(t *testing.T, id, name string) {
	t.Helper()
	m := room.Member{Room: name, ConnectionID: id, User: "u", JoinedAt: time.Now()}
	if err := w.rooms.Put(t.Context(), m, time.Now().Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// mark records that a connection is behind in a room, for its current join.
func (w *world) mark(t *testing.T, id, name string) {
	t.Helper()
	m, err := w.rooms.Member(t.Context(), name, id, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.MarkBehind(t.Context(), id, name, m.JoinedAt, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// told counts the pushes that told a connection that it is behind in a room.
func (w *world) told(id, name string) (n int) {
	for _, posted := range w.posted {
		if strings.HasPrefix(posted, id+` {"push":"behind","room":"`+name+`"`) {
			n++
		}
	}
	return n
}

func TestWhoIsBehindIsToldWhateverItsNextCheck(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		for _, id := range []string{"alive", "well", "asleep", "dead"} {
			w.enter(t, id, "a", "b")
		}
		if _, err := w.log.TakeNumber(t.Context(), msglog.TakeParams{Room: "a", FreshEpoch: "e", Now: time.Now(), Expires: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		w.gone["dead"], w.refusing["asleep"] = true, true
		for _, id := range []string{"alive", "asleep", "dead"} {
			w.mark(t, id, "a")
		}
		run(t, w)
		if len(w.posted) != 1 || w.posted[0] != `alive {"push":"behind","room":"a","epoch":"e","head":1}` {
			t.Errorf("posted %v", w.posted)
		}
		if alive := c(t, w, "alive"); alive.Strikes != 0 || len(alive.Behind) != 0 || !alive.CheckAt.After(time.Now()) {
			t.Errorf("%+v", alive)
		}
		if dead := c(t, w, "dead"); dead.Strikes != 1 || len(dead.Behind) != 1 {
			t.Errorf("%+v", dead)
		}
		// A sleeping member is told within one sweep after it starts to accept
		// anything.
		for range 5 {
			time.Sleep(time.Minute)
			run(t, w)
		}
		if asleep := c(t, w, "asleep"); len(asleep.Behind) != 1 || w.told("asleep", "a") != 0 {
			t.Fatalf("%+v", asleep)
		}
		delete(w.refusing, "asleep")
		for range 3 {
			time.Sleep(time.Minute)
			run(t, w)
		}
		if asleep := c(t, w, "asleep"); len(asleep.Behind) != 0 || w.told("asleep", "a") != 1 || w.told("asleep", "b") != 0 {
			t.Errorf("%+v, posted %v", asleep, w.posted)
		}
		if w.there(t, "dead") {
			t.Error("a dead connection is still there")
		}
	})
}

func TestWhoJoinedAgainOrLeftIsToldNothing(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.enter(t, "again", "a")
		w.enter(t, "left", "a")
		w.mark(t, "again", "a")
		w.mark(t, "left", "a")
		time.Sleep(time.Second)
		w.join(t, "again", "a")
		if _, err := w.rooms.Leave(t.Context(), "a", "left", time.Now(), time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		run(t, w)
		if again, left := c(t, w, "again"), c(t, w, "left"); len(w.posted) != 0 || len(again.Behind) != 0 || len(left.Behind) != 0 {
			t.Errorf("%+v, %+v, posted %v", again, left, w.posted)
		}
	})
}

// A record that is made during a sweep is told by the next sweep.
func TestRecordMadeDuringASweepStays(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.enter(t, "x", "a")
		w.mark(t, "x", "a")
		stale := c(t, w, "x").Behind["a"]
		time.Sleep(time.Second)
		w.join(t, "x", "a")
		w.mark(t, "x", "a")
		if err := w.ClearBehind(t.Context(), "x", "a", stale.JoinedAt); err != nil { // by a sweep that read before
			t.Fatal(err)
		}
		if len(c(t, w, "x").Behind) != 1 {
			t.Fatal("a record that no sweep has seen was cleared")
		}
		run(t, w)
		if len(c(t, w, "x").Behind) != 0 || w.told("x", "a") != 1 {
			t.Errorf("posted %v", w.posted)
		}
	})
}

// API Gateway's activity includes our own posts, so a dead peer may look alive
// forever. A connection that refuses to be told for IdleAfter is ended.
func TestWhoRefusesToBeToldForIdleAfterIsEnded(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.enter(t, "x", "a")
		w.mark(t, "x", "a")
		w.refusing["x"] = true
		for minute := range 12 {
			w.active["x"] = time.Now() // our own post
			run(t, w)
			if there := w.there(t, "x"); there != (minute < 10) {
				t.Fatalf("after %d minutes it is there: %t", minute, there)
			}
			time.Sleep(time.Minute)
		}
		if len(w.closed) != 1 {
			t.Errorf("closed %v", w.closed)
		}
	})
}

func TestClosingConnectionIsNotLookedAtForItsRecords(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.enter(t, "x", "a")
		w.mark(t, "x", "a")
		if err := w.MarkClosing(t.Context(), "x", time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if report := run(t, w); report.Checked != 0 || len(w.posted) != 0 {
			t.Errorf("%+v, posted %v", report, w.posted)
		}
	})
}
