package broadcast_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// gateway is a Gateway that records posts and fails as the test says.
type gateway struct {
	mu     sync.Mutex
	frames map[string][][]byte
	at     map[string][]time.Time
	post   func(ctx context.Context, id string) error // called before a frame is recorded
	status func(id string) error
}

func (g *gateway) Post(ctx context.Context, id string, frame []byte) error {
	if g.post != nil {
		if err := g.post(ctx, id); err != nil {
			return err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.frames[id] = append(g.frames[id], frame)
	g.at[id] = append(g.at[id], time.Now())
	return nil
}

func (g *gateway) Status(_ context.Context, id string) (connection.Status, error) {
	if g.status != nil {
		return connection.Status{}, g.status(id)
	}
	return connection.Status{}, nil
}

func (g *gateway) Close(context.Context, string) error { return nil }

// got returns the numbers that a connection was sent, and its other pushes.
func (g *gateway) got(t *testing.T, id string) (seqs []uint64, others []protocol.Push) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, frame := range g.frames[id] {
		if len(frame) > protocol.FrameBytes {
			t.Errorf("frame of %d bytes", len(frame))
		}
		var p struct {
			Push     protocol.Push
			Messages []struct{ Seq uint64 }
		}
		if err := json.Unmarshal(frame, &p); err != nil {
			t.Fatal(err)
		}
		if p.Push != protocol.PushMessages {
			others = append(others, p.Push)
		}
		for _, m := range p.Messages {
			seqs = append(seqs, m.Seq)
		}
	}
	return seqs, others
}

// rooms is the reference store, and fails as the test says.
type rooms struct {
	*memory.Rooms
	fail   error
	behind func(id string) error // called before the flag is written
}

func (r *rooms) SetBehind(ctx context.Context, m room.Member) error {
	if r.behind != nil {
		if err := r.behind(m.ConnectionID); err != nil {
			return err
		}
	}
	return r.Rooms.SetBehind(ctx, m)
}

// connections is the reference store, and fails as the test says.
type connections struct {
	*memory.Connections
	mark func(id string) error // called before the record is written
}

func (c *connections) MarkBehind(ctx context.Context, id, name string, joinedAt, now time.Time) error {
	if c.mark != nil {
		if err := c.mark(id); err != nil {
			return err
		}
	}
	return c.Connections.MarkBehind(ctx, id, name, joinedAt, now)
}

func (r *rooms) Members(ctx context.Context, name string, shard int, now time.Time) (room.Roll, error) {
	if r.fail != nil {
		return room.Roll{}, r.fail
	}
	return r.Rooms.Members(ctx, name, shard, now)
}

// waker records wake-ups, or passes them to on.
type waker struct {
	mu    sync.Mutex
	wakes []broadcast.Wake
	on    func(broadcast.Wake) // called instead, if set
}

func (w *waker) Wake(_ context.Context, wakes ...broadcast.Wake) error {
	if w.on != nil {
		for _, one := range wakes {
			w.on(one)
		}
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wakes = append(w.wakes, wakes...)
	return nil
}

type bundle struct {
	*testing.T
	*broadcast.Broadcaster
	parts       broadcast.Parts
	store       *memory.Log
	log         *msglog.Log
	members     *rooms
	connections *connections
	gateway     *gateway
	waker       *waker
	running     sync.WaitGroup
}

// inTime runs a test in virtual time with a Broadcaster over reference stores.
func inTime(t *testing.T, f func(b *bundle)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bundle{
			T: t, store: memory.NewLog(), members: &rooms{Rooms: memory.NewRooms()}, connections: &connections{Connections: memory.NewConnections()},
			gateway: &gateway{frames: map[string][][]byte{}, at: map[string][]time.Time{}}, waker: new(waker),
		}
		var ids atomic.Int64
		newID := func() string { return fmt.Sprint("id", ids.Add(1)) }
		log, err := msglog.New(b.store, clock.System(), newID, msglog.Config{})
		if err != nil {
			t.Fatal(err)
		}
		b.log = log
		b.parts = broadcast.Parts{
			Log: log, Members: b.members, Connections: b.connections, Gateway: b.gateway, Waker: b.waker,
			Clock: clock.System(), NewID: newID, Logger: slog.New(slog.DiscardHandler),
			Metrics: telemetry.NewMetrics(slog.New(slog.DiscardHandler), clock.System(), "broadcast"),
		}
		b.configure(broadcast.Config{})
		f(b)
	})
}

