package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

// RunTickets checks an implementation of ticket.Store.
func RunTickets(t *testing.T, factory func(*testing.T) ticket.Store) {
	run(t, "Tickets", factory, ticketTests)
	run(t, "Late", factory, lateTicketTests)
}

// ticketOf returns a ticket that can be used for a minute from Start on.
func ticketOf(t *testing.T) ticket.Ticket {
	return ticket.Ticket{
		Digest: unique(t, "digest"), Expires: Start.Add(time.Minute),
		Identity: auth.Identity{
			User: "ada", Issued: Start, Expires: Start.Add(time.Hour), Permissions: auth.Permissions{"a.*": {auth.Join, auth.Publish}},
		},
	}
}

// redeem uses a ticket at a time after Start.
func redeem(t *testing.T, s ticket.Store, digest, connection string, after time.Duration) (auth.Identity, error) {
	t.Helper()
	return s.Take(t.Context(), ticket.TakeParams{Digest: digest, ConnectionID: connection, Now: Start.Add(after)})
}

func refusesTicket(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ticket.ErrInvalid) {
		t.Errorf("got %v, want %v", err, ticket.ErrInvalid)
	}
}

var ticketTests = []test[ticket.Store]{
	{"lets in whom it was made for", func(t *testing.T, s ticket.Store) {
		made := ticketOf(t)
		ok(t, s.Put(t.Context(), made))
		id := must[auth.Identity](t)(redeem(t, s, made.Digest, "a=", 0))
		id.Issued, id.Expires = id.Issued.UTC(), id.Expires.UTC()
		same(t, id, made.Identity)
	}},
	{"keeps apart permissions that grant nothing and none", func(t *testing.T, s ticket.Store) {
		for i, p := range []auth.Permissions{nil, {}} {
			made := ticketOf(t)
			made.Digest, made.Identity.Permissions = numbered(made.Digest, i), p
			ok(t, s.Put(t.Context(), made))
			id := must[auth.Identity](t)(redeem(t, s, made.Digest, "a=", 0))
			if (id.Permissions == nil) != (p == nil) {
				t.Errorf("%#v became %#v", p, id.Permissions)
			}
		}
	}},
	{"works once", func(t *testing.T, s ticket.Store) {
		made := ticketOf(t)
		ok(t, s.Put(t.Context(), made))
		must[auth.Identity](t)(redeem(t, s, made.Digest, "a=", 0))
		_, err := redeem(t, s, made.Digest, "b=", 0)
		refusesTicket(t, err)
	}},
	{"is known again by the connection that used it", func(t *testing.T, s ticket.Store) {
		made := ticketOf(t)
		ok(t, s.Put(t.Context(), made))
		for range 2 { // as after a lost answer
			must[auth.Identity](t)(redeem(t, s, made.Digest, "a=", 0))
		}
		_, err := redeem(t, s, made.Digest, "b=", 0)
		refusesTicket(t, err)
	}},
	{"lets one of many in that come at once", func(t *testing.T, s ticket.Store) {
		made := ticketOf(t)
		ok(t, s.Put(t.Context(), made))
		var in atomic.Int32
		var group sync.WaitGroup
		for i := range width {
			group.Go(func() {
				_, err := redeem(t, s, made.Digest, numbered("c", i), 0)
				if err == nil {
					in.Add(1)
				} else {
					refusesTicket(t, err)
				}
			})
		}
		group.Wait()
		if n := in.Load(); n != 1 {
			t.Errorf("%d came in", n)
		}
	}},
	{"ends at its time", func(t *testing.T, s ticket.Store) {
		made := ticketOf(t)
		ok(t, s.Put(t.Context(), made))
		_, err := redeem(t, s, made.Digest, "a=", time.Minute)
		refusesTicket(t, err)
		must[auth.Identity](t)(redeem(t, s, made.Digest, "a=", time.Minute-time.Millisecond))
		_, err = redeem(t, s, made.Digest, "a=", time.Minute)
		refusesTicket(t, err)
	}},
	{"that was never made lets nobody in", func(t *testing.T, s ticket.Store) {
		_, err := redeem(t, s, unique(t, "digest"), "a=", 0)
		refusesTicket(t, err)
	}},
}
