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
	"time"

	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/sweep"
)

// doorkeeper answers according to the room's name.
type doorkeeper struct {
	hook.None
	mu    sync.Mutex
	asked []string
	open  map[string]bool // rooms that refuse nobody any more
}

func (d *doorkeeper) AuthorizeJoin(ctx context.Context, r hook.Reading) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !r.Staying || r.User != "u" {
		return fmt.Errorf("asked %+v", r)
	}
	d.asked = append(d.asked, r.ConnectionID+" "+r.Room)
	mood, _, _ := strings.Cut(r.Room, "-")
	if d.open[r.Room] {
		mood = ""
	}
	switch mood {
	case "refuse":
		return hook.Refuse("not you")
	case "later":
		return hook.TryAgain(time.Second, "not now")
	case "fail":
		return errors.New("connection refused")
	case "panic":
		panic("oops")
	case "hang":
		d.mu.Unlock()
		defer d.mu.Lock()
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// keep makes a doorkeeper decide about all rooms of a sweeper.
func (w *world) keep(d *doorkeeper) *sweep.Sweeper {
	s := w.sweeper(sweep.Config{})
	s.Hooks = hook.NewRunner(d, 2*time.Second, slog.New(slog.DiscardHandler))
	return s
}

// seat adds a connection that is due, as a member of rooms.
func (w *world) seat(t *testing.T, id string, rooms ...string) {
	t.Helper()
	w.add(t, id, func(c *connection.Connection) {
		c.Rooms = map[string]time.Time{}
		for _, name := range rooms {
			c.Rooms[name] = time.Now()
		}
	})
	for _, name := range rooms {
		m := room.Member{Room: name, ConnectionID: id, User: "u", JoinedAt: time.Now()}
		if err := w.rooms.Put(t.Context(), m, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) in(t *testing.T, name, id string) bool {
	t.Helper()
	roll, err := w.rooms.Members(t.Context(), name, 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(roll.Members, func(m room.Member) bool { return m.ConnectionID == id })
}

func TestOnlyAClearNoEndsAMembership(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		d := &doorkeeper{}
		s := w.keep(d)
		moods := []string{"refuse", "later", "fail", "panic", "hang", "yes"}
		w.seat(t, "c", moods...)
		w.seat(t, "not due", "refuse")
		w.seat(t, "dead", "refuse")
		w.gone["dead"] = true
		if err := w.Check(t.Context(), connection.CheckParams{ID: "not due", Next: time.Now().Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
		if report, err := s.Sweep(t.Context()); err != nil || report.Unasked != 0 || report.Ended != 0 {
			t.Errorf("%+v, %v", report, err)
		}
		for _, name := range moods {
			if in, want := w.in(t, name, "c"), name != "refuse"; in != want || c(t, w, "c").In(name) != want {
				t.Errorf("is a member of %s: %v", name, in)
			}
		}
		slices.Sort(d.asked)
		if want := []string{"c fail", "c hang", "c later", "c panic", "c refuse", "c refuse", "c yes"}; !slices.Equal(d.asked, want) {
			t.Errorf("asked %v, want %v", d.asked, want)
		}
		if len(w.wakes) != 1 || w.wakes[0].Room != "refuse" || !w.wakes[0].Left || w.wakes[0].Origin != "c" {
			t.Errorf("rooms are told %+v", w.wakes)
		}
		if !c(t, w, "c").CheckAt.After(time.Now()) {
			t.Error("a hook that fails keeps the connection due")
		}
	})
}

// The state when the connection is read again decides, and a join that came
// meanwhile counts.
func TestRefusalThatIsTakenBack(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		d := &doorkeeper{open: map[string]bool{}}
		s := w.keep(d)
		w.seat(t, "c", "refuse-open", "refuse-left", "refuse-anew")
		s.Connections = before{w.Connections, sync.OnceFunc(func() {
			d.mu.Lock()
			d.open["refuse-open"] = true
			d.mu.Unlock()
			m := room.Member{Room: "refuse-anew", ConnectionID: "c", User: "u", JoinedAt: time.Now().Add(time.Millisecond)}
			err := w.rooms.Put(t.Context(), m, time.Now().Add(time.Hour))
			if err := errors.Join(err, w.DropRoom(t.Context(), "c", "refuse-left", time.Now())); err != nil {
				t.Error(err)
			}
		})}
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !w.in(t, "refuse-open", "c") || !w.in(t, "refuse-anew", "c") || len(w.wakes) != 0 {
			t.Errorf("thrown out; told %+v", w.wakes)
		}
	})
}

// before calls a function before a connection is read.
type before struct {
	connection.Store
	first func()
}

func (b before) Get(ctx context.Context, id string) (connection.Connection, error) {
	b.first()
	return b.Store.Get(ctx, id)
}

// Everything else is done before the first hook is asked, and after some failures
// no hook is asked any more.
func TestHooksThatHangTakeNoTimeFromTheSweep(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		s := w.keep(&doorkeeper{})
		for i := range 90 {
			w.seat(t, fmt.Sprintf("hangs-%03d", i), "hang")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		report, err := s.Sweep(ctx)
		if err != nil || report.Checked != 90 || report.Unfinished || report.Unasked < 90-2*32 {
			t.Errorf("%+v, %v", report, err)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("a sweep took %v", took)
		}
		if !w.in(t, "hang", "hangs-000") || !w.in(t, "hang", "hangs-089") {
			t.Error("thrown out by a hook that hangs")
		}
	})
}

func TestHooksAreAskedInTheTimeThatIsLeft(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		d := &doorkeeper{}
		s := w.keep(d)
		w.seat(t, "c", "refuse")
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		s.Connections = slow{w.Connections}
		report, err := s.Sweep(ctx)
		if err != nil || report.Checked != 1 || report.Unasked != 1 || len(d.asked) != 0 {
			t.Errorf("%+v, %v, asked %v", report, err, d.asked)
		}
	})
}

// slow takes two seconds to record a check.
type slow struct{ connection.Store }

func (s slow) Check(ctx context.Context, p connection.CheckParams) error {
	time.Sleep(2 * time.Second)
	return s.Store.Check(ctx, p)
}