func (b *bundle) configure(config broadcast.Config) {
	b.Helper()
	var err error
	if b.Broadcaster, err = broadcast.New(b.parts, config); err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) join(ids ...string) {
	b.Helper()
	for _, id := range ids {
		now := time.Now()
		// In the order of a join: the connection first, then the membership.
		c := connection.Connection{ID: id, Identity: auth.Identity{User: "user-" + id}, ConnectedAt: now, Rooms: map[string]time.Time{"r": now}, CheckAt: now.Add(time.Hour)}
		m := room.Member{Room: "r", ConnectionID: id, User: c.Identity.User, JoinedAt: now}
		if _, err := b.connections.Get(b.Context(), id); errors.Is(err, connection.ErrNotFound) {
			if err := b.connections.Put(b.Context(), c); err != nil {
				b.Fatal(err)
			}
		}
		if err := b.members.Put(b.Context(), m, now.Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *bundle) append(n int, origin string, data string) {
	b.Helper()
	for range n {
		if _, err := b.log.Append(b.Context(), msglog.AppendParams{Room: "r", User: "u", Origin: origin, Data: []byte(data)}); err != nil {
			b.Fatal(err)
		}
	}
}

var drain = broadcast.Wake{Kind: broadcast.KindDrain, Room: "r"}

func (b *bundle) drain() {
	b.Helper()
	if err := b.Handle(b.Context(), drain); err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) head() msglog.Head {
	b.Helper()
	head, err := b.store.Head(b.Context(), "r")
	if err != nil {
		b.Fatal(err)
	}
	return head
}

func (b *bundle) want(id string, from, upto uint64) {
	b.Helper()
	seqs, _ := b.gateway.got(b.T, id)
	next := from
	for _, seq := range seqs {
		if seq != next {
			b.Fatalf("%s got %v, want %d to %d", id, seqs, from, upto)
		}
		next++
	}
	if next != upto+1 {
		b.Fatalf("%s got %v, want %d to %d", id, seqs, from, upto)
	}
}

// behind reports whether live delivery to a member has stopped.
func (b *bundle) behind(id string) bool { b.Helper(); return b.member(id).Behind }

// recorded reports whether a connection is on record as behind.
func (b *bundle) recorded(id string) bool {
	b.Helper()
	c := b.connection(id)
	record, ok := c.Behind["r"]
	return ok && !record.JoinedAt.Before(b.member(id).JoinedAt)
}

func TestBacklogGoesOutInFullFrames(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a", "b")
		b.append(100, "elsewhere", `"0123456789"`)
		b.drain()
		b.want("a", 1, 100)
		b.want("b", 1, 100)
		// The log's pages, rather than the messages, determine the number of
		// frames.
		if n := len(b.gateway.frames["a"]); n > 4 {
			b.Errorf("%d frames for 100 small messages", n)
		}
		if h := b.head(); h.Delivered != 100 || h.Lease.Owner != "" {
			b.Errorf("head %+v", h)
		}
	})
}

func TestLargeMessagesAreSplitOverFrames(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a")
		big := make([]byte, protocol.MaxDataBytes-2)
		for i := range big {
			big[i] = 'x'
		}
		b.append(5, "", `"`+string(big)+`"`)
		b.drain()
		b.want("a", 1, 5)
		if n := len(b.gateway.frames["a"]); n != 5 {
			b.Errorf("%d frames, want 5", n)
		}
	})
}

func TestPublisherIsLeftOut(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a", "b")
		b.append(1, "a", "1")
		b.append(1, "b", "2")
		b.drain()
		b.want("a", 2, 2)
		b.want("b", 1, 1)
	})
}

func TestWakeUpWithNothingToDoDoesNothing(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a")
		b.drain() // a room without a log
		b.append(1, "", "1")
		b.drain()
		b.drain() // a duplicate
		b.want("a", 1, 1)
	})
}

func TestWhatComesDuringADrainIsDrained(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a")
		b.append(1, "", "1")
		once := sync.OnceFunc(func() { b.append(3, "", "2") })
		b.gateway.post = func(context.Context, string) error { once(); return nil }
		b.drain()
		b.want("a", 1, 4)
		if h := b.head(); h.Delivered != 4 || h.Lease.Owner != "" {
			b.Errorf("head %+v", h)
		}
	})
}

