package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/room"
)

// RunRooms checks an implementation of room.Store.
func RunRooms(t *testing.T, factory func(*testing.T) room.Store) {
	run(t, "Members", factory, memberTests)
	run(t, "Presence", factory, presenceTests)
	run(t, "Leave", factory, leaveTests)
	run(t, "Behind", factory, behindTests)
	run(t, "Late", factory, lateRoomTests)
}

func member(name, connectionID string) room.Member {
	return room.Member{Room: name, ConnectionID: connectionID, User: "ada", Session: "session", JoinedAt: Start}
}

// enter makes a connection a member.
func enter(t *testing.T, s room.Store, m room.Member) {
	t.Helper()
	ok(t, s.Put(t.Context(), m, Start.Add(3*time.Hour)))
}

// members returns the members of the room's shard, in the order of their
// connections.
func members(t *testing.T, s room.Store, name string, now time.Time) []room.Member {
	t.Helper()
	found := must[room.Roll](t)(s.Members(t.Context(), name, 0, now)).Members
	slices.SortFunc(found, func(a, b room.Member) int { return strings.Compare(a.ConnectionID, b.ConnectionID) })
	return found
}

var memberTests = []test[room.Store]{
	{"a room that nobody joined has none", func(t *testing.T, s room.Store) {
		same(t, members(t, s, unique(t, "room"), Start), nil)
	}},
	{"a member comes back as it was written", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		plain := room.Member{Room: name, ConnectionID: "b=", User: "жанна \"q\"", JoinedAt: Start.Add(time.Millisecond)}
		enter(t, s, member(name, "a="))
		enter(t, s, plain)
		same(t, members(t, s, name, Start), []room.Member{member(name, "a="), plain})
	}},
	{"who may not see presence is known", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		m := member(name, "a=")
		m.NoPresence, m.Regrants = true, 3
		enter(t, s, m)
		same(t, members(t, s, name, Start), []room.Member{m})
		m.NoPresence, m.Regrants, m.JoinedAt = false, 0, Start.Add(time.Minute)
		enter(t, s, m)
		same(t, members(t, s, name, Start), []room.Member{m})
	}},
	{"whoever joins is in step", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		m := member(name, "a=")
		m.Behind = true
		enter(t, s, m)
		same(t, members(t, s, name, Start)[0].Behind, false)
	}},
	{"joining again replaces what stood there", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		ok(t, s.SetBehind(t.Context(), member(name, "a=")))
		again := room.Member{Room: name, ConnectionID: "a=", User: "ada", JoinedAt: Start.Add(time.Minute)}
		enter(t, s, again)
		same(t, members(t, s, name, Start), []room.Member{again})
	}},
	{"each room has members of its own", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		for _, other := range []string{name, name + "/0", name + ":0"} {
			enter(t, s, member(other, "a="))
			same(t, members(t, s, other, Start), []room.Member{member(other, "a=")})
		}
	}},
	{"a shard that a room does not have is refused", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		m := member(name, "a=")
		m.Shard = 1
		if err := s.Put(t.Context(), m, Start.Add(time.Hour)); err == nil {
			t.Fatal("a membership was written that Delete does not find")
		}
		same(t, must[room.Roll](t)(s.Members(t.Context(), name, 1, Start)), room.Roll{})
	}},
	{"a join that was overtaken by a newer one changes nothing", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		late := member(name, "a=")
		late.JoinedAt, late.Session = Start.Add(-time.Millisecond), "older"
		fails(t, s.Put(t.Context(), late, Start.Add(time.Hour)), room.ErrOvertaken)
		same(t, members(t, s, name, Start), []room.Member{member(name, "a=")})
	}},
	{"the same join may be written again", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		enter(t, s, member(name, "a="))
		same(t, members(t, s, name, Start), []room.Member{member(name, "a=")})
	}},
	{"a deleted member is gone and no other", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		enter(t, s, member(name, "b="))
		ok(t, s.Delete(t.Context(), name, "a="))
		ok(t, s.Delete(t.Context(), name, "a="))
		same(t, members(t, s, name, Start), []room.Member{member(name, "b=")})
	}},
	{"one that expired is gone", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		at := Start.Truncate(time.Second).Add(time.Hour)
		ok(t, s.Put(t.Context(), member(name, "a="), at))
		same(t, len(members(t, s, name, at.Add(-time.Millisecond))), 1)
		same(t, members(t, s, name, at), nil)
	}},
	{"a room larger than a page is read whole", func(t *testing.T, s room.Store) {
		const count = 300
		name := unique(t, "room")
		want := make([]room.Member, count)
		for i := range want {
			want[i] = member(name, numbered("connection", i))
		}
		race(t, 8, func(worker int) (struct{}, error) {
			for i := worker; i < count; i += 8 {
				if err := s.Put(t.Context(), want[i], Start.Add(time.Hour)); err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, nil
		})
		same(t, members(t, s, name, Start), want)
	}},
}

