package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

// lateConnectionTests do for connections what lateRoomTests do for memberships.
var lateConnectionTests = []test[connection.Store]{
	{"a registration wipes out nothing", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		p := authenticateParams(id)
		p.Rooms = []string{"lobby"}
		want := must[connection.Connection](t)(s.Authenticate(t.Context(), p))
		ok(t, s.Put(t.Context(), anonymous(id)))
		same(t, get(t, s, id), want)
		ok(t, s.MarkClosing(t.Context(), id, Start.Add(time.Minute)))
		ok(t, s.Put(t.Context(), anonymous(id)))
		same(t, get(t, s, id).Closing, true)
	}},
	{"a join sets the latest join not back", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		first, second := addParams(id, "lobby"), addParams(id, "attic")
		second.At, second.Now = first.At.Add(38*time.Second), first.Now.Add(38*time.Second)
		ok(t, addRoom(t, s, first))
		ok(t, addRoom(t, s, second))
		want := get(t, s, id)
		same(t, must[connection.Connection](t)(s.AddRoom(t.Context(), first)), want)
		same(t, get(t, s, id), want)
	}},
	{"the first step of a join that was never done adds its room and sets the latest join not back", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		late := addParams(id, "attic")
		late.At, late.Now = Start, joined(id).JoinedAt.Add(-time.Millisecond)
		want := joined(id)
		want.Rooms["attic"] = late.At
		same(t, must[connection.Connection](t)(s.AddRoom(t.Context(), late)), want)
		same(t, get(t, s, id), want)
		late.Room = "cellar"
		fails(t, addRoom(t, s, late), connection.ErrTooManyRooms)
		same(t, get(t, s, id), want)
	}},
	{"nor is a room's join or the latest one set back together", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		first, second := addParams(id, "lobby"), addParams(id, "lobby")
		second.At, second.Now = first.At.Add(time.Minute), first.Now.Add(time.Minute)
		ok(t, addRoom(t, s, first))
		want := must[connection.Connection](t)(s.AddRoom(t.Context(), second))
		same(t, must[connection.Connection](t)(s.AddRoom(t.Context(), first)), want)
		same(t, get(t, s, id), want)
	}},
	{"a join is not added to one that is over", func(t *testing.T, s connection.Store) {
		over(t, s, func(id string) error { return addRoom(t, s, addParams(id, "lobby")) })
		id := put(t, s, joined)
		must[bool](t)(s.Delete(t.Context(), id, joined(id).JoinedAt))
		fails(t, addRoom(t, s, addParams(id, "lobby")), connection.ErrNotFound)
	}},
	{"a hello sets no room and not the latest join back", func(t *testing.T, s connection.Store) {
		for _, session := range []string{"", "fresh"} {
			id := numbered(unique(t, "connection"), len(session))
			ok(t, s.Put(t.Context(), joined(id)))
			p := authenticateParams(id)
			p.Session, p.Rooms = session, []string{"lobby", "attic"}
			must[connection.Connection](t)(s.Authenticate(t.Context(), p))
			newer := authenticateParams(id)
			newer.TokenAt, newer.Rooms = newer.TokenAt.Add(time.Second), []string{"lobby"}
			newer.At, newer.Now = newer.At.Add(time.Second), newer.Now.Add(time.Second)
			must[connection.Connection](t)(s.Authenticate(t.Context(), newer))
			again := addParams(id, "attic")
			again.At, again.Now = newer.At, newer.Now
			want := must[connection.Connection](t)(s.AddRoom(t.Context(), again))
			same(t, must[connection.Connection](t)(s.Authenticate(t.Context(), p)), want)
			same(t, get(t, s, id), want)
		}
	}},
	{"a hello that adds a room beside a later join of another", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		want, p := joined(id), authenticateParams(id)
		p.Identity, p.TokenAt, p.Session, p.CheckAt = want.Identity, want.TokenAt, "", want.CheckAt
		p.Rooms, p.Now = []string{"attic"}, want.JoinedAt.Add(-time.Millisecond)
		want.Rooms["attic"] = p.At
		same(t, must[connection.Connection](t)(s.Authenticate(t.Context(), p)), want)
		same(t, get(t, s, id), want)
	}},
	{"a hello whose rooms and token are all overtaken begins a join all the same", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		want := must[connection.Connection](t)(s.Authenticate(t.Context(), authenticateParams(id)))
		p := late(id, time.Second)
		p.Rooms, p.At = []string{"lobby"}, Start.Add(-time.Second)
		want.JoinedAt = p.Now
		same(t, must[connection.Connection](t)(s.Authenticate(t.Context(), p)), want)
		same(t, get(t, s, id), want)
	}},
	{"a token takes the place of no later one and lifts no sentence", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		p, newer := authenticateParams(id), late(id, -time.Second)
		p.Session = ""
		must[connection.Connection](t)(s.Authenticate(t.Context(), p))
		must[connection.Connection](t)(s.Authenticate(t.Context(), newer))
		ok(t, s.Condemn(t.Context(), id, 3501, Start))
		want := get(t, s, id)
		for _, one := range []connection.AuthenticateParams{p, newer} {
			same(t, must[connection.Connection](t)(s.Authenticate(t.Context(), one)), want)
		}
		same(t, get(t, s, id), want)
	}},
	{"a leave drops no room of a later join", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.DropRoom(t.Context(), id, "lobby", Start))
		ok(t, addRoom(t, s, addParams(id, "lobby")))
		ok(t, s.DropRoom(t.Context(), id, "lobby", Start))
		same(t, get(t, s, id).In("lobby"), true)
	}},
	{"what was carried over stays so", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		for _, upto := range []int{2, 3, 2} {
			ok(t, s.Carry(t.Context(), id, upto))
		}
		same(t, get(t, s, id), func() connection.Connection { c := joined(id); c.Carried = 3; return c }())
	}},
	{"a look takes back no strike", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		alive := connection.CheckParams{ID: id, Seen: joined(id).CheckAt, Next: Start.Add(time.Hour)}
		ok(t, s.Check(t.Context(), alive))
		strike := connection.CheckParams{ID: id, Seen: alive.Next, Strikes: 1, Next: alive.Next.Add(time.Second)}
		ok(t, s.Check(t.Context(), strike))
		ok(t, s.Check(t.Context(), alive))
		c := get(t, s, id)
		same(t, c.Strikes, 1)
		same(t, c.CheckAt, strike.Next)
	}},
	{"a strike that was taken back does not count again", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		strike := connection.CheckParams{ID: id, Seen: joined(id).CheckAt, Strikes: 1, Next: joined(id).CheckAt.Add(time.Second)}
		ok(t, s.Check(t.Context(), strike))
		ok(t, s.Check(t.Context(), connection.CheckParams{ID: id, Seen: strike.Next, Next: Start.Add(time.Hour)}))
		want := get(t, s, id)
		ok(t, s.Check(t.Context(), strike))
		same(t, get(t, s, id), want)
	}},
	{"a look does not put off the end of a token that came meanwhile", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		short := authenticateParams(id)
		short.CheckAt = Start.Add(12 * time.Minute)
		want := must[connection.Connection](t)(s.Authenticate(t.Context(), short))
		for range 2 {
			ok(t, s.Check(t.Context(), connection.CheckParams{ID: id, Seen: joined(id).CheckAt, Next: Start.Add(20 * time.Minute)}))
			same(t, get(t, s, id), want)
		}
	}},
	{"a sentence lowers no higher one", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		for _, code := range []int{3001, 3503, 3001} {
			ok(t, s.Condemn(t.Context(), id, code, Start))
		}
		same(t, get(t, s, id).Sentence, 3503)
	}},
	{"the end of one that is gone brings nothing back", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.MarkClosing(t.Context(), id, Start))
		for range 2 {
			same(t, must[bool](t)(s.Delete(t.Context(), id, joined(id).JoinedAt)), true)
		}
		fails(t, s.MarkClosing(t.Context(), id, Start), connection.ErrNotFound)
		_, err := s.Get(t.Context(), id)
		fails(t, err, connection.ErrNotFound)
	}},
	{"a deletion spares one that has joined since", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, addRoom(t, s, addParams(id, "attic")))
		older := addParams(id, "cellar")
		older.Max, older.At, older.Now = 9, Start, joined(id).JoinedAt
		ok(t, addRoom(t, s, older)) // a late first step of the join that the deletion has seen
		same(t, must[bool](t)(s.Delete(t.Context(), id, joined(id).JoinedAt)), false)
		same(t, len(get(t, s, id).Rooms), 4)
	}},
	{"nothing goes back in any order", func(t *testing.T, s connection.Store) {
		for seed := range uint64(4) {
			nothingGoesBack(t, s, rand.New(rand.NewPCG(seed, 7))) //nolint:gosec // repeatable
		}
	}},
}