func TestHoleOfADeadWriterIsVoided(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a")
		b.append(1, "", "1")
		if _, err := b.store.TakeNumber(b.Context(), msglog.TakeParams{Room: "r", Now: time.Now(), Expires: time.Now().Add(time.Hour)}); err != nil {
			b.Fatal(err)
		}
		b.append(1, "", "3")
		start := time.Now()
		b.drain()
		b.want("a", 1, 3)
		if took := time.Since(start); took < time.Second || took > 2*time.Second {
			b.Errorf("the hole held the room up for %v", took)
		}
	})
}

func TestRefusingMemberFallsBehindAndDelaysNobody(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("slow", "a", "b", "c", "d")
		refusing := true
		b.gateway.post = func(_ context.Context, id string) error {
			if id == "slow" && refusing {
				return connection.ErrThrottled
			}
			return nil
		}
		b.append(1, "", "1")
		start := time.Now()
		b.drain()
		if served := b.gateway.at["a"][0].Sub(start); served > 0 {
			b.Errorf("a waited %v", served)
		}
		if !b.behind("slow") || !b.recorded("slow") {
			b.Fatalf("slow: %+v, %+v", b.member("slow"), b.connection("slow"))
		}
		// It gets no live messages until it joins again; the sweeper tells it.
		refusing = false
		b.append(1, "", "2")
		b.drain()
		if seqs, others := b.gateway.got(b.T, "slow"); len(seqs) != 0 || len(others) != 0 {
			b.Fatalf("slow got %v and %v", seqs, others)
		}
		time.Sleep(time.Millisecond)
		b.join("slow")
		b.append(1, "", "3")
		b.drain()
		b.want("slow", 3, 3)
		b.want("d", 1, 3)
	})
}

func TestStuckMemberDelaysNobody(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("stuck", "a")
		b.gateway.post = func(ctx context.Context, id string) error {
			if id == "stuck" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		b.append(1, "", "1")
		done := make(chan error)
		go func() { done <- b.Handle(b.Context(), drain) }()
		time.Sleep(500 * time.Millisecond) // the first post to stuck is under way
		b.append(1, "", "2")
		appended := time.Now()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		b.want("a", 1, 2)
		if late := b.gateway.at["a"][1].Sub(appended); late > 200*time.Millisecond {
			b.Errorf("a waited %v because of another member", late)
		}
		if !b.behind("stuck") || !b.recorded("stuck") {
			b.Error("stuck is not on record")
		}
	})
}

func TestRateLimitOfTheAccountPutsNobodyBehind(t *testing.T) {
	inTime(t, func(b *bundle) {
		ids := []string{"a", "b", "c", "d", "e", "f"}
		b.join(ids...)
		until := time.Now().Add(6 * time.Second)
		b.gateway.post = func(context.Context, string) error {
			if time.Now().Before(until) {
				return connection.ErrThrottled
			}
			return nil
		}
		b.append(1, "", "1")
		b.drain()
		for _, id := range ids {
			b.want(id, 1, 1)
		}
	})
}

func TestWrong410IsAskedAbout(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a")
		wrong := true
		b.gateway.post = func(context.Context, string) error {
			if wrong {
				wrong = false
				return connection.ErrGone
			}
			return nil
		}
		b.append(1, "", "1")
		b.drain()
		b.want("a", 1, 1)
		if c, _ := b.connections.Get(b.Context(), "a"); c.Strikes != 0 {
			b.Errorf("a live connection has %d strikes", c.Strikes)
		}
	})
}

func TestGoneMemberIsOnRecordAndIsNotDeleted(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("dead", "orphan", "a")
		if _, err := b.connections.Delete(b.Context(), "orphan", time.Time{}); err != nil {
			b.Fatal(err)
		}
		gone := func(id string) error {
			if id == "a" {
				return nil
			}
			return connection.ErrGone
		}
		b.gateway.post = func(_ context.Context, id string) error { return gone(id) }
		b.gateway.status = gone
		b.append(1, "", "1")
		b.drain()
		b.want("a", 1, 1)
		c, err := b.connections.Get(b.Context(), "dead")
		if err != nil || c.Strikes != 0 || !b.recorded("dead") || !b.behind("dead") {
			b.Errorf("dead: %+v, %v", c, err)
		}
		roll, _ := b.members.Members(b.Context(), "r", 0, time.Now())
		if len(roll.Members) != 2 {
			b.Errorf("members %+v: the one without a connection must be gone", roll.Members)
		}
	})
}

