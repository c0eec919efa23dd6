package sweep_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
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
		// A join that was in progress is kept out; a later one succeeds.
		late := room.Member{Room: "lost", ConnectionID: "less", User: "u", JoinedAt: time.Now().Add(-time.Second)}
		if err := w.rooms.Put(t.Context(), late, time.Now().Add(time.Hour)); err == nil {
			t.Error("an older join came in")
		}
		time.Sleep(time.Second)
		if err := enter("lost", "less"); err != nil {
			t.Error(err)
		}
		// If the deployment is not open, a token that grants nothing explicitly
		// grants nothing.
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

// members records what a sweeper writes to the rooms about presence.
type members struct {
	*memory.Rooms
	mu   sync.Mutex
	told []string
}

func (m *members) SetPresence(ctx context.Context, one room.Member) error {
	m.mu.Lock()
	m.told = append(m.told, fmt.Sprint(one.ConnectionID, " ", one.Room, " ", !one.NoPresence))
	m.mu.Unlock()
	return m.Rooms.SetPresence(ctx, one)
}

// blind returns the members that are not told who comes and goes.
func blind(t *testing.T, w *world, name string) []string {
	t.Helper()
	roll, err := w.rooms.Members(t.Context(), name, 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range roll.Members {
		if m.NoPresence {
			ids = append(ids, m.ConnectionID)
		}
	}
	return ids
}

// replace gives a connection the permissions of another token.
func replace(t *testing.T, w *world, id string, permissions auth.Permissions) {
	t.Helper()
	_, err := w.Authenticate(t.Context(), connection.AuthenticateParams{
		ID: id, Identity: auth.Identity{User: "u", Permissions: permissions}, Now: time.Now(), CheckAt: time.Now().Add(9 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	sees   = auth.Permissions{"*": {auth.Join, auth.Presence}}
	blinds = auth.Permissions{"*": {auth.Join}}
)

func TestPresenceFollowsTheTokenWithinOneSweep(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		rooms := &members{Rooms: w.rooms}
		s := w.sweeper(sweep.Config{})
		s.Members = rooms
		join := func(id string, at time.Time) error {
			m := room.Member{Room: "r", ConnectionID: id, User: "u", JoinedAt: at, NoPresence: id == "more"}
			return w.rooms.Put(t.Context(), m, time.Now().Add(time.Hour))
		}
		for id, permissions := range map[string]auth.Permissions{"less": sees, "more": blinds, "same": sees} {
			w.add(t, id, func(c *connection.Connection) {
				c.Identity.Permissions, c.CheckAt = permissions, time.Now().Add(time.Hour)
				c.Rooms, c.JoinedAt = map[string]time.Time{"r": time.Now()}, time.Now()
			})
			if err := join(id, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		swept := func(want ...string) {
			t.Helper()
			rooms.told = nil
			if _, err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			slices.Sort(rooms.told)
			if !slices.Equal(rooms.told, want) {
				t.Errorf("told %v, want %v", rooms.told, want)
			}
		}
		swept()
		replace(t, w, "less", blinds)
		replace(t, w, "more", sees)
		replace(t, w, "same", sees)
		swept("less r false", "more r true")
		if got := blind(t, w, "r"); !slices.Equal(got, []string{"less"}) {
			t.Errorf("%v are blind", got)
		}
		// A join that was in progress when the token was replaced writes what the
		// old token granted. A minute later there is no such join.
		if err := join("less", time.Now()); err != nil {
			t.Fatal(err)
		}
		swept("less r false", "more r true")
		if got := blind(t, w, "r"); !slices.Equal(got, []string{"less"}) {
			t.Errorf("%v are blind", got)
		}
		time.Sleep(time.Minute)
		swept("less r false", "more r true")
		swept()
		if c := c(t, w, "less"); c.Regrants != 1 || c.Carried != 1 || !c.CheckAt.After(time.Now()) {
			t.Errorf("%+v", c)
		}
	})
}

// between calls a function after a connection was read.
type between struct {
	connection.Store
	then func()
}

func (b between) Get(ctx context.Context, id string) (connection.Connection, error) {
	c, err := b.Store.Get(ctx, id)
	b.then()
	return c, err
}

// A token that came after the sweep's read is neither undone nor taken for
// carried over.
func TestTokenThatComesMeanwhile(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.add(t, "c", func(c *connection.Connection) {
			c.Identity.Permissions, c.CheckAt = sees, time.Now().Add(time.Hour)
			c.Rooms = map[string]time.Time{"lost": time.Now(), "r": time.Now()}
		})
		enter := func(name string) {
			t.Helper()
			m := room.Member{Room: name, ConnectionID: "c", User: "u", JoinedAt: time.Now()}
			if err := w.rooms.Put(t.Context(), m, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		enter("lost")
		enter("r")
		replace(t, w, "c", auth.Permissions{"r": {auth.Join, auth.Presence}})
		time.Sleep(time.Second)
		s := w.sweeper(sweep.Config{})
		s.Connections = between{w.Connections, sync.OnceFunc(func() {
			time.Sleep(time.Millisecond)
			replace(t, w, "c", blinds)
			if _, err := w.AddRoom(t.Context(), connection.AddRoomParams{ID: "c", Room: "lost", Max: 9, At: time.Now()}); err != nil {
				t.Fatal(err)
			}
			enter("lost")
			time.Sleep(time.Millisecond)
		})}
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if roll, err := w.rooms.Members(t.Context(), "lost", 0, time.Now()); err != nil || len(roll.Members) != 1 || !c(t, w, "c").In("lost") {
			t.Errorf("who joined with a fresh token was thrown out: %+v, %v", roll, err)
		}
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := blind(t, w, "r"); !slices.Equal(got, []string{"c"}) {
			t.Errorf("the fresh token was taken for carried over: %v are blind", got)
		}
	})
}
