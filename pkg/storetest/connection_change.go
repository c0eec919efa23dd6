package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/connection"
)

// ignore returns err unless it is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

func count(won []bool) int {
	n := 0
	for _, w := range won {
		if w {
			n++
		}
	}
	return n
}

func addParams(id, room string) connection.AddRoomParams {
	return connection.AddRoomParams{ID: id, Room: room, Max: 3, At: Start.Add(50 * time.Second), Now: Start.Add(time.Minute)}
}

// addRoom is AddRoom without its result.
func addRoom(t *testing.T, s connection.Store, p connection.AddRoomParams) error {
	t.Helper()
	_, err := s.AddRoom(t.Context(), p)
	return err
}

var roomSetTests = []test[connection.Store]{
	{"a room is added and the join begun", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		got := must[connection.Connection](t)(s.AddRoom(t.Context(), addParams(id, "lobby")))
		want := anonymous(id)
		want.Rooms, want.JoinedAt = map[string]time.Time{"lobby": Start.Add(50 * time.Second)}, Start.Add(time.Minute)
		same(t, got, want)
		same(t, get(t, s, id), want)
	}},
	{"a room is added once but the join begun each time", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		ok(t, addRoom(t, s, addParams(id, "lobby")))
		again := addParams(id, "lobby")
		again.At, again.Now = Start.Add(time.Hour), Start.Add(time.Hour)
		ok(t, addRoom(t, s, again))
		got := get(t, s, id)
		same(t, got.Rooms, map[string]time.Time{"lobby": again.At})
		same(t, got.JoinedAt, again.Now)
	}},
	{"a room goes on standing for a newer join though an older one begins", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		ok(t, addRoom(t, s, addParams(id, "lobby")))
		late := addParams(id, "lobby")
		late.At, late.Now = late.At.Add(-time.Millisecond), late.Now.Add(time.Second)
		got := must[connection.Connection](t)(s.AddRoom(t.Context(), late))
		same(t, got.Rooms, map[string]time.Time{"lobby": addParams(id, "lobby").At})
		same(t, got.JoinedAt, late.Now)
		same(t, get(t, s, id), got)
	}},
	{"one more than max is refused and nothing changes", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, addRoom(t, s, addParams(id, "attic")))
		before := get(t, s, id)
		late := addParams(id, "cellar")
		late.Now = Start.Add(time.Hour)
		fails(t, addRoom(t, s, late), connection.ErrTooManyRooms)
		same(t, get(t, s, id), before)
	}},
	{"at max a room that it is in can be joined again", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, addRoom(t, s, addParams(id, "attic")))
		ok(t, addRoom(t, s, addParams(id, "lobby")))
	}},
	{"max holds against many joins at once", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		won := race(t, width, func(i int) (bool, error) {
			err := addRoom(t, s, addParams(id, numbered("room", i)))
			return err == nil, ignore(err, connection.ErrTooManyRooms)
		})
		same(t, count(won), 3)
		same(t, len(get(t, s, id).Rooms), 3)
	}},
	{"one that is over cannot join", func(t *testing.T, s connection.Store) {
		over(t, s, func(id string) error { return addRoom(t, s, addParams(id, "attic")) })
	}},
	{"a room is dropped and no other", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		rooms := joined(id).Rooms
		ok(t, s.DropRoom(t.Context(), id, "lobby", rooms["lobby"]))
		same(t, get(t, s, id).Rooms, map[string]time.Time{"org.42.a/b": rooms["org.42.a/b"]})
		ok(t, s.DropRoom(t.Context(), id, "lobby", Start))
		ok(t, s.DropRoom(t.Context(), id, "never joined", Start.Add(time.Hour)))
		ok(t, s.DropRoom(t.Context(), id, "org.42.a/b", Start.Add(time.Hour)))
		same(t, get(t, s, id).Rooms, nil)
		ok(t, addRoom(t, s, addParams(id, "lobby")))
		same(t, get(t, s, id).In("lobby"), true)
	}},
	{"a room is kept if a newer join has begun", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		again := addParams(id, "lobby")
		ok(t, addRoom(t, s, again))
		ok(t, s.DropRoom(t.Context(), id, "lobby", again.At.Add(-time.Millisecond)))
		same(t, get(t, s, id).Rooms["lobby"], again.At)
		ok(t, s.DropRoom(t.Context(), id, "lobby", again.At))
		same(t, get(t, s, id).In("lobby"), false)
	}},
	{"a room is dropped though a join of another has begun", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, addRoom(t, s, addParams(id, "attic")))
		ok(t, s.DropRoom(t.Context(), id, "lobby", Start))
		same(t, get(t, s, id).In("lobby"), false)
	}},
	{"one that is over drops no room", func(t *testing.T, s connection.Store) {
		over(t, s, func(id string) error { return s.DropRoom(t.Context(), id, "lobby", Start) })
	}},
}

