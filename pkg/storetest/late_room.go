package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/room"
)

// lateRoomTests repeat a request after other things have happened: the SDK's
// first attempt, whose answer was lost, may take effect seconds after the second
// one. It must undo nothing.
var lateRoomTests = []test[room.Store]{
	{"a join does not take back what its member may see", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		want := member(name, "a=")
		want.NoPresence, want.Regrants = true, 1
		ok(t, s.SetPresence(t.Context(), want))
		enter(t, s, member(name, "a="))
		same(t, members(t, s, name, Start), []room.Member{want})
	}},
	{"a join does not take back that its member is behind", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		ok(t, s.SetBehind(t.Context(), member(name, "a=")))
		before := members(t, s, name, Start)
		err := s.Put(t.Context(), member(name, "a="), Start.Add(3*time.Hour))
		fails(t, err, room.ErrBehind)
		var says interface{ Temporary() bool }
		same(t, errors.As(err, &says) && says.Temporary(), true)
		same(t, members(t, s, name, Start), before)
		again := member(name, "a=")
		again.JoinedAt = Start.Add(time.Millisecond)
		enter(t, s, again)
		same(t, members(t, s, name, Start), []room.Member{again})
	}},
	{"a join brings back none that has left or joined anew", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		enter(t, s, member(name, "b="))
		leave(t, s, name, "a=", Start.Add(time.Second))
		again := member(name, "b=")
		again.JoinedAt, again.Session = Start.Add(time.Second), ""
		enter(t, s, again)
		for _, id := range []string{"a=", "b="} {
			fails(t, s.Put(t.Context(), member(name, id), Start.Add(3*time.Hour)), room.ErrOvertaken)
		}
		same(t, members(t, s, name, Start), []room.Member{again})
	}},
	{"a leave ends no later join and shortens no later mark", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		for _, id := range []string{"a=", "b="} {
			enter(t, s, member(name, id))
			leave(t, s, name, id, Start.Add(time.Second))
		}
		again := member(name, "a=")
		again.JoinedAt = Start.Add(2 * time.Second)
		enter(t, s, again)
		leave(t, s, name, "b=", Start.Add(3*time.Second))
		for _, id := range []string{"a=", "b="} {
			same(t, leave(t, s, name, id, Start.Add(time.Second)), false)
		}
		same(t, members(t, s, name, Start), []room.Member{again})
		between := member(name, "b=")
		between.JoinedAt = Start.Add(2 * time.Second)
		fails(t, s.Put(t.Context(), between, Start.Add(3*time.Hour)), room.ErrOvertaken)
	}},
	{"a leave whose mark has expired and is gone makes nobody a member", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		leave(t, s, name, "a=", Start)
		ok(t, s.DropTombstone(t.Context(), name, "a=", Start.Add(2*time.Hour)))
		leave(t, s, name, "a=", Start)
		same(t, must[room.Roll](t)(s.Members(t.Context(), name, 0, Start.Add(2*time.Hour))), room.Roll{Expired: []string{"a="}})
	}},
	{"an unmark deletes no later mark", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		leave(t, s, name, "a=", Start)
		for _, at := range []time.Time{Start, Start.Add(2 * time.Hour)} {
			leave(t, s, name, "a=", at)
			ok(t, s.DropTombstone(t.Context(), name, "a=", Start.Add(time.Hour+time.Second)))
		}
		fails(t, s.Put(t.Context(), member(name, "a="), Start.Add(3*time.Hour)), room.ErrOvertaken)
	}},
	{"that a member is behind does not hold for its later join", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		ok(t, s.SetBehind(t.Context(), member(name, "a=")))
		again := member(name, "a=")
		again.JoinedAt = Start.Add(time.Second)
		enter(t, s, again)
		fails(t, s.SetBehind(t.Context(), member(name, "a=")), room.ErrOvertaken)
		leave(t, s, name, "a=", Start.Add(time.Minute))
		fails(t, s.SetBehind(t.Context(), again), room.ErrNotMember)
		same(t, members(t, s, name, Start), nil)
	}},
	{"what a member may see follows no older token", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		m := member(name, "a=")
		enter(t, s, m)
		first, second := m, m
		first.NoPresence, first.Regrants, second.Regrants = true, 1, 2
		for _, one := range []room.Member{first, second, first} {
			ok(t, s.SetPresence(t.Context(), one))
		}
		same(t, members(t, s, name, Start), []room.Member{second})
	}},
}
