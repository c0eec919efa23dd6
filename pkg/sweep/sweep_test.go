package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
	"github.com/gapless-rooms/gapless/pkg/sweep"
)

// world is everything that a sweeper works with, in memory.
type world struct {
	refusing map[string]bool // 429 on Post
	log      *memory.Log
	*memory.Connections
	rooms       *memory.Rooms
	revocations memory.Revocations
	mu          sync.Mutex
	gone        map[string]bool // 410 on GetConnection
	active      map[string]time.Time
	closed      []string
	posted      []string
	wakes       []broadcast.Wake
	letters     []sweep.DeadLetter
	failing     map[string]bool // Close fails
}

func (w *world) Post(_ context.Context, id string, frame []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusing[id] {
		return connection.ErrThrottled
	}
	w.posted = append(w.posted, id+" "+string(frame))
	return nil
}

func (w *world) Status(_ context.Context, id string) (connection.Status, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone[id] {
		return connection.Status{}, connection.ErrGone
	}
	return connection.Status{LastActiveAt: w.active[id]}, nil
}

func (w *world) Close(_ context.Context, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failing[id] {
		return errors.New("not now")
	}
	w.closed = append(w.closed, id)
	return nil
}

func (w *world) Wake(_ context.Context, wakes ...broadcast.Wake) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wakes = append(w.wakes, wakes...)
	return nil
}

func (w *world) Receive(context.Context) ([]sweep.DeadLetter, error) {
	return slices.Clone(w.letters[:min(1, len(w.letters))]), nil
}

func (w *world) Forget(_ context.Context, l sweep.DeadLetter) error {
	w.letters = slices.DeleteFunc(w.letters, func(o sweep.DeadLetter) bool { return o.ID == l.ID })
	return nil
}

func (w *world) sweeper(config sweep.Config) *sweep.Sweeper {
	return sweep.New(sweep.Parts{
		Connections: w.Connections, Revocations: revocation.NewGuard(&w.revocations, clock.System(), time.Hour, 0), Gateway: w, Remover: connection.NewRemover(w.Connections, w.rooms, clock.System()),
		Leaver: connection.NewLeaver(w.Connections, w.rooms, clock.System()), Members: w.rooms, Heads: w.log, Policy: auth.Policy{Open: true}, Waker: w, DeadLetters: w, Clock: clock.System(), Random: func(int64) int64 { return 7 },
		Logger: slog.New(slog.DiscardHandler),
	}, config)
}

func inTime(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f(t, &world{Connections: memory.NewConnections(), rooms: memory.NewRooms(), log: memory.NewLog(), refusing: map[string]bool{}, gone: map[string]bool{}, active: map[string]time.Time{}, failing: map[string]bool{}})
	})
}

func (w *world) add(t *testing.T, id string, change func(*connection.Connection)) {
	t.Helper()
	c := connection.Connection{ID: id, Identity: auth.Identity{User: "u"}, ConnectedAt: time.Now(), CheckAt: time.Now()}
	if change != nil {
		change(&c)
	}
	w.active[id] = time.Now()
	if err := w.Put(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, w *world) sweep.Report {
	t.Helper()
	report, err := w.sweeper(sweep.Config{}).Sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func (w *world) there(t *testing.T, id string) bool {
	t.Helper()
	_, err := w.Get(t.Context(), id)
	return err == nil
}

func TestLiveConnectionIsLookedAtSixTimesAnHour(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.add(t, "c", nil)
		checked := int64(0)
		for range 60 {
			w.active["c"] = time.Now()
			checked += run(t, w).Checked
			time.Sleep(time.Minute)
		}
		if checked != 6 {
			t.Errorf("looked at %d times", checked)
		}
	})
}

func TestOneWrong410IsForgotten(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.add(t, "c", nil)
		for range 5 {
			w.gone["c"] = true
			run(t, w)
			w.gone["c"] = false
			w.active["c"] = time.Now()
			run(t, w)
			if c, err := w.Get(t.Context(), "c"); err != nil || c.Strikes != 0 {
				t.Fatalf("%+v, %v", c, err)
			}
			time.Sleep(10 * time.Minute)
		}
	})
}

func TestTwoStrikesRemove(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.add(t, "c", func(c *connection.Connection) { c.Rooms = map[string]time.Time{"r": {}} })
		w.gone["c"] = true
		run(t, w)
		if !w.there(t, "c") {
			t.Fatal("gone after one strike")
		}
		run(t, w)
		if w.there(t, "c") {
			t.Fatal("still there after two")
		}
		if len(w.wakes) != 1 || !w.wakes[0].Left || w.wakes[0].Room != "r" {
			t.Errorf("wakes %+v", w.wakes)
		}
	})
}

func TestIdleConnectionIsClosed(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.add(t, "c", nil)
		w.active["c"] = time.Now().Add(-10 * time.Minute)
		run(t, w)
		if !slices.Equal(w.closed, []string{"c"}) || w.there(t, "c") || !strings.Contains(w.posted[0], "3010") {
			t.Errorf("closed %v, posted %v", w.closed, w.posted)
		}
	})
}

