package sweep_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/sweep"
)

func TestRoomsThatATokenDoesNotGrantAnyMoreAreLeft(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		enter := func(name, id string) error {
			m := room.Member{Room: name, ConnectionID: id, User: "u", JoinedAt: time.Now()}
			return w.rooms.Put(t.Context(), m, time.Now().Add(time.Hour))
		}
		add := func(id string, rooms auth.Permissions, change func(*connection.Connection)) {
			t.Helper()
			w.add(t, id, func(c *connection.Connection) {
				c.Identity.Permissions, c.CheckAt = rooms, time.Now().Add(9*time.Minute)
				c.Rooms = map[string]time.Time{"kept": time.Now(), "lost": time.Now()}
				if change != nil {
					change(c)
				}
			})
			for name := range c(t, w, id).Rooms {
				if err := enter(name, id); err != nil {
					t.Fatal(err)
				}
			}
		}
		add("less", auth.Permissions{"kept": {auth.Join}, "lost": {auth.Publish}}, nil)
		add("none", auth.Permissions{}, nil)
		add("all", auth.Permissions{"*": {auth.Join}}, nil)
		add("silent", nil, nil) // the deployment is open
		add("closing", auth.Permissions{}, func(c *connection.Connection) { c.Closing = true })
		time.Sleep(time.Second)
		if report := run(t, w); report.Ended != 0 {
			t.Errorf("%+v", report)
		}
		for id, want := range map[string][]string{
			"less": {"kept"}, "none": nil, "all": {"kept", "lost"}, "silent": {"kept", "lost"}, "closing": {"kept", "lost"},
		} {
			if got := slices.Sorted(maps.Keys(c(t, w, id).Rooms)); !slices.Equal(got, want) {
				t.Errorf("%s stands in %v, want %v", id, got, want)
			}
			for _, name := range []string{"kept", "lost"} {
				roll, err := w.rooms.Members(t.Context(), name, 0, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				in := slices.ContainsFunc(roll.Members, func(m room.Member) bool { return m.ConnectionID == id })
				if in != slices.Contains(want, name) {
					t.Errorf("%s is a member of %s: %v", id, name, in)
				}
			}
		}
		if len(w.wakes) != 3 || !w.wakes[0].Left {
			t.Errorf("rooms are told %+v", w.wakes)
		}
		// A join that was under way is kept out; a later one is welcome.
		late := room.Member{Room: "lost", ConnectionID: "less", User: "u", JoinedAt: time.Now().Add(-time.Second)}
		if err := w.rooms.Put(t.Context(), late, time.Now().Add(time.Hour)); err == nil {
			t.Error("an older join came in")
		}
		time.Sleep(time.Second)
		if err := enter("lost", "less"); err != nil {
			t.Error(err)
		}
		// In a deployment that is not open, a token that says nothing grants nothing.
		s := w.sweeper(sweep.Config{})
		s.Policy = auth.Policy{}
		if _, err := s.Sweep(t.Context()); err != nil || len(c(t, w, "silent").Rooms) != 0 {
			t.Errorf("silent stands in %v, %v", c(t, w, "silent").Rooms, err)
		}
	})
}

func c(t *testing.T, w *world, id string) connection.Connection {
	t.Helper()
	found, err := w.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
