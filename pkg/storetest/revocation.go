package storetest

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/revocation"
)

// RunRevocations checks an implementation of revocation.Store.
func RunRevocations(t *testing.T, factory func(*testing.T) revocation.Store) {
	run(t, "Revocations", factory, revocationTests)
	run(t, "Late", factory, lateRevocationTests)
}

// revocationsOf returns the revocations of one user, by session.
func revocationsOf(t *testing.T, s revocation.Store, user string, since time.Time) revocation.List {
	t.Helper()
	list := slices.DeleteFunc(must[revocation.List](t)(s.Revocations(t.Context(), revocation.Shard(user), since)),
		func(r revocation.Revocation) bool { return r.User != user })
	slices.SortFunc(list, func(a, b revocation.Revocation) int { return strings.Compare(a.Session, b.Session) })
	for i := range list {
		list[i].At = list[i].At.UTC()
	}
	return list
}

var revocationTests = []test[revocation.Store]{
	{"are none at first", func(t *testing.T, s revocation.Store) {
		same(t, revocationsOf(t, s, unique(t, "user"), time.Time{}), nil)
	}},
	{"of user and session stand side by side", func(t *testing.T, s revocation.Store) {
		user := unique(t, "user#: ü")
		all := revocation.List{{User: user, At: Start}, {User: user, Session: "a#b", At: Start.Add(time.Second)}}
		for _, r := range all {
			ok(t, s.Revoke(t.Context(), r))
		}
		same(t, revocationsOf(t, s, user, Start), all)
	}},
	{"move forward and never back", func(t *testing.T, s revocation.Store) {
		user := unique(t, "user")
		for _, d := range []time.Duration{0, time.Hour, time.Minute} {
			ok(t, s.Revoke(t.Context(), revocation.Revocation{User: user, At: Start.Add(d)}))
		}
		same(t, revocationsOf(t, s, user, time.Time{}), revocation.List{{User: user, At: Start.Add(time.Hour)}})
	}},
	{"before a time are not returned", func(t *testing.T, s revocation.Store) {
		user := unique(t, "user")
		ok(t, s.Revoke(t.Context(), revocation.Revocation{User: user, At: Start}))
		same(t, revocationsOf(t, s, user, Start.Add(time.Millisecond)), nil)
	}},
	{"stand in the shard of their user and in no other", func(t *testing.T, s revocation.Store) {
		user := unique(t, "user")
		ok(t, s.Revoke(t.Context(), revocation.Revocation{User: user, At: Start}))
		for shard := range revocation.Shards {
			list := must[revocation.List](t)(s.Revocations(t.Context(), shard, time.Time{}))
			same(t, list.Holds(user, "", Start), shard == revocation.Shard(user))
		}
	}},
	{"made at once are all kept", func(t *testing.T, s revocation.Store) {
		user := unique(t, "user")
		var group sync.WaitGroup
		for i := range width {
			group.Go(func() {
				r := revocation.Revocation{User: user, Session: strings.Repeat("x", i), At: Start}
				if err := s.Revoke(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := len(revocationsOf(t, s, user, Start)); n != width {
			t.Errorf("%d of %d are left", n, width)
		}
	}},
}