func TestOutOfTimeHandsOn(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a")
		b.append(1, "", "1")
		n := 1
		b.gateway.post = func(context.Context, string) error {
			if n++; n < 200 {
				b.append(1, "", "x")
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(b.Context(), 8*time.Second)
		defer cancel()
		if err := b.Handle(ctx, drain); err != nil {
			b.Fatal(err)
		}
		if len(b.waker.wakes) != 1 || b.waker.wakes[0].Room != "r" {
			b.Fatalf("wakes %+v", b.waker.wakes)
		}
		if h := b.head(); h.Lease.Owner != "" || h.Delivered == 0 || h.Delivered == h.Seq {
			b.Fatalf("head %+v", h)
		}
		b.drain()
		if h := b.head(); h.Delivered != h.Seq {
			b.Errorf("head %+v", h)
		}
	})
}

type refusal struct{}

func (refusal) Error() string { return "access denied" }

func TestFailureThatIsNobodysFailsTheInvocation(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a")
		b.append(1, "", "1")
		broken := true
		b.gateway.post = func(context.Context, string) error {
			if broken {
				return refusal{}
			}
			return nil
		}
		if err := b.Handle(b.Context(), drain); !errors.As(err, new(refusal)) {
			b.Fatalf("got %v: Lambda must deliver the wake-up again", err)
		}
		if h := b.head(); h.Delivered != 0 || h.Lease.Owner != "" {
			b.Fatalf("head %+v", h)
		}
		broken = false
		b.drain()
		b.want("a", 1, 1)
	})
}

func TestUnknownKindIsPassedOver(t *testing.T) {
	inTime(t, func(b *bundle) {
		if err := b.Handle(b.Context(), broadcast.Wake{Kind: "of tomorrow", Room: "r"}); err != nil {
			b.Error(err)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for lease, valid := range map[time.Duration]bool{30 * time.Second: true, 30*time.Second + 1: false, -1: false} {
		if _, err := broadcast.New(broadcast.Parts{}, broadcast.Config{LeaseFor: lease}); (err == nil) != valid {
			t.Errorf("lease of %v: %v", lease, err)
		}
	}
}

// A member that joins again while it is being given up reads by itself what it
// refused, and relies on live delivery for what comes after its join.
func TestRejoinWhileGivenUpIsServed(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a", "b")
		b.append(1, "", "1")
		var accepting atomic.Bool
		rejoined := false
		b.gateway.post = func(_ context.Context, id string) error {
			if id != "a" || accepting.Load() {
				return nil
			}
			if !rejoined && time.Since(b.member("a").JoinedAt) > 1900*time.Millisecond {
				rejoined = true
				b.join("a")
				b.append(1, "", "2")
			}
			return connection.ErrThrottled
		}
		time.AfterFunc(2500*time.Millisecond, func() { accepting.Store(true) })
		b.drain()
		if !rejoined || b.behind("a") {
			b.Fatalf("rejoined %t, a: %+v", rejoined, b.member("a"))
		}
		b.want("a", 2, 2)
		b.want("b", 1, 2)
		if h := b.head(); h.Delivered != 2 || len(b.waker.wakes) != 0 {
			b.Errorf("head %+v, wakes %v", h, b.waker.wakes)
		}
	})
}

func (b *bundle) member(id string) room.Member {
	b.Helper()
	roll, err := b.members.Members(b.Context(), "r", 0, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range roll.Members {
		if m.ConnectionID == id {
			return m
		}
	}
	b.Fatalf("%s is not a member", id)
	return room.Member{}
}

type passing struct{}

func (passing) Error() string   { return "throttled" }
func (passing) Temporary() bool { return true }

func TestFailureThatPassesIsTriedAgainAtOnce(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a")
		b.append(1, "", "1")
		b.members.fail = passing{}
		wake := drain
		for attempt := 1; attempt <= 3; attempt++ {
			if err := b.Handle(b.Context(), wake); err != nil {
				b.Fatal(err)
			}
			wake = b.waker.wakes[attempt-1]
			if wake.Room != "r" || wake.Attempt != attempt || b.head().Lease.Owner != "" {
				b.Fatalf("attempt %d: wake %+v, head %+v", attempt, wake, b.head())
			}
		}
		// Then Lambda repeats the wake-up, after a longer wait.
		if err := b.Handle(b.Context(), wake); !errors.As(err, new(passing)) || len(b.waker.wakes) != 3 {
			b.Fatalf("%v, %d wakes", err, len(b.waker.wakes))
		}
		b.members.fail = nil
		if err := b.Handle(b.Context(), wake); err != nil {
			b.Fatal(err)
		}
		b.want("a", 1, 1)
	})
}
