package storetest

import (
	"math"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// RunLog checks an implementation of msglog.Store.
func RunLog(t *testing.T, factory func(*testing.T) msglog.Store) {
	run(t, "Head", factory, headTests)
	run(t, "StartOver", factory, startOverTests)
	run(t, "Mark", factory, markTests)
	run(t, "Fill", factory, fillTests)
	run(t, "Entries", factory, rangeTests)
	run(t, "Lease", factory, leaseTests)
	run(t, "GiveBack", factory, giveBackTests)
	run(t, "Race", factory, raceTests)
	run(t, "Late", factory, lateTests)
}

func take(t *testing.T, s msglog.Store, room string) msglog.Head {
	t.Helper()
	return must[msglog.Head](t)(s.TakeNumber(t.Context(), takeParams(room, "epoch")))
}

func takeParams(room, fresh string) msglog.TakeParams {
	return msglog.TakeParams{Room: room, FreshEpoch: fresh, Now: Start, Expires: Start.Add(72 * time.Hour), Retention: retention}
}

var headTests = []test[msglog.Store]{
	{"a room without a head has the zero head", func(t *testing.T, s msglog.Store) {
		got := must[msglog.Head](t)(s.Head(t.Context(), unique(t, "room")))
		same(t, got, msglog.Head{})
	}},
	{"the first number makes a head with the fresh epoch", func(t *testing.T, s msglog.Store) {
		got := take(t, s, unique(t, "room"))
		same(t, got, msglog.Head{Epoch: "epoch", Seq: 1, PendingSince: Start, Retention: retention, Shards: 1})
	}},
	{"a later number keeps all of the head but seq", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		take(t, s, room)
		p := takeParams(room, "another")
		p.Now = Start.Add(time.Hour)
		got := must[msglog.Head](t)(s.TakeNumber(t.Context(), p))
		same(t, got, msglog.Head{Epoch: "epoch", Seq: 2, PendingSince: Start, Retention: retention, Shards: 1})
	}},
	{"take returns lease and pointer", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		take(t, s, room)
		lease := leaseParams(room, "ada")
		acquire(t, s, lease)
		lease.Delivered = 1
		ok(t, s.RenewLease(t.Context(), lease))
		got := take(t, s, room)
		want := msglog.Head{
			Epoch: "epoch", Seq: 2, Delivered: 1, PendingSince: Start, Retention: retention, Shards: 1,
			Lease: msglog.Lease{Owner: "ada", Until: lease.Until}, Generation: 2,
		}
		same(t, got, want)
		same(t, must[msglog.Head](t)(s.Head(t.Context(), room)), want)
	}},
	{"the shortest retention of what is pending stays", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		for i, retention := range []time.Duration{2 * time.Hour, time.Hour, 3 * time.Hour, time.Hour} {
			p := takeParams(room, "epoch")
			p.Retention = retention
			got := must[msglog.Head](t)(s.TakeNumber(t.Context(), p))
			same(t, got.Retention, []time.Duration{2, 1, 1, 1}[i]*time.Hour)
		}
		p := leaseParams(room, "ada")
		acquire(t, s, p)
		p.Delivered = 4
		_, _, err := s.ReleaseLease(t.Context(), p)
		ok(t, err)
		same(t, take(t, s, room).Retention, retention)
	}},
	{"a head with a later end and a shorter retention goes on counting", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		for seq := range uint64(4) {
			p := takeParams(room, "epoch")
			p.Expires = p.Expires.Add(-time.Duration(seq) * time.Hour)
			p.Retention += time.Duration(seq) * time.Hour
			same(t, must[msglog.Head](t)(s.TakeNumber(t.Context(), p)).Seq, seq+1)
		}
	}},
	{"each room counts for itself", func(t *testing.T, s msglog.Store) {
		a, b := unique(t, "room"), unique(t, "other")
		take(t, s, a)
		take(t, s, a)
		same(t, take(t, s, b).Seq, 1)
		same(t, take(t, s, a).Seq, 3)
	}},
	{"a head past its expiry that is still there goes on counting", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		take(t, s, room)
		p := takeParams(room, "another")
		p.Now, p.Expires = Start.Add(1000*time.Hour), Start.Add(1072*time.Hour)
		got := must[msglog.Head](t)(s.TakeNumber(t.Context(), p))
		same(t, got.Position(), msglog.Position{Epoch: "epoch", Seq: 2})
	}},
}

var startOverTests = []test[msglog.Store]{
	{"the room begins again with the fresh epoch", func(t *testing.T, s msglog.Store) {
		room, p := held(t, s, 3)
		p.Delivered = 2
		ok(t, s.RenewLease(t.Context(), p))
		ok(t, s.StartOver(t.Context(), msglog.StartOverParams{Room: room, Epoch: "epoch", FreshEpoch: "fresh"}))
		same(t, head(t, s, room), msglog.Head{Epoch: "fresh", Generation: 3, Shards: 1})
		same(t, take(t, s, room), msglog.Head{
			Epoch: "fresh", Seq: 1, PendingSince: Start, Retention: retention, Generation: 3, Shards: 1,
		})
	}},
	{"a room that has another epoch or none stays", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		p := msglog.StartOverParams{Room: room, Epoch: "former", FreshEpoch: "fresh"}
		ok(t, s.StartOver(t.Context(), p))
		same(t, head(t, s, room), msglog.Head{})
		take(t, s, room)
		unchanged(t, s, room, func() { ok(t, s.StartOver(t.Context(), p)) })
	}},
}

func entry(seq uint64) msglog.Entry {
	return msglog.Entry{
		Seq: seq, User: "ada", At: Start, Key: numbered("key", int(seq%math.MaxInt32)), //nolint:gosec // bounded
		Data: []byte(`{"n":1}`), Origin: "connection=",
	}
}

func fillParams(room string, e msglog.Entry) msglog.FillParams {
	return msglog.FillParams{Room: room, Epoch: "epoch", Entry: e, Expires: Start.Add(24 * time.Hour)}
}

// fill writes an entry at an empty number.
func fill(t *testing.T, s msglog.Store, p msglog.FillParams) {
	t.Helper()
	stands, filled, err := s.Fill(t.Context(), p)
	ok(t, err)
	same(t, stands, p.Entry)
	same(t, filled, true)
}

func rangeParams(room string, after, upto uint64) msglog.RangeParams {
	return msglog.RangeParams{Room: room, Epoch: "epoch", After: after, Upto: upto, Limit: 100, Now: Start}
}

func entries(t *testing.T, s msglog.Store, p msglog.RangeParams) []msglog.Entry {
	t.Helper()
	return must[[]msglog.Entry](t)(s.Entries(t.Context(), p))
}

func numbers(entries []msglog.Entry) []uint64 {
	var seqs []uint64
	for _, e := range entries {
		seqs = append(seqs, e.Seq)
	}
	return seqs
}
