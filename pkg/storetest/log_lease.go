package storetest

import (
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// leaseFor is the length of a lease in these tests.
const leaseFor = 15 * time.Second

func leaseParams(room, owner string) msglog.LeaseParams {
	return msglog.LeaseParams{Room: room, Owner: owner, Epoch: "epoch", Now: Start, Until: Start.Add(leaseFor)}
}

func head(t *testing.T, s msglog.Store, room string) msglog.Head {
	t.Helper()
	return must[msglog.Head](t)(s.Head(t.Context(), room))
}

// acquire takes the lease under the head's generation.
func acquire(t *testing.T, s msglog.Store, p msglog.LeaseParams) msglog.Head {
	t.Helper()
	p.Generation = head(t, s, p.Room).Generation
	now, acquired, err := s.AcquireLease(t.Context(), p)
	ok(t, err)
	same(t, acquired, true)
	return now
}

// refused checks that the lease is refused under the head's generation.
func refused(t *testing.T, s msglog.Store, p msglog.LeaseParams) {
	t.Helper()
	before := head(t, s, p.Room)
	p.Generation = before.Generation
	now, acquired, err := s.AcquireLease(t.Context(), p)
	ok(t, err)
	same(t, acquired, false)
	same(t, now, before)
	same(t, head(t, s, p.Room), before)
}

// held makes a room with count numbers taken, and gives ada the lease.
func held(t *testing.T, s msglog.Store, count int) (string, msglog.LeaseParams) {
	t.Helper()
	room := unique(t, "room")
	for range count {
		take(t, s, room)
	}
	p := leaseParams(room, "ada")
	acquire(t, s, p)
	return room, p
}

var leaseTests = []test[msglog.Store]{
	{"it is had with the head", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		take(t, s, room)
		take(t, s, room)
		p := leaseParams(room, "ada")
		got := acquire(t, s, p)
		want := msglog.Head{
			Epoch: "epoch", Seq: 2, PendingSince: Start, Retention: retention, Shards: 1,
			Lease: msglog.Lease{Owner: "ada", Until: p.Until}, Generation: 1,
		}
		same(t, got, want)
		same(t, head(t, s, room), want)
	}},
	{"a room without a head has nothing to drain and gets none", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		refused(t, s, leaseParams(room, "ada"))
		same(t, head(t, s, room), msglog.Head{})
	}},
	{"a drained room has nothing to drain", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Delivered = 2
		_, released, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, released, true)
		refused(t, s, leaseParams(room, "bob"))
		take(t, s, room)
		got := acquire(t, s, leaseParams(room, "bob"))
		same(t, [2]uint64{got.Seq, got.Delivered}, [2]uint64{3, 2})
	}},
	{"nobody else has it before its end", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 1)
		other := leaseParams(room, "bob")
		other.Now = p.Until.Add(-time.Millisecond)
		refused(t, s, other)
		same(t, head(t, s, room).Lease.Owner, "ada")
	}},
	{"another has it from its end on and the pointer stays", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Delivered = 1
		ok(t, s.RenewLease(t.Context(), p))
		other := leaseParams(room, "bob")
		other.Now, other.Until = p.Until, p.Until.Add(leaseFor)
		got := acquire(t, s, other)
		same(t, got.Lease, msglog.Lease{Owner: "bob", Until: other.Until})
		same(t, got.Delivered, 1)
	}},
	{"the same request twice has it once", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 1)
		now, acquired, err := s.AcquireLease(t.Context(), p)
		ok(t, err)
		same(t, acquired, true)
		same(t, now.Generation, 1)
		same(t, head(t, s, room), now)
	}},
	{"its owner is refused while it has it", func(t *testing.T, s msglog.Store) {
		_, p := held(t, s, 1)
		refused(t, s, p)
	}},
	{"a stale generation is refused and learns the head", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Delivered = 1
		ok(t, s.AbandonLease(t.Context(), p))
		other := leaseParams(room, "bob")
		for _, stale := range []uint64{0, 1, 3} {
			other.Generation = stale
			now, acquired, err := s.AcquireLease(t.Context(), other)
			ok(t, err)
			same(t, acquired, false)
			same(t, now, msglog.Head{Epoch: "epoch", Seq: 2, Delivered: 1, PendingSince: Start, Retention: retention, Generation: 2, Shards: 1})
		}
		acquire(t, s, other)
	}},
	{"the generation of another epoch is refused", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		take(t, s, room)
		p := leaseParams(room, "ada")
		p.Epoch = "former"
		refused(t, s, p)
	}},
	{"each write of it raises the generation", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		same(t, head(t, s, room).Generation, 1)
		ok(t, s.RenewLease(t.Context(), p))
		same(t, head(t, s, room).Generation, 2)
		p.Delivered = 1
		_, released, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, released, false)
		same(t, head(t, s, room).Generation, 2)
		ok(t, s.AbandonLease(t.Context(), p))
		same(t, take(t, s, room).Generation, 3)
		acquire(t, s, p)
		p.Delivered = 3
		now, released, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, released, true)
		same(t, now.Generation, 5)
		same(t, head(t, s, room).Generation, 5)
	}},
	{"renewal moves its end and the pointer", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 3)
		p.Delivered, p.Until = 2, p.Until.Add(leaseFor)
		ok(t, s.RenewLease(t.Context(), p))
		got := head(t, s, room)
		same(t, got.Lease, msglog.Lease{Owner: "ada", Until: p.Until})
		same(t, got.Delivered, 2)
		same(t, got.PendingSince, Start)
	}},
	{"renewal never moves the pointer back", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 3)
		p.Delivered = 2
		ok(t, s.RenewLease(t.Context(), p))
		p.Delivered, p.Until = 1, p.Until.Add(leaseFor)
		ok(t, s.RenewLease(t.Context(), p))
		got := head(t, s, room)
		same(t, got.Lease.Until, p.Until)
		same(t, got.Delivered, 2)
	}},
	{"renewal never moves its end back", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 3)
		long := p
		long.Until = p.Until.Add(leaseFor)
		ok(t, s.RenewLease(t.Context(), long))
		p.Delivered = 2
		ok(t, s.RenewLease(t.Context(), p))
		got := head(t, s, room)
		same(t, got.Lease.Until, long.Until)
		same(t, got.Delivered, 2)
	}},
	{"renewal after its end is well if nobody took it", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 1)
		p.Now, p.Until = p.Until.Add(time.Minute), p.Until.Add(2*time.Minute)
		ok(t, s.RenewLease(t.Context(), p))
		same(t, head(t, s, room).Lease.Until, p.Until)
	}},
	{"renewal of what another holds is refused", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		other := leaseParams(room, "bob")
		other.Delivered = 1
		fails(t, s.RenewLease(t.Context(), other), msglog.ErrLeaseLost)
		same(t, head(t, s, room).Lease, msglog.Lease{Owner: "ada", Until: p.Until})
		same(t, head(t, s, room).Delivered, 0)
	}},
	{"renewal in another epoch is refused", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Epoch, p.Delivered = "former", 1
		fails(t, s.RenewLease(t.Context(), p), msglog.ErrLeaseLost)
		same(t, head(t, s, room).Delivered, 0)
	}},
	{"renewal of what nobody holds is refused", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		fails(t, s.RenewLease(t.Context(), leaseParams(room, "ada")), msglog.ErrLeaseLost)
		same(t, head(t, s, room), msglog.Head{})
		take(t, s, room)
		fails(t, s.RenewLease(t.Context(), leaseParams(room, "ada")), msglog.ErrLeaseLost)
	}},
}
