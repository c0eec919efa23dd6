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
	run(t, "Behind", factory, behindTests)
}

func member(name, connectionID string) room.Member {
	return room.Member{Room: name, ConnectionID: connectionID, User: "ada", Session: "session", JoinedAt: Start}
}

// enter makes a member.
func enter(t *testing.T, s room.Store, m room.Member) {
	t.Helper()
	ok(t, s.Put(t.Context(), m, Start.Add(3*time.Hour)))
}

// members are those of the room's shard, in the order of their connections.
func members(t *testing.T, s room.Store, name string, now time.Time) []room.Member {
	t.Helper()
	found := must[[]room.Member](t)(s.Members(t.Context(), name, 0, now))
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
	{"whoever joins is in step", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		m := member(name, "a=")
		m.Behind = room.Informed
		enter(t, s, m)
		same(t, members(t, s, name, Start)[0].Behind, room.InStep)
	}},
	{"joining again replaces what stood there", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		ok(t, s.SetBehind(t.Context(), member(name, "a="), room.Untold))
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
		same(t, must[[]room.Member](t)(s.Members(t.Context(), name, 1, Start)), nil)
	}},
	{"a member that left is gone and no other", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		enter(t, s, member(name, "b="))
		same(t, must[bool](t)(s.Delete(t.Context(), name, "a=", time.Time{})), true)
		same(t, members(t, s, name, Start), []room.Member{member(name, "b=")})
	}},
	{"a leave that is older than the join ends nothing", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		same(t, must[bool](t)(s.Delete(t.Context(), name, "a=", member(name, "a=").JoinedAt.Add(-time.Millisecond))), false)
		same(t, members(t, s, name, Start), []room.Member{member(name, "a=")})
		same(t, must[bool](t)(s.Delete(t.Context(), name, "a=", member(name, "a=").JoinedAt)), true)
		same(t, members(t, s, name, Start), nil)
	}},
	{"it tells when there was none", func(t *testing.T, s room.Store) {
		same(t, must[bool](t)(s.Delete(t.Context(), unique(t, "room"), "a=", time.Time{})), false)
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

var behindTests = []test[room.Store]{
	{"a member is behind and then told", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		enter(t, s, member(name, "a="))
		for _, state := range []room.Behind{room.Untold, room.Informed} {
			ok(t, s.SetBehind(t.Context(), member(name, "a="), state))
			want := member(name, "a=")
			want.Behind = state
			same(t, members(t, s, name, Start), []room.Member{want})
		}
	}},
	{"one that left does not come back", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		fails(t, s.SetBehind(t.Context(), member(name, "a="), room.Untold), room.ErrNotMember)
		same(t, members(t, s, name, Start), nil)
	}},
	{"one that joined again meanwhile stays in step", func(t *testing.T, s room.Store) {
		name := unique(t, "room")
		again := member(name, "a=")
		again.JoinedAt = Start.Add(time.Minute)
		enter(t, s, again)
		fails(t, s.SetBehind(t.Context(), member(name, "a="), room.Untold), room.ErrNotMember)
		same(t, members(t, s, name, Start), []room.Member{again})
	}},
}