// writes are all changes of a connection, each with its own parameters; moment
// grows from one to the next.
var writes = []func(t *testing.T, s connection.Store, id string, moment int) func() error{
	func(t *testing.T, s connection.Store, id string, moment int) func() error {
		p := authenticateParams(id)
		at := Start.Add(time.Duration(moment) * time.Second)
		p.TokenAt, p.At, p.Now, p.Max, p.CheckAt = at, at, at.Add(time.Millisecond), 9, at.Add(time.Minute)
		p.Rooms = [][]string{nil, {"a"}, {"a", "b"}}[moment%3]
		p.Identity.Permissions = []auth.Permissions{nil, {}, {"*": {auth.Join}}}[moment/3%3]
		return func() error { _, err := s.Authenticate(t.Context(), p); return err }
	},
	func(t *testing.T, s connection.Store, id string, moment int) func() error {
		p := addParams(id, []string{"a", "b", "c"}[moment%3])
		p.At = Start.Add(time.Duration(moment) * time.Second)
		p.Now, p.Max = p.At.Add(time.Duration(moment%7)*time.Second), 9
		return func() error { return addRoom(t, s, p) }
	},
	func(t *testing.T, s connection.Store, id string, moment int) func() error {
		return func() error {
			return s.DropRoom(t.Context(), id, []string{"a", "b", "c"}[moment%3], Start.Add(time.Duration(moment)*time.Second))
		}
	},
	func(t *testing.T, s connection.Store, id string, _ int) func() error {
		upto := get(t, s, id).Regrants
		return func() error { return s.Carry(t.Context(), id, upto) }
	},
	func(t *testing.T, s connection.Store, id string, moment int) func() error {
		p := connection.CheckParams{ID: id, Seen: get(t, s, id).CheckAt, Strikes: moment % 2, Next: Start.Add(time.Duration(moment) * time.Hour)}
		return func() error { return s.Check(t.Context(), p) }
	},
	func(t *testing.T, s connection.Store, id string, moment int) func() error {
		if moment < 30 {
			return func() error { return nil } // not yet, or Check and Authenticate would do little
		}
		return func() error { return s.Condemn(t.Context(), id, 3001+moment%2, Start) }
	},
	func(t *testing.T, s connection.Store, id string, _ int) func() error {
		return func() error { return s.Put(t.Context(), anonymous(id)) }
	},
}

