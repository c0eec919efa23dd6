package storetest

import (
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

// lateTicketTests, lateRevocationTests and lateLimitTests do for these stores
// what lateRoomTests do for memberships.
var lateTicketTests = []test[ticket.Store]{
	{"to keep a ticket does not make a used one good again", func(t *testing.T, s ticket.Store) {
		made := ticketOf(t)
		ok(t, s.Put(t.Context(), made))
		must[auth.Identity](t)(redeem(t, s, made.Digest, "a=", 0))
		ok(t, s.Put(t.Context(), made))
		_, err := redeem(t, s, made.Digest, "b=", 0)
		refusesTicket(t, err)
		must[auth.Identity](t)(redeem(t, s, made.Digest, "a=", 0))
	}},
	{"to use a ticket takes it from nobody who used it meanwhile", func(t *testing.T, s ticket.Store) {
		made := ticketOf(t)
		_, err := redeem(t, s, made.Digest, "a=", 0)
		refusesTicket(t, err)
		ok(t, s.Put(t.Context(), made))
		must[auth.Identity](t)(redeem(t, s, made.Digest, "b=", 0))
		_, err = redeem(t, s, made.Digest, "a=", 0)
		refusesTicket(t, err)
		must[auth.Identity](t)(redeem(t, s, made.Digest, "b=", 0))
	}},
}

var lateRevocationTests = []test[revocation.Store]{
	{"one that has moved on does not go back", func(t *testing.T, s revocation.Store) {
		user := unique(t, "user")
		first, second := revocation.Revocation{User: user, At: Start}, revocation.Revocation{User: user, At: Start.Add(time.Second)}
		for _, r := range []revocation.Revocation{first, second, first} {
			ok(t, s.Revoke(t.Context(), r))
		}
		same(t, revocationsOf(t, s, user, time.Time{}), revocation.List{second})
	}},
}

var lateLimitTests = []test[limit.Store]{
	{"what counts twice counts in its own window", func(t *testing.T, s limit.Store) {
		key := unique(t, "late")
		for range 2 {
			must[int](t)(s.Add(t.Context(), use(key, 0, 3)))
			same(t, must[int](t)(s.Add(t.Context(), use(key, 1, 0))), 0)
		}
		same(t, must[int](t)(s.Add(t.Context(), use(key, 0, 0))), 6)
	}},
}
