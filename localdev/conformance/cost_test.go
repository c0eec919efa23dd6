package conformance

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/storetest"
)

// meter adds up what a method consumes.
type meter struct {
	mu            sync.Mutex
	calls         int
	reads, writes float64
}

func (m *meter) record(c dynamodb.Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls, m.reads, m.writes = m.calls+1, m.reads+c.ReadUnits, m.writes+c.WriteUnits
}

// costs checks what one call of a method consumes.
func (m *meter) costs(t *testing.T, name string, reads, writes float64, call func() error) {
	t.Helper()
	m.mu.Lock()
	m.calls, m.reads, m.writes = 0, 0, 0
	m.mu.Unlock()
	_ = call() // a refusal costs as well
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls != 1 || m.reads != reads || m.writes != writes {
		t.Errorf("%s: %d calls, %v RRU, %v WRU; want one call, %v and %v", name, m.calls, m.reads, m.writes, reads, writes)
	}
}

// TestUnits checks the capacity that the adapter's comments state: entries,
// heads, connections and members of up to 1 KB, and one call for each method.
func TestUnits(t *testing.T) {
	t.Parallel()
	m := &meter{}
	b, server := onEngine(t)
	server.Observe(m.record)
	ctx, log, connections, rooms := t.Context(), b.log(), b.connections(), b.rooms()

	take := msglog.TakeParams{Room: "lobby", FreshEpoch: "0123456789abcdef", Now: storetest.Start, Expires: storetest.Start.Add(time.Hour)}
	m.costs(t, "TakeNumber, first", 0, 1, func() error { return second(log.TakeNumber(ctx, take)) })
	m.costs(t, "TakeNumber", 0, 1, func() error { return second(log.TakeNumber(ctx, take)) })
	m.costs(t, "Head", 1, 0, func() error { return second(log.Head(ctx, "lobby")) })
	mark := msglog.MarkParams{
		Room: "lobby", User: "ada", Key: "key", Position: msglog.Position{Epoch: take.FreshEpoch, Seq: 1},
		Now: storetest.Start, Expires: storetest.Start.Add(time.Minute),
	}
	m.costs(t, "Mark", 0, 1, func() error { return second(log.Mark(ctx, mark)) })
	m.costs(t, "Mark, claimed", 0, 1, func() error { return second(log.Mark(ctx, mark)) })
	move := msglog.MoveParams{
		Room: "lobby", User: "ada", Key: "key", From: mark.Position, To: msglog.Position{Epoch: take.FreshEpoch, Seq: 2},
		Expires: mark.Expires,
	}
	m.costs(t, "MoveMark", 0, 1, func() error { return second(log.MoveMark(ctx, move)) })
	fill := msglog.FillParams{
		Room: "lobby", Epoch: take.FreshEpoch, Expires: storetest.Start.Add(time.Hour),
		Entry: msglog.Entry{Seq: 1, User: "ada", At: storetest.Start, Key: "key", Data: make([]byte, 800), Origin: "L0SM9cOFvHcCIhw="},
	}
	for i := range fill.Entry.Data {
		fill.Entry.Data[i] = '1'
	}
	m.costs(t, "Fill", 0, 1, func() error { _, _, err := log.Fill(ctx, fill); return err })
	m.costs(t, "Fill, taken", 0, 1, func() error { _, _, err := log.Fill(ctx, fill); return err })
	page := msglog.RangeParams{Room: "lobby", Epoch: take.FreshEpoch, Upto: 2, Limit: 32, Now: storetest.Start}
	m.costs(t, "Entries", 1, 0, func() error { return second(log.Entries(ctx, page)) })

	lease := msglog.LeaseParams{
		Room: "lobby", Owner: "drainer", Epoch: take.FreshEpoch, Delivered: 1,
		Now: storetest.Start, Until: storetest.Start.Add(time.Minute),
	}
	m.costs(t, "StartOver, of another epoch", 0, 1, func() error {
		return log.StartOver(ctx, msglog.StartOverParams{Room: "lobby", Epoch: "former", FreshEpoch: "fresh"})
	})
	acquire := func(p msglog.LeaseParams) error { _, _, err := log.AcquireLease(ctx, p); return err }
	m.costs(t, "AcquireLease", 0, 1, func() error { return acquire(lease) })
	other := lease
	other.Owner = "another"
	m.costs(t, "AcquireLease, held", 0, 1, func() error { return acquire(other) })
	m.costs(t, "RenewLease", 0, 1, func() error { return log.RenewLease(ctx, lease) })
	m.costs(t, "ReleaseLease, more to do", 0, 1, func() error { _, _, err := log.ReleaseLease(ctx, lease); return err })
	lease.Delivered = 2
	m.costs(t, "ReleaseLease", 0, 1, func() error { _, _, err := log.ReleaseLease(ctx, lease); return err })
	m.costs(t, "AbandonLease", 0, 1, func() error { return log.AbandonLease(ctx, lease) })

	c := connection.Connection{ID: "L0SM9cOFvHcCIhw=", ConnectedAt: storetest.Start, CheckAt: storetest.Start}
	m.costs(t, "Put", 0, 1, func() error { return connections.Put(ctx, c) })
	identity := auth.Identity{User: "ada", Expires: storetest.Start, Permissions: auth.Permissions{"org.42.*": {auth.Join}}}
	authenticate := connection.AuthenticateParams{ID: c.ID, Identity: identity, Session: "session", CheckAt: storetest.Start}
	m.costs(t, "Authenticate", 0, 1, func() error { return second(connections.Authenticate(ctx, authenticate)) })
	m.costs(t, "Get", 1, 0, func() error { return second(connections.Get(ctx, c.ID)) })
	m.costs(t, "Peek", 0.5, 0, func() error { return second(connections.Peek(ctx, c.ID)) })
	m.costs(t, "AddRoom", 0, 1, func() error {
		return second(connections.AddRoom(ctx, connection.AddRoomParams{ID: c.ID, Room: "lobby", Max: 10, Now: storetest.Start}))
	})
	m.costs(t, "Authenticate in rooms, with the same permissions", 0, 1, func() error {
		return second(connections.Authenticate(ctx, authenticate))
	})
	m.costs(t, "Carry", 0, 1, func() error { return connections.Carry(ctx, c.ID, 1) })
	m.costs(t, "DropRoom", 0, 1, func() error { return connections.DropRoom(ctx, c.ID, "lobby", storetest.Start) })
	m.costs(t, "Check", 0, 1, func() error { return connections.Check(ctx, connection.CheckParams{ID: c.ID, Next: storetest.Start}) })
	m.costs(t, "MarkBehind", 0, 1, func() error { return connections.MarkBehind(ctx, c.ID, "lobby", storetest.Start, storetest.Start) })
	m.costs(t, "ClearBehind", 0, 1, func() error { return connections.ClearBehind(ctx, c.ID, "lobby", storetest.Start) })
	m.costs(t, "Condemn", 0, 1, func() error { return connections.Condemn(ctx, c.ID, 3503, storetest.Start) })
	m.costs(t, "MarkClosing", 0, 1, func() error { return connections.MarkClosing(ctx, c.ID, storetest.Start) })
	m.costs(t, "Due", 0.5, 0, func() error {
		_, _, err := connections.Due(ctx, connection.DueParams{Now: storetest.Start})
		return err
	})
	m.costs(t, "Delete", 0, 1, func() error { return second(connections.Delete(ctx, c.ID, storetest.Start)) })

	member := room.Member{Room: "lobby", ConnectionID: c.ID, User: "ada", Session: "session", JoinedAt: storetest.Start}
	m.costs(t, "Rooms.Put", 0, 1, func() error { return rooms.Put(ctx, member, storetest.Start.Add(time.Hour)) })
	m.costs(t, "Members", 1, 0, func() error { return second(rooms.Members(ctx, "lobby", 0, storetest.Start)) })
	m.costs(t, "Member", 1, 0, func() error { return second(rooms.Member(ctx, "lobby", c.ID, storetest.Start)) })
	m.costs(t, "SetPresence", 0, 1, func() error { return rooms.SetPresence(ctx, member) })
	m.costs(t, "SetBehind", 0, 1, func() error { return rooms.SetBehind(ctx, member) })
	m.costs(t, "Leave", 0, 1, func() error { return second(rooms.Leave(ctx, "lobby", c.ID, storetest.Start, storetest.Start)) })
	m.costs(t, "DropTombstone", 0, 1, func() error { return rooms.DropTombstone(ctx, "lobby", c.ID, storetest.Start.Add(time.Minute)) })
	m.costs(t, "Rooms.Delete", 0, 1, func() error { return rooms.Delete(ctx, "lobby", c.ID) })
}

