package storetest

import (
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// leaseFor is how long a lease of these tests lasts.
const leaseFor = 15 * time.Second

func leaseParams(room, owner string) msglog.LeaseParams {
	return msglog.LeaseParams{Room: room, Owner: owner, Epoch: "epoch", Now: Start, Until: Start.Add(leaseFor)}
}

func head(t *testing.T, s msglog.Store, room string) msglog.Head {
	t.Helper()
	return must[msglog.Head](t)(s.Head(t.Context(), room))
}

// held makes a room of which so many numbers were taken and ada has the lease.
func held(t *testing.T, s msglog.Store, count int) (string, msglog.LeaseParams) {
	t.Helper()
	room := unique(t, "room")
	for range count {
		take(t, s, room)
	}
	p := leaseParams(room, "ada")
	must[msglog.Head](t)(s.AcquireLease(t.Context(), p))
	return room, p
}

var leaseTests = []test[msglog.Store]{
	{"it is had with the head", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		take(t, s, room)
		take(t, s, room)
		p := leaseParams(room, "ada")
		got := must[msglog.Head](t)(s.AcquireLease(t.Context(), p))
		want := msglog.Head{
			Epoch: "epoch", Seq: 2, PendingSince: Start, Shards: 1,
			Lease: msglog.Lease{Owner: "ada", Until: p.Until},
		}
		same(t, got, want)
		same(t, head(t, s, room), want)
	}},
	{"a room without a head has nothing to drain and gets none", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		_, err := s.AcquireLease(t.Context(), leaseParams(room, "ada"))
		fails(t, err, msglog.ErrLeaseHeld)
		same(t, head(t, s, room), msglog.Head{})
	}},
	{"a drained room has nothing to drain", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Delivered = 2
		_, released, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, released, true)
		_, err = s.AcquireLease(t.Context(), leaseParams(room, "bob"))
		fails(t, err, msglog.ErrLeaseHeld)
		take(t, s, room)
		got := must[msglog.Head](t)(s.AcquireLease(t.Context(), leaseParams(room, "bob")))
		same(t, [2]uint64{got.Seq, got.Delivered}, [2]uint64{3, 2})
	}},
	{"nobody else has it before its end", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 1)
		other := leaseParams(room, "bob")
		other.Now = p.Until.Add(-time.Millisecond)
		_, err := s.AcquireLease(t.Context(), other)
		fails(t, err, msglog.ErrLeaseHeld)
		same(t, head(t, s, room).Lease.Owner, "ada")
	}},
	{"another has it from its end on and the pointer stays", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 2)
		p.Delivered = 1
		ok(t, s.RenewLease(t.Context(), p))
		other := leaseParams(room, "bob")
		other.Now, other.Until = p.Until, p.Until.Add(leaseFor)
		got := must[msglog.Head](t)(s.AcquireLease(t.Context(), other))
		same(t, got.Lease, msglog.Lease{Owner: "bob", Until: other.Until})
		same(t, got.Delivered, 1)
	}},
	{"its owner gets it again", func(t *testing.T, s msglog.Store) {
		_, p := held(t, s, 1)
		got := must[msglog.Head](t)(s.AcquireLease(t.Context(), p))
		same(t, got.Lease, msglog.Lease{Owner: "ada", Until: p.Until})
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
