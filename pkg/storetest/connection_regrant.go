package storetest

import (
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

// regrant authenticates with the given permissions and returns how often
// permissions were replaced after joined registered the connection.
func regrant(t *testing.T, s connection.Store, id string, permissions auth.Permissions, rooms ...string) int {
	t.Helper()
	p := authenticateParams(id)
	p.Identity.Permissions, p.Rooms = permissions, rooms
	got := must[connection.Connection](t)(s.Authenticate(t.Context(), p))
	same(t, got.Identity, p.Identity)
	same(t, get(t, s, id), got)
	return got.Regrants - joined(id).Regrants
}

var regrantTests = []test[connection.Store]{
	{"permissions that are replaced by others are counted", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		for n, permissions := range []auth.Permissions{
			{"org.42.*": {auth.Join}, "user.{sub}": {"*"}}, {}, nil, {"*": {"*"}}, joined(id).Identity.Permissions,
		} {
			for range 2 { // the second time they are the same
				same(t, regrant(t, s, id, permissions, "lobby"), n+1)
			}
		}
	}},
	{"the same permissions are not counted", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		same(t, regrant(t, s, id, joined(id).Identity.Permissions), 0)
		same(t, regrant(t, s, id, joined(id).Identity.Permissions, "attic"), 0)
	}},
	{"nor are others while it is in no room", func(t *testing.T, s connection.Store) {
		id := unique(t, "connection")
		c := joined(id)
		c.Rooms = nil
		ok(t, s.Put(t.Context(), c))
		same(t, regrant(t, s, id, nil, "attic"), 0)
		same(t, regrant(t, s, id, auth.Permissions{}), 1)
	}},
	{"nor are the first ones", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		ok(t, addRoom(t, s, addParams(id, "lobby")))
		got := must[connection.Connection](t)(s.Authenticate(t.Context(), authenticateParams(id)))
		same(t, got.Regrants, 0)
	}},
	{"they are counted for one under sentence too", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.Condemn(t.Context(), id, 3503, Start))
		same(t, regrant(t, s, id, nil), 1)
	}},
	{"and beside a room that stands there for a newer join", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		p := authenticateParams(id)
		p.Rooms, p.At = []string{"attic", "lobby"}, Start.Add(-time.Minute)
		got := must[connection.Connection](t)(s.Authenticate(t.Context(), p))
		same(t, got.Regrants, joined(id).Regrants+1)
		same(t, got.Rooms["lobby"], joined(id).Rooms["lobby"])
	}},
	{"a join that began before finds them counted, one that begins later sees them", func(t *testing.T, s connection.Store) {
		id := unique(t, "connection")
		c := joined(id)
		c.Rooms = nil
		ok(t, s.Put(t.Context(), c))
		same(t, regrant(t, s, id, auth.Permissions{}), 0)
		got := must[connection.Connection](t)(s.AddRoom(t.Context(), addParams(id, "lobby")))
		same(t, got.Identity.Permissions, auth.Permissions{})
		same(t, regrant(t, s, id, nil), 1)
	}},
	{"they are carried over up to a number", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		same(t, regrant(t, s, id, nil), 1)
		want := get(t, s, id)
		for _, upto := range []int{want.Regrants - 1, want.Regrants} {
			ok(t, s.Carry(t.Context(), id, upto))
			want.Carried = upto
			same(t, get(t, s, id), want)
			same(t, want.Regranted(), upto != want.Regrants)
		}
	}},
	{"one that is over carries nothing over", func(t *testing.T, s connection.Store) {
		over(t, s, func(id string) error { return s.Carry(t.Context(), id, 1) })
	}},
}
