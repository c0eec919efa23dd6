package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// RunConnections checks an implementation of connection.Store.
func RunConnections(t *testing.T, factory func(*testing.T) connection.Store) {
	run(t, "Put", factory, putTests)
	run(t, "Authenticate", factory, authenticateTests)
	run(t, "Rooms", factory, roomSetTests)
	run(t, "Tokens", factory, tokenTests)
	run(t, "Regrants", factory, regrantTests)
	run(t, "Check", factory, checkTests)
	run(t, "End", factory, endTests)
	run(t, "Due", factory, dueTests)
	run(t, "Late", factory, lateConnectionTests)
}

// joined returns a connection with everything set.
func joined(id string) connection.Connection {
	return connection.Connection{
		ID: id,
		Identity: auth.Identity{User: "ada", Issued: Start.Add(-time.Minute), Expires: Start.Add(time.Hour), Permissions: auth.Permissions{
			"org.42.*": {auth.Join, auth.Publish}, "user.{sub}": {"*"},
		}},
		TokenAt: Start.Add(-time.Hour), Session: "session", ConnectedAt: Start, Rooms: map[string]time.Time{"lobby": Start, "org.42.a/b": Start.Add(time.Second)},
		JoinedAt: Start.Add(time.Second), Regrants: 3, Carried: 2, CheckAt: Start.Add(10 * time.Minute), Strikes: 1,
	}
}

// anonymous returns a connection that has not authenticated.
func anonymous(id string) connection.Connection {
	return connection.Connection{ID: id, ConnectedAt: Start, CheckAt: Start.Add(10 * time.Second)}
}

var puts atomic.Int64

// put registers a connection under a new id, which it returns.
func put(t *testing.T, s connection.Store, make func(id string) connection.Connection) string {
	t.Helper()
	id := fmt.Sprintf("%s%d=", unique(t, "connection"), puts.Add(1))
	ok(t, s.Put(t.Context(), make(id)))
	return id
}

func get(t *testing.T, s connection.Store, id string) connection.Connection {
	t.Helper()
	return must[connection.Connection](t)(s.Get(t.Context(), id))
}

// over runs f on a missing connection and on a closing one: both calls must fail
// with ErrNotFound, and change nothing.
func over(t *testing.T, s connection.Store, f func(id string) error) {
	t.Helper()
	absent := unique(t, "absent")
	fails(t, f(absent), connection.ErrNotFound)
	_, err := s.Get(t.Context(), absent)
	fails(t, err, connection.ErrNotFound)

	id := put(t, s, joined)
	ok(t, s.MarkClosing(t.Context(), id, Start.Add(time.Minute)))
	before := get(t, s, id)
	fails(t, f(id), connection.ErrNotFound)
	same(t, get(t, s, id), before)
}

var putTests = []test[connection.Store]{
	{"a connection comes back as it was written", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		same(t, get(t, s, id), joined(id))
	}},
	{"one that has not authenticated too", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		same(t, get(t, s, id), anonymous(id))
	}},
	{"one that is over or under sentence too", func(t *testing.T, s connection.Store) {
		id := unique(t, "connection")
		c := joined(id)
		c.Closing, c.Sentence = true, 3503
		ok(t, s.Put(t.Context(), c))
		same(t, get(t, s, id), c)
	}},
	{"a token that says nothing of rooms differs from one that grants none", func(t *testing.T, s connection.Store) {
		for i, permissions := range []auth.Permissions{nil, {}} {
			c := joined(numbered(unique(t, "connection"), i))
			c.Identity.Permissions = permissions
			ok(t, s.Put(t.Context(), c))
			same(t, get(t, s, c.ID).Identity.Permissions == nil, permissions == nil)
		}
	}},
	{"a token may never expire", func(t *testing.T, s connection.Store) {
		id := unique(t, "connection")
		c := joined(id)
		c.Identity.Expires = time.Time{}
		ok(t, s.Put(t.Context(), c))
		same(t, get(t, s, id).Identity.Expires.IsZero(), true)
	}},
	{"one that is registered already stays as it is", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.Put(t.Context(), anonymous(id)))
		same(t, get(t, s, id), joined(id))
	}},
	{"one that was never there is not found", func(t *testing.T, s connection.Store) {
		_, err := s.Get(t.Context(), unique(t, "absent"))
		fails(t, err, connection.ErrNotFound)
	}},
	{"a peek sees what was true", func(t *testing.T, s connection.Store) {
		_, err := s.Peek(t.Context(), unique(t, "absent"))
		fails(t, err, connection.ErrNotFound)
		id := put(t, s, joined)
		got, err := s.Peek(t.Context(), id)
		if errors.Is(err, connection.ErrNotFound) {
			return // an eventually consistent read may be late
		}
		ok(t, err)
		same(t, got, joined(id))
	}},
	{"each connection is apart", func(t *testing.T, s connection.Store) {
		a, b := unique(t, "a"), unique(t, "b")
		ok(t, s.Put(t.Context(), joined(a)))
		ok(t, s.Put(t.Context(), anonymous(b)))
		same(t, get(t, s, a), joined(a))
		same(t, get(t, s, b), anonymous(b))
	}},
}