var presenceTests = []test[room.Store]{
	{"who may see presence can be changed and nothing else is", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		enter(t, s, member(name, "b="))
		want := member(name, "a=")
		ok(t, s.SetBehind(t.Context(), want))
		want.Behind = true
		for _, may := range []bool{true, false, false, true} {
			want.NoPresence, want.Regrants = !may, want.Regrants+1
			ok(t, s.SetPresence(t.Context(), room.Member{Room: name, ConnectionID: "a=", NoPresence: !may, Regrants: want.Regrants}))
			same(t, members(t, s, name, Start), []room.Member{want, member(name, "b=")})
		}
	}},
	{"the newest token decides in whatever order they are carried over", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		m := member(name, "a=")
		m.NoPresence, m.Regrants = true, 2
		enter(t, s, m)
		for _, late := range []int{0, 1} {
			ok(t, s.SetPresence(t.Context(), room.Member{Room: name, ConnectionID: "a=", Regrants: late}))
			same(t, members(t, s, name, Start), []room.Member{m})
		}
		m.NoPresence = false
		ok(t, s.SetPresence(t.Context(), m))
		same(t, members(t, s, name, Start), []room.Member{m})
	}},
	{"whoever is no member does not become one", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		leave(t, s, name, "left=", Start)
		for _, id := range []string{"never=", "left="} {
			for _, no := range []bool{true, false} {
				ok(t, s.SetPresence(t.Context(), room.Member{Room: name, ConnectionID: id, NoPresence: no, Regrants: 1}))
			}
		}
		same(t, members(t, s, name, Start), nil)
		fails(t, s.Put(t.Context(), member(name, "left="), Start.Add(time.Hour)), room.ErrOvertaken)
	}},
}

// leave ends a membership at a time; the tombstone expires an hour later.
func leave(t *testing.T, s room.Store, name, connectionID string, at time.Time) bool {
	t.Helper()
	return must[bool](t)(s.Leave(t.Context(), name, connectionID, at, at.Add(time.Hour)))
}