// nothingGoesBack applies random changes to one connection, repeats an earlier
// one now and then, and checks after each that nothing has gone back.
func nothingGoesBack(t *testing.T, s connection.Store, random *rand.Rand) {
	t.Helper()
	const steps = 40
	id := put(t, s, joined)
	c := joined(id)
	trace := ""
	var late []func() error
	for moment := 2; moment < steps; moment++ {
		n := random.IntN(len(writes))
		write := writes[n](t, s, id, moment)
		ok(t, write())
		trace += fmt.Sprint(" ", n)
		looked := get(t, s, id)
		advanced(t, c, looked, trace)
		c = looked
		late = append(late, write)
		if random.IntN(2) == 0 {
			k := random.IntN(len(late))
			ok(t, late[k]())
			trace += fmt.Sprint(" late:", k)
			after := get(t, s, id)
			advanced(t, c, after, trace)
			same(t, after.Strikes, c.Strikes) // no late look counts
			c = after
		}
	}
}

// advanced checks that nothing of a connection has gone back.
func advanced(t *testing.T, before, after connection.Connection, trace string) {
	t.Helper()
	back := after.JoinedAt.Before(before.JoinedAt) || after.TokenAt.Before(before.TokenAt) || after.Carried < before.Carried ||
		after.Regrants < before.Regrants || after.Sentence < before.Sentence || after.Identity.User != before.Identity.User
	for name, at := range after.Rooms {
		back = back || at.Before(before.Rooms[name])
	}
	if back {
		t.Fatalf("after%s: %+v became %+v", trace, before, after)
	}
}