var checkTests = []test[connection.Store]{
	{"it records strikes and the next date", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		want := joined(id)
		for _, strikes := range []int{2, 0} {
			next := Start.Add(time.Duration(strikes+1) * time.Hour)
			ok(t, s.Check(t.Context(), connection.CheckParams{ID: id, Seen: want.CheckAt, Strikes: strikes, Next: next}))
			want.Strikes, want.CheckAt = strikes, next
			same(t, get(t, s, id), want)
		}
	}},
	{"one whose date was moved since it was seen keeps it and its strikes", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		for _, off := range []time.Duration{-time.Millisecond, time.Millisecond} {
			p := connection.CheckParams{ID: id, Seen: joined(id).CheckAt.Add(off), Strikes: 2, Next: Start.Add(time.Hour)}
			ok(t, s.Check(t.Context(), p))
			same(t, get(t, s, id), joined(id))
		}
	}},
	{"one whose date could not be read gets one", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.Check(t.Context(), connection.CheckParams{ID: id, Next: Start.Add(time.Hour)}))
		same(t, get(t, s, id).CheckAt, Start.Add(time.Hour))
	}},
	{"one under sentence stays due", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.Condemn(t.Context(), id, 3503, Start))
		ok(t, s.Check(t.Context(), connection.CheckParams{ID: id, Seen: Start, Strikes: 2, Next: Start.Add(time.Hour)}))
		want := joined(id)
		want.CheckAt, want.Sentence = Start, 3503
		same(t, get(t, s, id), want)
	}},
	{"it is behind in each room by itself", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.MarkBehind(t.Context(), id, "lobby", Start, Start.Add(time.Minute)))
		ok(t, s.MarkBehind(t.Context(), id, "a/b.c#d", Start, Start.Add(time.Hour)))
		want := joined(id)
		want.Behind = map[string]connection.Behind{
			"lobby":   {JoinedAt: Start, At: Start.Add(time.Minute)},
			"a/b.c#d": {JoinedAt: Start, At: Start.Add(time.Hour)},
		}
		same(t, get(t, s, id), want)
		ok(t, s.ClearBehind(t.Context(), id, "lobby", Start))
		delete(want.Behind, "lobby")
		same(t, get(t, s, id), want)
		ok(t, s.ClearBehind(t.Context(), id, "lobby", Start))
		ok(t, s.ClearBehind(t.Context(), id, "a/b.c#d", Start.Add(time.Minute)))
		same(t, get(t, s, id), joined(id))
	}},
	{"the record of a newer join stays", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		second := Start.Add(time.Second)
		ok(t, s.MarkBehind(t.Context(), id, "lobby", second, Start.Add(time.Minute)))
		want := joined(id)
		want.Behind = map[string]connection.Behind{"lobby": {JoinedAt: second, At: Start.Add(time.Minute)}}
		for _, joinedAt := range []time.Time{Start, second} {
			ok(t, s.MarkBehind(t.Context(), id, "lobby", joinedAt, Start.Add(time.Hour)))
			same(t, get(t, s, id), want)
		}
		ok(t, s.ClearBehind(t.Context(), id, "lobby", Start))
		same(t, get(t, s, id), want)
		ok(t, s.MarkBehind(t.Context(), id, "lobby", second.Add(time.Second), Start.Add(time.Hour)))
		want.Behind["lobby"] = connection.Behind{JoinedAt: second.Add(time.Second), At: Start.Add(time.Hour)}
		same(t, get(t, s, id), want)
	}},
	{"no look and no token moves a record", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.MarkBehind(t.Context(), id, "lobby", Start, Start))
		ok(t, s.Check(t.Context(), connection.CheckParams{ID: id, Next: Start.Add(time.Hour)}))
		must[connection.Connection](t)(s.Authenticate(t.Context(), connection.AuthenticateParams{
			ID: id, Identity: joined(id).Identity, TokenAt: Start.Add(time.Second), Now: Start, CheckAt: Start.Add(time.Hour),
		}))
		same(t, get(t, s, id).Behind, map[string]connection.Behind{"lobby": {JoinedAt: Start, At: Start}})
	}},
	{"one that is over has no records", func(t *testing.T, s connection.Store) {
		over(t, s, func(id string) error { return s.MarkBehind(t.Context(), id, "lobby", Start, Start) })
		over(t, s, func(id string) error { return s.ClearBehind(t.Context(), id, "lobby", Start) })
	}},
	{"one that is over is not found", func(t *testing.T, s connection.Store) {
		over(t, s, func(id string) error {
			return s.Check(t.Context(), connection.CheckParams{ID: id, Next: Start.Add(time.Hour)})
		})
	}},
	{"one that is over is not found though under sentence", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.Condemn(t.Context(), id, 3503, Start))
		ok(t, s.MarkClosing(t.Context(), id, Start))
		fails(t, s.Check(t.Context(), connection.CheckParams{ID: id, Next: Start.Add(time.Hour)}), connection.ErrNotFound)
	}},
	{"to condemn is to make due with a sentence", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.Condemn(t.Context(), id, 3501, Start.Add(time.Minute)))
		want := joined(id)
		want.CheckAt, want.Sentence = Start.Add(time.Minute), 3501
		same(t, get(t, s, id), want)
		ok(t, s.Condemn(t.Context(), id, 3503, Start))
		same(t, get(t, s, id).Sentence, 3503)
	}},
	{"a sentence is not taken back by one that lets come back", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.Condemn(t.Context(), id, 3001, Start.Add(time.Minute)))
		ok(t, s.Condemn(t.Context(), id, 3503, Start))
		before := get(t, s, id)
		same(t, before.Sentence, 3503)
		ok(t, s.Condemn(t.Context(), id, 3001, Start.Add(time.Hour)))
		ok(t, s.Condemn(t.Context(), id, 3503, Start.Add(time.Hour)))
		same(t, get(t, s, id), before)
	}},
	{"one that is over cannot be condemned", func(t *testing.T, s connection.Store) {
		over(t, s, func(id string) error { return s.Condemn(t.Context(), id, 3503, Start) })
	}},
}

