package broadcast_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// publish appends n messages in the background, one at each interval.
func (b *bundle) publish(n int, every time.Duration, origin, data string) (published <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range n {
			b.append(1, origin, data)
			time.Sleep(every)
		}
	}()
	return done
}

// serve lets broadcasters of a minute each serve the room, one after the other,
// until everything published is delivered. It returns the pointer after each one
// that ran for its whole time.
func (b *bundle) serve(published <-chan struct{}) []uint64 {
	b.Helper()
	var pointers []uint64
	for {
		time.Sleep(time.Millisecond)
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		began := time.Now()
		err := b.Handle(ctx, drain)
		cancel()
		if err != nil {
			b.Fatal(err)
		}
		h := b.head()
		if time.Since(began) > 50*time.Second {
			pointers = append(pointers, h.Delivered)
		}
		select {
		case <-published:
			if h.Delivered == h.Seq {
				return pointers
			}
		default:
		}
	}
}

// repeats returns how often a member was sent something more than once. It fails
// the test if anything is missing.
func (b *bundle) repeats(id string) int {
	b.Helper()
	seqs, _ := b.gateway.got(b.T, id)
	seen := map[uint64]bool{}
	for _, seq := range seqs {
		seen[seq] = true
	}
	for seq := uint64(1); seq <= b.head().Seq; seq++ {
		if !seen[seq] {
			b.Fatalf("%s did not get %d of %d", id, seq, b.head().Seq)
		}
	}
	return len(seqs) - len(seen)
}

// In a room so large that its rounds never all end at once, each broadcaster
// continues where the one before it stopped, and nothing is sent twice.
func TestPointerMovesInALargeRoom(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.configure(broadcast.Config{PostsPerSecond: 100}) // 3 frames a second for each
		for i := range 30 {
			b.join(fmt.Sprint("m", i))
		}
		b.gateway.post = func(context.Context, string) error { time.Sleep(20 * time.Millisecond); return nil }
		pointers := b.serve(b.publish(900, 200*time.Millisecond, "", "1"))
		if len(pointers) < 3 {
			b.Fatalf("%v: no broadcaster ran out of time", pointers)
		}
		for i, p := range pointers[:3] {
			if want := uint64(i+1) * 250; p < want {
				b.Errorf("after %d minutes %d are delivered, want %d: %v", i+1, p, want, pointers)
			}
		}
		for i := range 30 {
			if n := b.repeats(fmt.Sprint("m", i)); n > 0 {
				b.Errorf("m%d got %d twice", i, n)
			}
		}
	})
}

// A member that accepts each frame only at the fifth attempt never refuses for
// long enough to be behind. It delays neither the others nor the pointer.
func TestPointerMovesBesideASlowReader(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("slow", "a", "b", "c", "d")
		tries := 0
		b.gateway.post = func(_ context.Context, id string) error {
			if id != "slow" {
				return nil
			}
			if tries++; tries%5 != 0 {
				return connection.ErrThrottled
			}
			return nil
		}
		pointers := b.serve(b.publish(1800, 100*time.Millisecond, "", "1"))
		if len(pointers) < 3 {
			b.Fatalf("%v: no broadcaster ran out of time", pointers)
		}
		for i, p := range pointers[:3] {
			if want := uint64(i+1) * 500; p < want {
				b.Errorf("after %d minutes %d are delivered, want %d: %v", i+1, p, want, pointers)
			}
		}
		for _, id := range []string{"slow", "a", "d"} {
			if n := b.repeats(id); n > 0 {
				b.Errorf("%s got %d twice", id, n)
			}
		}
	})
}

// A member that accepts something all the time, but less than comes, ends up
// behind: its queue must not grow forever.
func TestMemberThatTakesLessThanComesFallsBehind(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("slow", "a")
		b.gateway.post = func(_ context.Context, id string) error {
			if id == "slow" {
				time.Sleep(2500 * time.Millisecond)
			}
			return nil
		}
		b.serve(b.publish(150, 150*time.Millisecond, "", `"`+strings.Repeat("x", 20_000)+`"`)) // one a frame
		if !b.behind("slow") || !b.recorded("slow") {
			b.Error("slow is not on record")
		}
		b.want("a", 1, 150)
		seqs, _ := b.gateway.got(b.T, "slow")
		if n := len(seqs); n < 3 || n > 40 {
			b.Errorf("slow took %d before it was behind", n)
		}
	})
}

// If everybody accepts less than comes, the rate is the cause, and nobody is put
// behind.
func TestLateForAllPutsNobodyBehind(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.configure(broadcast.Config{PostsPerSecond: 2})
		var ids []string
		for i := range 60 { // half a minute a round
			ids = append(ids, fmt.Sprint("m", i))
		}
		b.join(ids...)
		b.append(3, "", "1")
		b.drain()
		for _, id := range ids {
			b.want(id, 1, 3)
		}
	})
}

// A writer died in a room so quiet that an entry may have expired at its number:
// there is nothing to push for it.
func TestLostVoidIsPassedOver(t *testing.T) {
	for _, following := range []int{0, 1, 3} {
		t.Run(fmt.Sprint(following, " follow"), func(t *testing.T) {
			inTime(t, func(b *bundle) {
				b.join("a")
				b.append(1, "", "1")
				b.drain()
				taken := msglog.TakeParams{Room: "r", Now: time.Now(), Expires: time.Now().Add(72 * time.Hour)}
				if _, err := b.store.TakeNumber(b.Context(), taken); err != nil {
					b.Fatal(err)
				}
				time.Sleep(25 * time.Hour)
				b.join("b")
				b.append(following, "", "3")
				b.drain()
				last := uint64(2 + following) //nolint:gosec // small
				if h := b.head(); h.Delivered != last || h.Lease.Owner != "" {
					b.Errorf("head %+v", h)
				}
				b.want("b", 3, last)
			})
		})
	}
}

// The pointer does not pass a member that got nothing before that member is on
// record as behind, whichever write fails.
func TestPointerWaitsForWhoIsNotOnRecord(t *testing.T) {
	for own := range 2 {
		for ms := range 12 {
			t.Run(fmt.Sprintf("own %d, %d ms", own, ms*10), func(t *testing.T) {
				inTime(t, func(b *bundle) {
					b.join("x", "a")
					refusing, failed := true, false
					b.gateway.post = func(_ context.Context, id string) error {
						if id == "x" && refusing {
							return connection.ErrThrottled
						}
						return nil
					}
					b.connections.mark = func(string) error {
						if failed {
							return nil
						}
						failed, refusing = true, false
						return passing{}
					}
					b.append(1, "a", "1")
					// One member always accepts while the other is given up.
					b.serve(b.publish(60, time.Duration(40+ms*10)*time.Millisecond, []string{"a", "x"}[own], "2"))
					seqs, _ := b.gateway.got(b.T, "x")
					if !failed || len(seqs) == 0 || seqs[0] != 1 {
						b.Errorf("failed %t, x got %v and is %v; head %+v", failed, seqs, b.behind("x"), b.head())
					}
				})
			})
		}
	}
}
