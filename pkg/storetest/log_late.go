package storetest

import (
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// lateTests make a request and then, after something else has happened, the same
// request again: an attempt whose answer was lost takes effect after the retry.
// See "Late effects" in msglog/PROOF.md.
var lateTests = []test[msglog.Store]{
	{"a lease that was released is not taken by its first request", func(t *testing.T, s msglog.Store) {
		room, first := held(t, s, 1)
		p := first
		p.Delivered = 1
		_, released, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, released, true)
		take(t, s, room)
		ineffective(t, s, first)
	}},
	{"a lease that was abandoned is not taken by its first request", func(t *testing.T, s msglog.Store) {
		_, first := held(t, s, 2)
		ok(t, s.AbandonLease(t.Context(), first)) // the pointer has not moved
		ineffective(t, s, first)
	}},
	{"a lease that was refused to a request is not taken by it once the holder has released it", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 1)
		other := leaseParams(room, "bob")
		for other.Generation = range uint64(4) {
			_, acquired, err := s.AcquireLease(t.Context(), other)
			ok(t, err)
			same(t, acquired, false)
		}
		other.Generation = 1 // as bob saw it
		p.Delivered = 1
		_, released, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, released, true)
		take(t, s, room)
		ineffective(t, s, other)
	}},
	{"a lease that the holder of an expired one has renewed is not taken by a request that saw it expired", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		other := leaseParams(room, "bob")
		other.Generation, other.Now, other.Until = 1, p.Until, p.Until.Add(leaseFor)
		p.Now, p.Until, p.Delivered = p.Until, p.Until.Add(leaseFor), 2
		ok(t, s.RenewLease(t.Context(), p))
		ineffective(t, s, other)
		_, released, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, released, true)
		take(t, s, room)
		ineffective(t, s, other)
	}},
	{"a lease of another incarnation is not taken by an older request", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		take(t, s, room)
		p := leaseParams(room, "ada")
		p.Epoch = "former"
		ineffective(t, s, p)
	}},
	{"an old renewal sets neither end nor pointer back", func(t *testing.T, s msglog.Store) {
		room, first := held(t, s, 3)
		first.Delivered = 1
		ok(t, s.RenewLease(t.Context(), first))
		second := first
		second.Delivered, second.Until = 2, first.Until.Add(leaseFor)
		ok(t, s.RenewLease(t.Context(), second))
		ok(t, s.RenewLease(t.Context(), first))
		got := head(t, s, room)
		same(t, got.Lease, msglog.Lease{Owner: "ada", Until: second.Until})
		same(t, got.Delivered, 2)
	}},
	{"a renewal does not bring a lease back", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Delivered = 1
		ok(t, s.RenewLease(t.Context(), p))
		ok(t, s.AbandonLease(t.Context(), p))
		unchanged(t, s, room, func() { fails(t, s.RenewLease(t.Context(), p), msglog.ErrLeaseLost) })
		acquire(t, s, leaseParams(room, "bob"))
		unchanged(t, s, room, func() { fails(t, s.RenewLease(t.Context(), p), msglog.ErrLeaseLost) })
	}},
	{"a release changes nothing after more was handed out or another has the lease", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 1)
		p.Delivered = 1
		_, _, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		take(t, s, room)
		again := func() {
			_, _, err := s.ReleaseLease(t.Context(), p)
			if err != nil {
				fails(t, err, msglog.ErrLeaseLost)
			}
		}
		unchanged(t, s, room, again)
		other := leaseParams(room, "bob")
		acquire(t, s, other)
		unchanged(t, s, room, again)
		other.Delivered = 2
		_, _, err = s.ReleaseLease(t.Context(), other)
		ok(t, err)
		unchanged(t, s, room, again)
	}},
	{"abandoning changes nothing after another has taken the lease", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Delivered = 1
		ok(t, s.AbandonLease(t.Context(), p))
		unchanged(t, s, room, func() { ok(t, s.AbandonLease(t.Context(), p)) })
		acquire(t, s, leaseParams(room, "bob"))
		unchanged(t, s, room, func() { fails(t, s.AbandonLease(t.Context(), p), msglog.ErrLeaseLost) })
	}},
	{"an old claim does not take a key back", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		first := markParams(room, 1)
		mark(t, s, first)
		move(t, s, moveParams(room, 1, 2))
		same(t, mark(t, s, first), place(2))
		later := markParams(room, 9)
		later.Now, later.Expires = Start.Add(2*window), Start.Add(3*window)
		same(t, mark(t, s, later), place(9))
		same(t, mark(t, s, first), place(9))
	}},
	{"an old move does not take a key back", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 1))
		first := moveParams(room, 1, 2)
		move(t, s, first)
		move(t, s, moveParams(room, 2, 3))
		same(t, move(t, s, first), place(3))
		later := markParams(room, 9)
		later.Now, later.Expires = Start.Add(2*window), Start.Add(3*window)
		same(t, mark(t, s, later), place(9))
		same(t, move(t, s, first), place(9))
	}},
	{"an old entry does not fill a number that is void", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		fill(t, s, fillParams(room, msglog.Void(1)))
		for range 2 {
			stands, filled, err := s.Fill(t.Context(), fillParams(room, entry(1)))
			ok(t, err)
			same(t, stands, msglog.Void(1))
			same(t, filled, false)
		}
	}},
	{"an old number is a new one and takes nothing back", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 1)
		p.Delivered = 1
		_, _, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		later := takeParams(room, "another")
		later.Now = Start.Add(time.Second)
		must[msglog.Head](t)(s.TakeNumber(t.Context(), later))
		same(t, take(t, s, room), msglog.Head{
			Epoch: "epoch", Seq: 3, Delivered: 1, PendingSince: later.Now, Retention: retention, Generation: 2, Shards: 1,
		})
	}},
}

// ineffective checks that a request for the lease changes nothing.
func ineffective(t *testing.T, s msglog.Store, p msglog.LeaseParams) {
	t.Helper()
	unchanged(t, s, p.Room, func() {
		_, acquired, err := s.AcquireLease(t.Context(), p)
		ok(t, err)
		same(t, acquired, false)
	})
}

// unchanged checks that f leaves the head as it is.
func unchanged(t *testing.T, s msglog.Store, room string, f func()) {
	t.Helper()
	before := head(t, s, room)
	f()
	same(t, head(t, s, room), before)
}
