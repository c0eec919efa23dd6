package broadcast_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

func (b *bundle) connection(id string) connection.Connection {
	b.Helper()
	c, err := b.connections.Get(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// refuse makes members refuse everything with 429, each after a moment, until the
// returned function is called.
func (b *bundle) refuse(who func(id string) bool) (accept func()) {
	var accepting atomic.Bool
	b.gateway.post = func(_ context.Context, id string) error {
		time.Sleep(5 * time.Millisecond)
		if !accepting.Load() && who(id) {
			return connection.ErrThrottled
		}
		return nil
	}
	return func() { accepting.Store(true) }
}

func only(name string) func(string) bool { return func(id string) bool { return id == name } }

func prefixed(prefix string) func(string) bool {
	return func(id string) bool { return strings.HasPrefix(id, prefix) }
}

// lambda starts an invocation for each wake-up, as SNS and Lambda do, and returns
// a function that waits until all have ended.
func (b *bundle) lambda() (wait func()) {
	b.waker.on = func(w broadcast.Wake) {
		b.running.Go(func() {
			time.Sleep(20 * time.Millisecond)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := b.Handle(ctx, w); err != nil {
				b.Errorf("run: %v", err)
			}
		})
	}
	return b.running.Wait
}

// say publishes as the message function does: append, then wake if needed.
func (b *bundle) say(data string) uint64 {
	b.Helper()
	r, err := b.log.Append(b.Context(), msglog.AppendParams{Room: "r", User: "u", Data: []byte(data)})
	if err != nil {
		b.Fatal(err)
	}
	if r.NeedsWake(time.Now()) {
		if err := b.waker.Wake(b.Context(), broadcast.DrainWake("r", r)); err != nil {
			b.Fatal(err)
		}
	}
	return r.Seq
}

// took waits until a member was sent a number, at most limit, and returns the
// time.
func (b *bundle) took(id string, seq uint64, limit time.Duration) time.Duration {
	b.Helper()
	began := time.Now()
	for time.Since(began) < limit {
		seqs, _ := b.gateway.got(b.T, id)
		for _, s := range seqs {
			if s == seq {
				return time.Since(began)
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return limit
}

// A member that accepts messages again right after it was recorded as behind is
// told at once, with the head.
func TestWhoIsBehindIsToldAtOnceIfItAccepts(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("slow", "a")
		accept := b.refuse(only("slow"))
		b.append(2, "", "1")
		b.connections.mark = func(string) error { accept(); return nil }
		b.drain()
		if frame := string(b.gateway.frames["slow"][0]); frame != `{"push":"behind","room":"r","epoch":"`+b.head().Epoch+`","head":2}` {
			b.Error(frame)
		}
		if !b.recorded("slow") {
			b.Error("the sweeper must make sure that it was told")
		}
	})
}

// A function dies between the record on the connection and the flag on the
// membership: the next drain refuses nothing to anybody.
func TestRecordOfADeadDrainIsEnough(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("slow", "a")
		b.refuse(only("slow"))
		b.append(1, "", "1")
		b.members.behind = func(string) error { return errors.New("died") }
		if err := b.Handle(b.Context(), drain); err == nil {
			b.Fatal("the run must fail")
		}
		if !b.recorded("slow") || b.behind("slow") || b.head().Delivered != 0 {
			b.Fatalf("%+v, head %+v", b.connection("slow"), b.head())
		}
		b.members.behind = nil
		b.drain()
		if !b.recorded("slow") || !b.behind("slow") || b.head().Delivered != 1 {
			b.Fatalf("%+v, head %+v", b.connection("slow"), b.head())
		}
	})
}

// The SDK may join again while it is being told that it is behind. What is
// published after that join must reach it.
func TestRejoinWhileItIsToldIsServed(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("m", "a")
		accept := b.refuse(only("m"))
		b.append(1, "", "1")
		b.members.behind = func(string) error { // the record of the membership comes late
			b.members.behind = nil
			accept()
			time.Sleep(100 * time.Millisecond)
			b.join("m")
			b.append(1, "", "2")
			time.Sleep(500 * time.Millisecond)
			return nil
		}
		b.drain()
		seqs, others := b.gateway.got(b.T, "m")
		if b.behind("m") || len(seqs) == 0 || seqs[len(seqs)-1] != 2 || len(others) != 0 {
			b.Errorf("m is behind: %t; it got %v and %v", b.behind("m"), seqs, others)
		}
		b.want("a", 1, 2)
	})
}

// A 410 that nobody can confirm proves nothing: the member gets its message.
func TestGatewayThatCannotBeAskedPutsNobodyBehind(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("x")
		first := true
		b.gateway.post = func(context.Context, string) error {
			if first {
				first = false
				return connection.ErrGone
			}
			return nil
		}
		b.gateway.status = func(string) error { return errors.New("503") }
		b.append(1, "", "1")
		b.drain()
		b.want("x", 1, 1)
		if c := b.connection("x"); c.Strikes != 0 || len(c.Behind) != 0 || b.behind("x") {
			b.Errorf("%+v", c)
		}
	})
}