var leaveTests = []test[room.Store]{
	{"a member that left is gone and no other", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		enter(t, s, member(name, "b="))
		same(t, leave(t, s, name, "a=", Start), true)
		same(t, members(t, s, name, Start), []room.Member{member(name, "b=")})
		same(t, leave(t, s, name, "a=", Start), false)
	}},
	{"a leave that is older than the join ends nothing", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		same(t, leave(t, s, name, "a=", Start.Add(-time.Millisecond)), false)
		same(t, members(t, s, name, Start), []room.Member{member(name, "a=")})
	}},
	{"it tells when there was none", func(t *testing.T, s room.Store) {
		same(t, leave(t, s, unique(t, "room"), "a=", Start), false)
	}},
	{"a join that was overtaken by a leave brings nothing back", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		for _, id := range []string{"was in=", "was not="} {
			if id == "was in=" {
				enter(t, s, member(name, id))
			}
			leave(t, s, name, id, Start.Add(time.Second))
			for _, at := range []time.Time{Start, Start.Add(time.Second)} {
				late := member(name, id)
				late.JoinedAt = at
				fails(t, s.Put(t.Context(), late, Start.Add(3*time.Hour)), room.ErrOvertaken)
			}
		}
		same(t, members(t, s, name, Start), nil)
		again := member(name, "was in=")
		again.JoinedAt = Start.Add(time.Second + time.Millisecond)
		enter(t, s, again)
		same(t, members(t, s, name, Start), []room.Member{again})
	}},
	{"the mark stays when the connection ends", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		leave(t, s, name, "a=", Start)
		ok(t, s.Delete(t.Context(), name, "a="))
		fails(t, s.Put(t.Context(), member(name, "a="), Start.Add(time.Hour)), room.ErrOvertaken)
		same(t, members(t, s, name, Start), nil)
	}},
	{"a mark counts as nobody and is told of once it has expired", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		at := Start.Truncate(time.Second)
		leave(t, s, name, "a=", at)
		enter(t, s, member(name, "b="))
		fails(t, s.SetBehind(t.Context(), room.Member{Room: name, ConnectionID: "a=", JoinedAt: at}), room.ErrNotMember)
		same(t, must[room.Roll](t)(s.Members(t.Context(), name, 0, at.Add(time.Hour-time.Millisecond))),
			room.Roll{Members: []room.Member{member(name, "b=")}})
		same(t, must[room.Roll](t)(s.Members(t.Context(), name, 0, at.Add(time.Hour))),
			room.Roll{Members: []room.Member{member(name, "b=")}, Expired: []string{"a="}})
	}},
	{"an expired mark can be deleted and nothing else", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		at := Start.Truncate(time.Second)
		leave(t, s, name, "a=", at)
		enter(t, s, member(name, "b="))
		ok(t, s.DropTombstone(t.Context(), name, "a=", at.Add(time.Hour-time.Millisecond)))
		same(t, len(must[room.Roll](t)(s.Members(t.Context(), name, 0, at.Add(time.Hour))).Expired), 1)
		for _, id := range []string{"a=", "b=", "c=", "a="} {
			ok(t, s.DropTombstone(t.Context(), name, id, at.Add(time.Hour)))
		}
		same(t, must[room.Roll](t)(s.Members(t.Context(), name, 0, at.Add(time.Hour))),
			room.Roll{Members: []room.Member{member(name, "b=")}})
	}},
	{"whoever joins anew is not deleted with the mark", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		leave(t, s, name, "a=", Start)
		again := member(name, "a=")
		again.JoinedAt = Start.Add(time.Minute)
		enter(t, s, again)
		ok(t, s.DropTombstone(t.Context(), name, "a=", Start.Add(4*time.Hour)))
		same(t, members(t, s, name, Start), []room.Member{again})
	}},
	{"joins and leaves at once end as the newest says", func(t *testing.T, s room.Store) {
		for _, last := range []string{"join", "leave"} {
			name := unique(t, "room") + last
			race(t, width, func(i int) (struct{}, error) {
				at := Start.Add(time.Duration(i) * time.Millisecond)
				if (i%2 == 0) == (last == "leave") {
					m := member(name, "a=")
					m.JoinedAt = at
					return struct{}{}, ignore(s.Put(t.Context(), m, Start.Add(time.Hour)), room.ErrOvertaken)
				}
				_, err := s.Leave(t.Context(), name, "a=", at, Start.Add(time.Hour))
				return struct{}{}, err
			})
			want := map[string]int{"join": 1, "leave": 0}[last]
			same(t, len(members(t, s, name, Start)), want)
		}
	}},
}

var behindTests = []test[room.Store]{
	{"a member is behind until it joins again", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		want := member(name, "a=")
		want.Behind = true
		for range 2 {
			ok(t, s.SetBehind(t.Context(), member(name, "a=")))
			same(t, members(t, s, name, Start), []room.Member{want})
		}
		again := member(name, "a=")
		again.JoinedAt = Start.Add(time.Minute)
		enter(t, s, again)
		same(t, members(t, s, name, Start), []room.Member{again})
	}},
	{"one membership can be read by itself", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		read := func(id string, now time.Time) (room.Member, error) { return s.Member(t.Context(), name, id, now) }
		_, err := read("a=", Start)
		fails(t, err, room.ErrNotMember)
		at := Start.Truncate(time.Second).Add(time.Hour)
		want := member(name, "a=")
		want.NoPresence, want.Regrants = true, 2
		ok(t, s.Put(t.Context(), want, at))
		same(t, must[room.Member](t)(read("a=", at.Add(-time.Millisecond))), want)
		ok(t, s.SetBehind(t.Context(), want))
		same(t, must[room.Member](t)(read("a=", Start)).Behind, true)
		_, err = read("a=", at)
		fails(t, err, room.ErrNotMember)
		_, err = read("b=", Start)
		fails(t, err, room.ErrNotMember)
		leave(t, s, name, "a=", Start)
		_, err = read("a=", Start)
		fails(t, err, room.ErrNotMember)
	}},
	{"one that left does not come back", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		fails(t, s.SetBehind(t.Context(), member(name, "a=")), room.ErrNotMember)
		same(t, members(t, s, name, Start), nil)
	}},
	{"one that joined again meanwhile stays in step", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		again := member(name, "a=")
		again.JoinedAt = Start.Add(time.Minute)
		enter(t, s, again)
		fails(t, s.SetBehind(t.Context(), member(name, "a=")), room.ErrOvertaken)
		same(t, members(t, s, name, Start), []room.Member{again})
	}},
}