var endTests = []test[connection.Store]{
	{"closing keeps all but the next check", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.MarkClosing(t.Context(), id, Start.Add(time.Minute)))
		want := joined(id)
		want.Closing, want.CheckAt = true, Start.Add(time.Minute)
		same(t, get(t, s, id), want)
	}},
	{"closing works on a closing one too", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.MarkClosing(t.Context(), id, Start.Add(time.Minute)))
		ok(t, s.MarkClosing(t.Context(), id, Start.Add(time.Hour)))
		same(t, get(t, s, id).CheckAt, Start.Add(time.Hour))
	}},
	{"closing brings none back", func(t *testing.T, s connection.Store) {
		id := unique(t, "absent")
		fails(t, s.MarkClosing(t.Context(), id, Start), connection.ErrNotFound)
		_, err := s.Get(t.Context(), id)
		fails(t, err, connection.ErrNotFound)
	}},
	{"one is deleted if no join has begun since", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		same(t, must[bool](t)(s.Delete(t.Context(), id, joined(id).JoinedAt)), true)
		_, err := s.Get(t.Context(), id)
		fails(t, err, connection.ErrNotFound)
	}},
	{"one that never joined is deleted", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		same(t, must[bool](t)(s.Delete(t.Context(), id, time.Time{})), true)
		_, err := s.Get(t.Context(), id)
		fails(t, err, connection.ErrNotFound)
	}},
	{"a closing one is deleted", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.MarkClosing(t.Context(), id, Start))
		same(t, must[bool](t)(s.Delete(t.Context(), id, joined(id).JoinedAt)), true)
	}},
	{"one that joined since is kept", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, addRoom(t, s, addParams(id, "attic")))
		same(t, must[bool](t)(s.Delete(t.Context(), id, joined(id).JoinedAt)), false)
		same(t, must[bool](t)(s.Delete(t.Context(), id, time.Time{})), false)
		same(t, get(t, s, id).In("attic"), true)
	}},
	{"one that joined for the first time since is kept", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		ok(t, addRoom(t, s, addParams(id, "attic")))
		same(t, must[bool](t)(s.Delete(t.Context(), id, time.Time{})), false)
	}},
	{"one that is not there counts as deleted", func(t *testing.T, s connection.Store) {
		id := unique(t, "absent")
		same(t, must[bool](t)(s.Delete(t.Context(), id, time.Time{})), true)
		same(t, must[bool](t)(s.Delete(t.Context(), id, Start)), true)
	}},
	{"a join and a removal at once leave no half", func(t *testing.T, s connection.Store) {
		for i := range 8 {
			id := numbered(unique(t, "connection"), i)
			ok(t, s.Put(t.Context(), joined(id)))
			won := race(t, 2, func(i int) (bool, error) {
				if i == 0 {
					err := addRoom(t, s, addParams(id, "attic"))
					return err == nil, ignore(err, connection.ErrNotFound)
				}
				return s.Delete(t.Context(), id, joined(id).JoinedAt)
			})
			if won[0] == won[1] {
				t.Fatalf("joined %v, deleted %v", won[0], won[1])
			}
		}
	}},
}