// A member that reads nothing and joins every one and a half seconds costs the
// others nothing.
func TestMemberThatReadsNothingAndJoinsAgainAndAgain(t *testing.T) {
	inTime(t, func(b *bundle) {
		wait := b.lambda()
		b.join("m", "a")
		accept := b.refuse(only("m"))
		const seconds, rate = 60, 5
		worst := uint64(0)
		for n := range seconds * rate {
			b.say("1")
			time.Sleep(time.Second / rate)
			if n%(rate*3/2) == 0 {
				b.join("m")
			}
			h := b.head()
			worst = max(worst, h.Seq-h.Delivered)
		}
		accept()
		wait()
		seqs, _ := b.gateway.got(b.T, "a")
		if len(seqs) != seconds*rate {
			b.Errorf("a was sent %d messages of %d", len(seqs), seconds*rate)
		}
		if worst > 12*rate { // renewals move the pointer every 7.5 s
			b.Errorf("the pointer was %d messages late", worst)
		}
	})
}

// Sleeping phones answer 429 because their buffers are full. However many there
// are, they are recorded as behind, and the others get everything once and in
// time.
func TestMembersThatSleep(t *testing.T) {
	for _, sleeping := range []int{1, 3, 4, 20} {
		for _, rate := range []int{5, 1} {
			t.Run(fmt.Sprint(sleeping, " at ", rate), func(t *testing.T) {
				inTime(t, func(b *bundle) {
					wait := b.lambda()
					b.join("well")
					for n := range sleeping {
						b.join(fmt.Sprint("asleep", n))
					}
					b.refuse(prefixed("asleep"))
					const seconds = 60
					for n := range seconds * rate {
						if took := b.took("well", b.say(`"x"`), time.Minute); took > 500*time.Millisecond {
							b.Fatalf("message %d reached the member that is well after %v", n, took)
						}
						time.Sleep(time.Second / time.Duration(rate))
					}
					wait()
					b.want("well", 1, uint64(seconds*rate)) //nolint:gosec // positive
					for n := range sleeping {
						if id := fmt.Sprint("asleep", n); !b.recorded(id) {
							b.Errorf("%s is not on record", id)
						}
					}
				})
			})
		}
	}
}

// A room whose members all sleep must not keep a broadcaster busy.
func TestRoomThatSleepsIsLeftAlone(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a", "b", "c")
		b.refuse(prefixed(""))
		b.append(1, "", "1")
		began := time.Now()
		b.drain()
		if took := time.Since(began); took < 10*time.Second || took > 15*time.Second {
			b.Errorf("the drain took %v", took)
		}
		for _, id := range []string{"a", "b", "c"} {
			if !b.recorded(id) {
				b.Errorf("%s is not on record", id)
			}
		}
	})
}

// Nor does anybody wait for another member at a hole.
func TestSlowMemberDelaysNobodyAtAHole(t *testing.T) {
	inTime(t, func(b *bundle) {
		wait := b.lambda()
		b.join("m", "a")
		b.gateway.post = func(ctx context.Context, id string) error {
			if id == "m" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		b.say("1")
		time.Sleep(200 * time.Millisecond)
		if _, err := b.store.TakeNumber(b.Context(), msglog.TakeParams{Room: "r", Now: time.Now(), Expires: time.Now().Add(time.Hour)}); err != nil {
			b.Fatal(err)
		}
		if took := b.took("a", b.say("3"), time.Minute); took > 1500*time.Millisecond {
			b.Errorf("the member that is well waited %v", took)
		}
		wait()
	})
}

// Hanging posts delay others only for a moment, however many there are.
func TestHungPostsDelayNobody(t *testing.T) {
	for _, hung := range []int{200, 300, 1000} {
		t.Run(fmt.Sprint(hung), func(t *testing.T) {
			inTime(t, func(b *bundle) {
				wait := b.lambda()
				for n := range hung {
					b.join(fmt.Sprint("hung", n))
				}
				b.join("well")
				b.gateway.post = func(ctx context.Context, id string) error {
					if strings.HasPrefix(id, "hung") {
						<-ctx.Done()
						return ctx.Err()
					}
					time.Sleep(5 * time.Millisecond)
					return nil
				}
				var worst time.Duration
				for range 10 {
					worst = max(worst, b.took("well", b.say("1"), time.Minute))
					time.Sleep(50 * time.Millisecond)
				}
				if limit := time.Duration(hung/256+1) * 500 * time.Millisecond; worst > limit {
					b.Errorf("with %d members that hang, the one that is well waited %v", hung, worst)
				}
				wait()
				for n := range hung {
					if !b.recorded(fmt.Sprint("hung", n)) {
						b.Fatalf("hung%d is not on record", n)
					}
				}
			})
		})
	}
}

// Messages still queued for a member that has left are dropped.
func TestMemberThatLeftIsSentNothingMore(t *testing.T) {
	inTime(t, func(b *bundle) {
		wait := b.lambda()
		b.join("m", "a")
		accept := b.refuse(only("m"))
		b.say("1")
		time.Sleep(500 * time.Millisecond)
		if _, err := b.members.Leave(b.Context(), "r", "m", time.Now(), time.Now().Add(time.Minute)); err != nil {
			b.Fatal(err)
		}
		b.say("2")
		time.Sleep(200 * time.Millisecond)
		accept()
		wait()
		if seqs, others := b.gateway.got(b.T, "m"); len(seqs)+len(others) > 0 {
			b.Errorf("m got %v and %v", seqs, others)
		}
		if h := b.head(); h.Delivered != 2 || len(b.connection("m").Behind) != 0 {
			b.Errorf("head %+v, %+v", h, b.connection("m"))
		}
	})
}