func TestCloseThatFailsIsTriedAtTheNextSweep(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.add(t, "bad", func(c *connection.Connection) { c.Sentence = 3503 })
		w.add(t, "good", func(c *connection.Connection) { c.Sentence = 3503 })
		w.failing["bad"] = true
		run(t, w)
		if !w.there(t, "bad") || w.there(t, "good") {
			t.Fatal("one connection that cannot be closed must stop no other")
		}
		delete(w.failing, "bad")
		run(t, w)
		if w.there(t, "bad") {
			t.Error("still there")
		}
	})
}

func TestDeadLettersArePutBackOnce(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.letters = []sweep.DeadLetter{
			{ID: "1", Wakes: []broadcast.Wake{{Kind: broadcast.KindDrain, Room: "a", Epoch: "e", Entry: &broadcast.WireEntry{Seq: 1}}}},
			{ID: "2"}, // cannot be read
			{ID: "3", Wakes: []broadcast.Wake{{Kind: broadcast.KindPresence, Room: "stale"}}},
			{ID: "4", Wakes: []broadcast.Wake{{Kind: broadcast.KindDrain, Room: "b"}}},
			{ID: "5", Wakes: []broadcast.Wake{{Kind: "of another version", Room: "c"}}},
		}
		report := run(t, w)
		if len(w.letters) != 0 || report.Redriven != 2 {
			t.Errorf("left %v, report %+v", w.letters, report)
		}
		if len(w.wakes) != 2 || w.wakes[0].Room != "a" || w.wakes[0].Entry != nil || w.wakes[1].Room != "b" {
			t.Errorf("wakes %+v", w.wakes)
		}
	})
}

func TestSweepStopsInTimeAndGoesOnNextTime(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		for i := range 200 {
			w.add(t, fmt.Sprint("c", i), func(c *connection.Connection) { c.Sentence = 3503 })
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // less than the margin
		defer cancel()
		report, err := w.sweeper(sweep.Config{}).Sweep(ctx)
		if err != nil || !report.Unfinished || report.Checked != 0 {
			t.Fatalf("%+v, %v", report, err)
		}
		if report := run(t, w); report.Unfinished || report.Removed != 200 {
			t.Errorf("%+v", report)
		}
	})
}

func TestRevokedAreClosedAtTheNextSweep(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		later := func(user, session string, issued time.Duration) func(*connection.Connection) {
			at := time.Now().Add(issued)
			return func(c *connection.Connection) {
				c.Identity = auth.Identity{User: user, Issued: at}
				c.Session, c.CheckAt = session, time.Now().Add(9*time.Minute)
			}
		}
		w.add(t, "old", later("ada", "s", -time.Minute))
		w.add(t, "unknown", func(c *connection.Connection) { c.Identity.User, c.CheckAt = "ada", time.Now().Add(time.Minute) })
		w.add(t, "fresh", later("ada", "s", time.Second))
		w.add(t, "other", later("bob", "s", -time.Minute))
		w.add(t, "phone", later("bob", "phone", -time.Minute))
		w.add(t, "closing", func(c *connection.Connection) {
			later("ada", "s", -time.Minute)(c)
			c.Closing, c.CheckAt = true, time.Now().Add(time.Minute)
		})
		for _, r := range []revocation.Revocation{{User: "ada", At: time.Now()}, {User: "bob", Session: "phone", At: time.Now()}} {
			if err := w.revocations.Revoke(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		run(t, w)
		slices.Sort(w.closed)
		if want := []string{"old", "phone", "unknown"}; !slices.Equal(w.closed, want) {
			t.Errorf("closed %v, want %v", w.closed, want)
		}
		if len(w.posted) != 3 || !strings.Contains(w.posted[0], "3503") || !w.there(t, "closing") {
			t.Errorf("posted %v", w.posted)
		}
		// A revoked connection that appears much later is found at once.
		time.Sleep(7 * time.Minute)
		w.add(t, "late", later("bob", "phone", -time.Hour))
		run(t, w)
		if w.there(t, "late") {
			t.Error("a revoked connection stayed")
		}
	})
}

func TestUsersMayHaveSoManyConnections(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		began := time.Now()
		at := func(user string, age time.Duration) func(*connection.Connection) {
			return func(c *connection.Connection) {
				c.Identity.User, c.ConnectedAt, c.CheckAt = user, began.Add(-age), began.Add(time.Hour)
			}
		}
		for i := range 103 {
			w.add(t, fmt.Sprintf("ada-%03d", i), at("ada", time.Hour-time.Duration(i)*time.Second))
		}
		for i := range 100 {
			w.add(t, fmt.Sprintf("bob-%03d", i), at("bob", 0))
		}
		for i := range 101 { // not authenticated yet
			w.add(t, fmt.Sprintf("new-%03d", i), at("", 0))
		}
		if report, err := w.sweeper(sweep.Config{MaxConnections: -1}).Sweep(t.Context()); err != nil || report.Ended != 0 {
			t.Errorf("without a limit: %+v, %v", report, err)
		}
		report := run(t, w)
		slices.Sort(w.closed)
		if want := []string{"ada-100", "ada-101", "ada-102"}; !slices.Equal(w.closed, want) || report.Ended != 3 {
			t.Errorf("closed %v, want the newest %v; %+v", w.closed, want, report)
		}
		if len(w.posted) != 3 || !strings.Contains(w.posted[0], `"code":3507`) {
			t.Errorf("posted %v", w.posted)
		}
		if report := run(t, w); report.Ended != 0 || report.Checked != 0 {
			t.Errorf("and again: %+v", report)
		}
	})
}