// due reads all pages of all partitions and returns the connections of the
// subtest: those with an id in among.
func due(t *testing.T, s connection.Store, now time.Time, among []string) map[string]connection.Connection {
	t.Helper()
	found := map[string]connection.Connection{}
	for partition := range s.Partitions() {
		p := connection.DueParams{Partition: partition, Now: now}
		for {
			page, cursor, err := s.Due(t.Context(), p)
			ok(t, err)
			for _, c := range page {
				if !slices.Contains(among, c.ID) {
					continue
				}
				if _, twice := found[c.ID]; twice {
					t.Fatalf("connection %s comes twice", c.ID)
				}
				found[c.ID] = c
			}
			if cursor == "" {
				break
			}
			if cursor == p.Cursor {
				t.Fatalf("cursor %q does not move", cursor)
			}
			p.Cursor = cursor
		}
	}
	return found
}

var dueTests = []test[connection.Store]{
	{"there is at least one partition", func(t *testing.T, s connection.Store) {
		if s.Partitions() < 1 {
			t.Fatalf("got %d", s.Partitions())
		}
	}},
	{"one comes from its date on with all that is known", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		at := joined(id).CheckAt
		same(t, len(due(t, s, at.Add(-time.Millisecond), []string{id})), 0)
		same(t, due(t, s, at, []string{id})[id], joined(id))
		same(t, len(due(t, s, at.Add(time.Hour), []string{id})), 1)
	}},
	{"a closing one comes too", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.MarkClosing(t.Context(), id, Start))
		same(t, due(t, s, Start, []string{id})[id].Closing, true)
	}},
	{"one whose date was moved comes no more", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.Check(t.Context(), connection.CheckParams{ID: id, Seen: joined(id).CheckAt, Next: Start.Add(time.Hour)}))
		same(t, len(due(t, s, joined(id).CheckAt, []string{id})), 0)
	}},
	{"a deleted one comes no more", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		must[bool](t)(s.Delete(t.Context(), id, time.Time{}))
		same(t, len(due(t, s, Start.Add(time.Hour), []string{id})), 0)
	}},
	{"of many each due one comes once and no other", func(t *testing.T, s connection.Store) {
		var all, want []string
		for i := range 120 {
			id := numbered(unique(t, "connection"), i)
			c := anonymous(id)
			c.CheckAt = Start.Add(time.Duration(i%3) * time.Hour)
			ok(t, s.Put(t.Context(), c))
			all = append(all, id)
			if i%3 < 2 {
				want = append(want, id)
			}
		}
		var got []string
		for id := range due(t, s, Start.Add(time.Hour), all) {
			got = append(got, id)
		}
		slices.Sort(got)
		same(t, got, want)
	}},
}
