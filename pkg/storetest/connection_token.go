package storetest

import (
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

// late returns the parameters of a command with its own token that came before
// the command of authenticateParams.
func late(id string, before time.Duration) connection.AuthenticateParams {
	p := authenticateParams(id)
	p.Identity = auth.Identity{User: "ada", Expires: Start.Add(time.Minute), Permissions: auth.Permissions{"*": {"*"}}}
	p.CheckAt, p.Session = Start.Add(time.Minute), ""
	p.TokenAt = p.TokenAt.Add(-before)
	return p
}

// tokenTests check that the newest token of a connection counts, in whatever
// order the commands run.
var tokenTests = []test[connection.Store]{
	{"a token that was shown earlier changes nothing", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		want := must[connection.Connection](t)(s.Authenticate(t.Context(), authenticateParams(id)))
		same(t, must[connection.Connection](t)(s.Authenticate(t.Context(), late(id, time.Millisecond))), want)
		same(t, get(t, s, id), want)
	}},
	{"nor does that of the handshake", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		want := must[connection.Connection](t)(s.Authenticate(t.Context(), authenticateParams(id)))
		p := late(id, 0)
		p.TokenAt = time.Time{}
		same(t, must[connection.Connection](t)(s.Authenticate(t.Context(), p)), want)
		same(t, get(t, s, id), want)
	}},
	{"one of the same moment or later takes its place", func(t *testing.T, s connection.Store) {
		for _, after := range []time.Duration{0, time.Millisecond} {
			id := put(t, s, joined)
			must[connection.Connection](t)(s.Authenticate(t.Context(), authenticateParams(id)))
			p := late(id, -after)
			got := must[connection.Connection](t)(s.Authenticate(t.Context(), p))
			same(t, got.Identity, p.Identity)
			same(t, got.TokenAt, p.TokenAt)
			same(t, got.CheckAt, p.CheckAt)
			same(t, get(t, s, id), got)
		}
	}},
	{"that of the handshake may be shown again until another is", func(t *testing.T, s connection.Store) {
		id := put(t, s, anonymous)
		p := authenticateParams(id)
		p.TokenAt = time.Time{}
		for range 2 {
			got := must[connection.Connection](t)(s.Authenticate(t.Context(), p))
			same(t, got.Identity, p.Identity)
			same(t, got.TokenAt.IsZero(), true)
		}
		same(t, must[connection.Connection](t)(s.Authenticate(t.Context(), authenticateParams(id))).TokenAt, authenticateParams(id).TokenAt)
	}},
	{"session and rooms of a command whose token is overtaken count", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		want := must[connection.Connection](t)(s.Authenticate(t.Context(), authenticateParams(id)))
		p := late(id, time.Millisecond)
		p.Session, p.Rooms = "another", []string{"attic"}
		want.Session, want.JoinedAt, want.Rooms["attic"] = "another", p.Now, p.At
		same(t, must[connection.Connection](t)(s.Authenticate(t.Context(), p)), want)
		same(t, get(t, s, id), want)
		p.Rooms, p.Max = []string{"cellar"}, 3
		_, err := s.Authenticate(t.Context(), p)
		fails(t, err, connection.ErrTooManyRooms)
		same(t, get(t, s, id), want)
	}},
	{"an overtaken one of another user is refused, of one that is over not found", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		must[connection.Connection](t)(s.Authenticate(t.Context(), authenticateParams(id)))
		p := late(id, time.Hour)
		p.Identity.User = "bob"
		_, err := s.Authenticate(t.Context(), p)
		fails(t, err, connection.ErrOtherUser)
		ok(t, s.MarkClosing(t.Context(), id, Start))
		_, err = s.Authenticate(t.Context(), late(id, time.Hour))
		fails(t, err, connection.ErrNotFound)
	}},
	{"of many at once the newest stands", func(t *testing.T, s connection.Store) {
		id := put(t, s, joined)
		race(t, width, func(i int) (struct{}, error) {
			p := authenticateParams(id)
			p.TokenAt = p.TokenAt.Add(time.Duration(i) * time.Millisecond)
			p.Identity.Expires = Start.Add(time.Hour + time.Duration(i)*time.Minute)
			_, err := s.Authenticate(t.Context(), p)
			return struct{}{}, err
		})
		same(t, get(t, s, id).Identity.Expires, Start.Add(time.Hour+(width-1)*time.Minute))
	}},
}
