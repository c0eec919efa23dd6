package storetest

import (
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

var giveBackTests = []test[msglog.Store]{
	{"a release of a room that stands still frees it", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Delivered, p.Now = 2, Start.Add(time.Second)
		got, released, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, released, true)
		want := msglog.Head{Epoch: "epoch", Seq: 2, Delivered: 2, Generation: 2, Shards: 1}
		same(t, got, want)
		same(t, head(t, s, room), want)
	}},
	{"a release of a room that moved on keeps the lease", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		take(t, s, room)
		p.Delivered, p.Now = 2, Start.Add(time.Second)
		got, released, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, released, false)
		same(t, got.Seq, 3)
		same(t, got.Lease, msglog.Lease{Owner: "ada", Until: p.Until})
		same(t, head(t, s, room).PendingSince, Start)
	}},
	{"a release after its end is well if nobody took it", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 1)
		p.Delivered, p.Now = 1, p.Until.Add(time.Minute)
		_, released, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, released, true)
		same(t, head(t, s, room).Lease, msglog.Lease{})
	}},
	{"a release of what another holds is refused", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		other := leaseParams(room, "bob")
		other.Delivered = 2
		_, released, err := s.ReleaseLease(t.Context(), other)
		fails(t, err, msglog.ErrLeaseLost)
		same(t, released, false)
		same(t, head(t, s, room).Lease.Owner, p.Owner)
		same(t, head(t, s, room).Delivered, 0)
	}},
	{"a release in another epoch is refused", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Epoch, p.Delivered = "former", 2
		_, _, err := s.ReleaseLease(t.Context(), p)
		fails(t, err, msglog.ErrLeaseLost)
		same(t, head(t, s, room).Lease.Owner, "ada")
	}},
	{"a release of what nobody holds is refused if it would deliver more", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		p := leaseParams(room, "ada")
		p.Delivered = 1
		_, _, err := s.ReleaseLease(t.Context(), p)
		fails(t, err, msglog.ErrLeaseLost)
		same(t, head(t, s, room), msglog.Head{})
		take(t, s, room)
		_, _, err = s.ReleaseLease(t.Context(), p)
		fails(t, err, msglog.ErrLeaseLost)
	}},
	{"the same release twice counts as released", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Delivered = 2
		for range 2 {
			got, released, err := s.ReleaseLease(t.Context(), p)
			ok(t, err)
			same(t, released, true)
			same(t, got, head(t, s, room))
		}
		take(t, s, room)
		got, released, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, released, true)
		same(t, got.Seq, 3)
		same(t, got.Delivered, 2)
	}},
	{"abandoning frees a room that moved on", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 3)
		p.Delivered, p.Now = 1, Start.Add(time.Second)
		ok(t, s.AbandonLease(t.Context(), p))
		same(t, head(t, s, room), msglog.Head{Epoch: "epoch", Seq: 3, Delivered: 1, PendingSince: Start, Retention: retention, Generation: 2, Shards: 1})
		other := leaseParams(room, "bob")
		acquire(t, s, other)
	}},
	{"abandoning never moves the pointer back", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 3)
		p.Delivered = 2
		ok(t, s.RenewLease(t.Context(), p))
		p.Delivered = 1
		ok(t, s.AbandonLease(t.Context(), p))
		same(t, head(t, s, room).Lease, msglog.Lease{})
		same(t, head(t, s, room).Delivered, 2)
	}},
	{"abandoning what another holds is refused", func(t *testing.T, s msglog.Store) {
		room, _ := held(t, s, 2)
		other := leaseParams(room, "bob")
		other.Delivered = 1
		fails(t, s.AbandonLease(t.Context(), other), msglog.ErrLeaseLost)
		same(t, head(t, s, room).Lease.Owner, "ada")
		same(t, head(t, s, room).Delivered, 0)
	}},
	{"abandoning in another epoch is refused", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Epoch = "former"
		fails(t, s.AbandonLease(t.Context(), p), msglog.ErrLeaseLost)
		same(t, head(t, s, room).Lease.Owner, "ada")
	}},
	{"abandoning what nobody holds is refused if it would deliver more", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		p := leaseParams(room, "ada")
		p.Delivered = 1
		fails(t, s.AbandonLease(t.Context(), p), msglog.ErrLeaseLost)
		same(t, head(t, s, room), msglog.Head{})
	}},
	{"abandoning twice is as once", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 3)
		p.Delivered = 1
		ok(t, s.AbandonLease(t.Context(), p))
		ok(t, s.AbandonLease(t.Context(), p))
		same(t, head(t, s, room).Delivered, 1)
	}},
}