// TestUnitsOfManyExpired checks that a page and the oldest entry behind many
// expired ones, which TTL has not deleted yet, take few calls and units.
func TestUnitsOfManyExpired(t *testing.T) {
	t.Parallel()
	const expired = 1000
	m := &meter{}
	b, server := onEngine(t)
	server.Observe(m.record)
	for seq := uint64(1); seq <= expired+1; seq++ {
		p := msglog.FillParams{Room: "lobby", Epoch: "epoch", Entry: msglog.Void(seq), Expires: storetest.Start.Add(-time.Hour)}
		if seq > expired {
			p.Expires = storetest.Start.Add(time.Hour)
		}
		_, _, err := b.log().Fill(t.Context(), p)
		ok(t, err)
	}
	count := number(strconv.Itoa(expired + 1))
	b.write(t, "rooms", item{"pk": text("h#lobby"), "sk": text("h")}, item{"e": text("epoch"), "n": count, "d": count})
	log, err := msglog.New(b.log(), storetest.NewClock(), func() string { return "epoch" }, msglog.Config{})
	ok(t, err)
	since := uint64(0)
	m.calls, m.reads = 0, 0
	page, err := log.Read(t.Context(), "lobby", msglog.Start{Since: &since}, msglog.Budget{})
	ok(t, err)
	equal(t, page.Oldest, expired+1)
	// Of 1,001 numbers: the head, a page, the first entry, the last, and 10 halves.
	if m.calls > 14 || m.reads > 14 {
		t.Fatalf("%d calls and %v RRU, want at most 14", m.calls, m.reads)
	}
}
