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

// gateway is a Gateway of a test: it keeps what was posted, and fails as told.
type gateway struct {
	mu     sync.Mutex
	frames map[string][][]byte
	at     map[string][]time.Time
	post   func(ctx context.Context, id string) error // before a frame is kept
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

// rooms is the reference, and fails as told.
type rooms struct {
	*memory.Rooms
	fail   error
	behind func(id string, state room.Behind) error // before it is recorded
}

func (r *rooms) SetBehind(ctx context.Context, m room.Member, state room.Behind) error {
	if r.behind != nil {
		if err := r.behind(m.ConnectionID, state); err != nil {
			return err
		}
	}
	return r.Rooms.SetBehind(ctx, m, state)
}

func (r *rooms) Members(ctx context.Context, name string, shard int, now time.Time) (room.Roll, error) {
	if r.fail != nil {
		return room.Roll{}, r.fail
	}
	return r.Rooms.Members(ctx, name, shard, now)
}

type waker struct {
	mu    sync.Mutex
	wakes []broadcast.Wake
}

func (w *waker) Wake(_ context.Context, wakes ...broadcast.Wake) error {
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
	connections *memory.Connections
	gateway     *gateway
	waker       *waker
}

// inTime runs a test in virtual time with a Broadcaster over reference stores.
func inTime(t *testing.T, f func(b *bundle)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bundle{
			T: t, store: memory.NewLog(), members: &rooms{Rooms: memory.NewRooms()}, connections: memory.NewConnections(),
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
		c := connection.Connection{ID: id, Identity: auth.Identity{User: "user-" + id}, ConnectedAt: now, Rooms: map[string]time.Time{"r": now}, CheckAt: now.Add(time.Hour)}
		m := room.Member{Room: "r", ConnectionID: id, User: c.Identity.User, JoinedAt: now}
		if err := errors.Join(b.connections.Put(b.Context(), c), b.members.Put(b.Context(), m, now.Add(time.Hour))); err != nil {
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

func (b *bundle) behind(id string) room.Behind { b.Helper(); return b.member(id).Behind }

func TestBacklogGoesOutInFullFrames(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a", "b")
		b.append(100, "elsewhere", `"0123456789"`)
		b.drain()
		b.want("a", 1, 100)
		b.want("b", 1, 100)
		// Pages of the log, not messages, bound the number of frames.
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
		if state := b.behind("slow"); state != room.Untold {
			b.Fatalf("slow is %v", state)
		}
		// It is told as soon as it takes anything, and gets no live message.
		refusing = false
		b.append(1, "", "2")
		b.drain()
		if seqs, others := b.gateway.got(b.T, "slow"); len(seqs) != 0 || len(others) != 1 || others[0] != protocol.PushBehind {
			b.Fatalf("slow got %v and %v", seqs, others)
		}
		if state := b.behind("slow"); state != room.Informed {
			b.Fatalf("slow is %v", state)
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
		if state := b.behind("stuck"); state != room.Untold {
			b.Errorf("stuck is %v", state)
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

func TestGoneMemberGetsAStrikeAndIsNotDeleted(t *testing.T) {
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
		if err != nil || c.Strikes != 1 || c.CheckAt.After(time.Now()) {
			b.Errorf("dead: %+v, %v", c, err)
		}
		if state := b.behind("dead"); state != room.Untold {
			b.Errorf("dead is %v", state)
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
	if _, err := broadcast.New(broadcast.Parts{}, broadcast.Config{LeaseFor: time.Minute}); err == nil {
		t.Error("a lease as long as the time to Lambda's retry was taken")
	}
}

// A member that joins anew while its line is being given up counts on what the
// line drops: another drain must bring it.
func TestRejoinWhileGivenUpIsServed(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a", "b")
		b.append(1, "", "1")
		refusing, rejoined := true, false
		b.gateway.post = func(_ context.Context, id string) error {
			if id != "a" || !refusing {
				return nil
			}
			if !rejoined && time.Since(b.member("a").JoinedAt) > 1900*time.Millisecond {
				rejoined = true
				b.join("a")
			}
			return connection.ErrThrottled
		}
		b.drain()
		refusing = false
		if len(b.waker.wakes) != 1 {
			b.Fatalf("wakes %+v: somebody must go on", b.waker.wakes)
		}
		b.drain()
		b.want("a", 1, 1)
		if state := b.behind("a"); state != room.InStep {
			b.Errorf("a is %v", state)
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
	b.Fatalf("%s is no member", id)
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
		// Then it is Lambda's turn, which waits longer.
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