func authenticateParams(id string) connection.AuthenticateParams {
	return connection.AuthenticateParams{
		ID:       id,
		Identity: auth.Identity{User: "ada", Expires: Start.Add(2 * time.Hour), Permissions: auth.Permissions{"*": {auth.Join}}},
		TokenAt:  Start.Add(50 * time.Second), Session: "fresh",
		Max: 100, At: Start.Add(50 * time.Second), Now: Start.Add(time.Minute), CheckAt: Start.Add(20 * time.Minute),
	}
}

var authenticateTests = []test[connection.Store]{
	{"it sets identity session and next check and returns all", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		p := authenticateParams(id)
		got := must[connection.Connection](t)(s.Authenticate(t.Context(), p))
		want := connection.Connection{ID: id, Identity: p.Identity, TokenAt: p.TokenAt, Session: "fresh", ConnectedAt: Start, CheckAt: p.CheckAt}
		same(t, got, want)
		same(t, get(t, s, id), want)
	}},
	{"a fresh token replaces the old one's word", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		p := authenticateParams(id)
		p.Identity = auth.Identity{User: "ada"} // never expires, does not mention rooms
		got := must[connection.Connection](t)(s.Authenticate(t.Context(), p))
		same(t, got.Identity, p.Identity)
		same(t, got.Identity.Permissions == nil, true)
		same(t, get(t, s, id).Identity, p.Identity)
	}},
	{"an empty session keeps what there is", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		p := authenticateParams(id)
		p.Session = ""
		got := must[connection.Connection](t)(s.Authenticate(t.Context(), p))
		same(t, got.Session, "session")
	}},
	{"it adds rooms and then says when the join began", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		p := authenticateParams(id)
		p.Rooms = []string{"attic", "lobby"}
		got := must[connection.Connection](t)(s.Authenticate(t.Context(), p))
		same(t, got.Rooms, map[string]time.Time{"attic": p.At, "lobby": p.At, "org.42.a/b": joined(id).Rooms["org.42.a/b"]})
		same(t, got.JoinedAt, p.Now)
		same(t, get(t, s, id), got)
	}},
	{"a room goes on standing for a newer join", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		p := authenticateParams(id)
		p.Rooms, p.At = []string{"attic", "lobby", "org.42.a/b"}, Start.Add(time.Millisecond)
		got := must[connection.Connection](t)(s.Authenticate(t.Context(), p))
		same(t, got.Rooms, map[string]time.Time{"attic": p.At, "lobby": p.At, "org.42.a/b": joined(id).Rooms["org.42.a/b"]})
		same(t, got.JoinedAt, p.Now)
		same(t, got.Identity, p.Identity)
		same(t, get(t, s, id), got)
	}},
	{"as many rooms as a hello may name are added at once", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		p := authenticateParams(id)
		for i := range protocol.MaxRoomsPerCommand {
			p.Rooms = append(p.Rooms, strings.Repeat("r", 125)+numbered("", i))
		}
		same(t, len(must[connection.Connection](t)(s.Authenticate(t.Context(), p)).Rooms), protocol.MaxRoomsPerCommand)
	}},
	{"late one that is somebody's is renewed and one that is nobody's refused", func(t *testing.T, s connection.Store) {
		p := authenticateParams(put(t, s, joined))
		p.Late = true
		same(t, must[connection.Connection](t)(s.Authenticate(t.Context(), p)).Identity, p.Identity)
		p.Identity.User = "bob"
		_, err := s.Authenticate(t.Context(), p)
		fails(t, err, connection.ErrOtherUser)
		p = authenticateParams(put(t, s, anonymous))
		p.Late, p.Rooms = true, []string{"lobby"}
		_, err = s.Authenticate(t.Context(), p)
		fails(t, err, connection.ErrTooLate)
		same(t, get(t, s, p.ID), anonymous(p.ID))
	}},
	{"one more room than max is refused and nothing changes", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		p := authenticateParams(id)
		p.Rooms, p.Max = []string{"attic", "cellar", "lobby"}, 3
		_, err := s.Authenticate(t.Context(), p)
		fails(t, err, connection.ErrTooManyRooms)
		same(t, get(t, s, id), joined(id))
		p.Rooms = []string{"a", "b", "c", "d"}
		_, err = s.Authenticate(t.Context(), p)
		fails(t, err, connection.ErrTooManyRooms)
	}},
	{"at max the rooms that it is in can be joined again", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		p := authenticateParams(id)
		p.Rooms, p.Max = []string{"attic", "lobby", "org.42.a/b"}, 3
		for range 2 {
			same(t, len(must[connection.Connection](t)(s.Authenticate(t.Context(), p)).Rooms), 3)
		}
		p.Rooms, p.Max = nil, 0
		same(t, len(must[connection.Connection](t)(s.Authenticate(t.Context(), p)).Rooms), 3)
	}},
	{"max holds against many hellos at once", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		won := race(t, width, func(i int) (bool, error) {
			p := authenticateParams(id)
			p.Rooms, p.Max = []string{numbered("room", 2*i), numbered("room", 2*i+1)}, 4
			_, err := s.Authenticate(t.Context(), p)
			return err == nil, ignore(err, connection.ErrTooManyRooms)
		})
		same(t, count(won), 2)
		same(t, len(get(t, s, id).Rooms), 4)
	}},
	{"without rooms no join begins", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		got := must[connection.Connection](t)(s.Authenticate(t.Context(), authenticateParams(id)))
		same(t, got.JoinedAt, joined(id).JoinedAt)
	}},
	{"another user is refused and nothing changes", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		p := authenticateParams(id)
		p.Identity.User, p.Rooms = "bob", []string{"attic"}
		_, err := s.Authenticate(t.Context(), p)
		fails(t, err, connection.ErrOtherUser)
		same(t, get(t, s, id), joined(id))
	}},
	{"one that is over is not found", func(t *testing.T, s connection.Store) {
		over(t, s, func(id string) error {
			p := authenticateParams(id)
			p.Rooms = []string{"attic"}
			_, err := s.Authenticate(t.Context(), p)
			return err
		})
	}},
	{"one that is over is not found for another user either", func(t *testing.T, s connection.Store) {
		over(t, s, func(id string) error {
			p := authenticateParams(id)
			p.Identity.User = "bob"
			_, err := s.Authenticate(t.Context(), p)
			return err
		})
	}},
	{"one under sentence stays due", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		ok(t, s.Condemn(t.Context(), id, 3503, Start))
		p := authenticateParams(id)
		got := must[connection.Connection](t)(s.Authenticate(t.Context(), p))
		same(t, got.CheckAt, Start)
		same(t, got.Sentence, 3503)
		same(t, got.Identity, p.Identity)
		p.Identity.User = "bob"
		_, err := s.Authenticate(t.Context(), p)
		fails(t, err, connection.ErrOtherUser)
	}},
	{"of many users one has it", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		won := race(t, width, func(i int) (bool, error) {
			p := authenticateParams(id)
			p.Identity.User = numbered("user", i)
			_, err := s.Authenticate(t.Context(), p)
			return err == nil, ignore(err, connection.ErrOtherUser)
		})
		same(t, count(won), 1)
		same(t, get(t, s, id).Identity.User, numbered("user", slices.Index(won, true)))
	}},
}
