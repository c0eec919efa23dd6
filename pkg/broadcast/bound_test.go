package broadcast_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/storetest"
)

// dies takes the lease for a run that dies and whose clock is wrong by skew.
func (b *bundle) dies(skew time.Duration) {
	b.Helper()
	head := b.head()
	if _, err := b.log.Acquire(b.Context(), "r", "dead", head, time.Now().Add(15*time.Second+skew)); err != nil {
		b.Fatal(err)
	}
}

// A run has its lease for fifteen seconds, in which nobody else drains. A live
// run renews it for as long as it needs.
func TestLeaseForWithin(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.configure(broadcast.Config{PostsPerSecond: 1})
		ids := []string{}
		for i := range 40 {
			ids = append(ids, string(rune('A'+i)))
		}
		b.join(ids...)
		b.append(1, "", "1")
		began, longest := time.Now(), time.Duration(0)
		b.gateway.post = func(context.Context, string) error {
			left := time.Until(b.head().Lease.Until)
			if left <= 0 {
				b.Errorf("no lease after %v", time.Since(began))
			}
			longest = max(longest, left)
			return nil
		}
		b.drain()
		if longest != 15*time.Second || time.Since(began) < 30*time.Second {
			b.Errorf("a lease of %v, a drain of %v", longest, time.Since(began))
		}
	})
}

// After that a dead run has no lease, well before Lambda repeats it.
func TestLeaseForOver(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.join("a")
		b.append(1, "", "1")
		b.dies(0)
		time.Sleep(15*time.Second - time.Millisecond)
		b.drain()
		b.want("a", 1, 0)
		time.Sleep(time.Millisecond)
		b.drain()
		b.want("a", 1, 1)
		if _, err := broadcast.New(b.parts, broadcast.Config{LeaseFor: time.Minute}); err == nil {
			b.Error("a lease may last until Lambda repeats its run")
		}
	})
}

// The run that Lambda repeats after a minute finds that its old lease has
// expired, whatever the clocks say.
func TestLeaseOfClocksApart(t *testing.T) {
	for name, skew := range map[string]time.Duration{"behind": -storetest.Apart, "ahead": storetest.Apart} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(b *bundle) {
				b.join("a")
				b.append(1, "", "1")
				b.dies(skew)
				time.Sleep(time.Minute)
				b.drain()
				b.want("a", 1, 1)
				// Nor does a publisher rely on it.
				if b.head().Lease.Live(time.Now()) {
					b.Error("the lease of a run that died is live")
				}
				// The same if the clock of the repeated run is wrong.
				b.append(1, "", "2")
				b.dies(0)
				time.Sleep(time.Minute)
				parts := b.parts
				parts.Clock = storetest.Skewed(clock.System(), skew)
				log, err := msglog.New(b.store, parts.Clock, parts.NewID, msglog.Config{})
				if err != nil {
					b.Fatal(err)
				}
				parts.Log = log
				other, err := broadcast.New(parts, broadcast.Config{})
				if err != nil {
					b.Fatal(err)
				}
				if err := other.Handle(b.Context(), drain); err != nil {
					b.Fatal(err)
				}
				b.want("a", 1, 2)
			})
		})
	}
}

// left drains with d left before the deadline.
func (b *bundle) left(d time.Duration) {
	b.Helper()
	b.join("a")
	b.append(1, "", "1")
	ctx, cancel := context.WithDeadline(b.Context(), time.Now().Add(d))
	defer cancel()
	if err := b.Handle(ctx, drain); err != nil {
		b.Fatal(err)
	}
}

func TestMarginWithin(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.left(5 * time.Second)
		b.want("a", 1, 1)
		if len(b.waker.wakes) > 0 {
			b.Errorf("handed on: %v", b.waker.wakes)
		}
	})
}

// Nothing is begun that cannot be finished, and another broadcaster continues.
func TestMarginOver(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.left(5*time.Second - time.Millisecond)
		b.want("a", 1, 0)
		if len(b.waker.wakes) != 1 || b.waker.wakes[0].Room != "r" || b.head().Lease.Owner != "" {
			b.Errorf("not handed on: %v, %+v", b.waker.wakes, b.head())
		}
	})
}

// slowly makes each post slow, and counts the posts that timed out.
func (b *bundle) slowly(takes time.Duration) (gaveUp int) {
	b.Helper()
	b.join("a")
	b.append(1, "", "1")
	b.gateway.post = func(ctx context.Context, _ string) error {
		err := clock.Sleep(ctx, clock.System(), takes)
		if err != nil {
			gaveUp++
		}
		return err
	}
	b.drain()
	return gaveUp
}

func TestPostTimeoutWithin(t *testing.T) {
	inTime(t, func(b *bundle) {
		if n := b.slowly(3*time.Second - time.Millisecond); n != 0 {
			b.Errorf("%d posts were given up", n)
		}
		b.want("a", 1, 1)
	})
}

func TestPostTimeoutOver(t *testing.T) {
	inTime(t, func(b *bundle) {
		if n := b.slowly(3*time.Second + time.Millisecond); n == 0 {
			b.Error("no post was given up")
		}
		b.want("a", 1, 0)
	})
}

// refuses makes one member refuse for d while another accepts.
func (b *bundle) refuses(d time.Duration) {
	b.Helper()
	b.join("a", "slow")
	b.append(1, "", "1")
	until := time.Now().Add(d)
	b.gateway.post = func(_ context.Context, id string) error {
		if id == "slow" && time.Now().Before(until) {
			return connection.ErrThrottled
		}
		return nil
	}
	b.drain()
	b.want("a", 1, 1)
}

func TestSlowAfterWithin(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.refuses(1500 * time.Millisecond)
		b.want("slow", 1, 1)
	})
}

// The member gets nothing more until it joins again.
func TestSlowAfterOver(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.refuses(2500 * time.Millisecond)
		b.want("slow", 1, 0)
	})
}

// fills makes a writer take the number below a message and write it after a time.
func (b *bundle) fills(after time.Duration) {
	b.Helper()
	b.join("a")
	head, err := b.store.TakeNumber(b.Context(), msglog.TakeParams{Room: "r", FreshEpoch: "e", Now: time.Now()})
	if err != nil {
		b.Fatal(err)
	}
	b.append(1, "", "2")
	written := make(chan error)
	go func() {
		time.Sleep(after)
		entry := msglog.Entry{Seq: head.Seq, User: "u", At: time.Now(), Data: []byte("1")}
		_, _, err := b.store.Fill(b.Context(), msglog.FillParams{Room: "r", Epoch: head.Epoch, Entry: entry, Expires: time.Now().Add(time.Hour)})
		written <- err
	}()
	b.drain()
	if err := <-written; err != nil {
		b.Fatal(err)
	}
}

// voided reports whether a member was told that a number is void.
func (b *bundle) voided(id string) bool {
	return bytes.Contains(bytes.Join(b.gateway.frames[id], nil), []byte(`"void":true`))
}

// A slow writer keeps its number.
func TestHoleWaitWithin(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.fills(940 * time.Millisecond) // holes are checked every 50 ms
		if b.want("a", 1, 2); b.voided("a") {
			b.Error("the number was voided before a second had passed")
		}
	})
}

// Members stop waiting for the writer, which takes another number.
func TestHoleWaitOver(t *testing.T) {
	inTime(t, func(b *bundle) {
		began := time.Now()
		b.fills(1001 * time.Millisecond)
		if b.want("a", 1, 2); !b.voided("a") || b.gateway.at["a"][0].Sub(began) != time.Second {
			b.Errorf("void %v after %v", b.voided("a"), b.gateway.at["a"][0].Sub(began))
		}
	})
}

// allRefuse makes all members of a room refuse for d.
func (b *bundle) allRefuse(d time.Duration) {
	b.Helper()
	b.join("a", "b")
	b.append(1, "", "1")
	until := time.Now().Add(d)
	b.gateway.post = func(context.Context, string) error {
		if time.Now().Before(until) {
			return connection.ErrThrottled
		}
		return nil
	}
	b.drain()
}

// If all refuse, the account's rate or the gateway may be the cause.
func TestBehindAfterWithin(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.allRefuse(9500 * time.Millisecond)
		b.want("a", 1, 1)
		b.want("b", 1, 1)
	})
}

// But nobody waits forever.
func TestBehindAfterOver(t *testing.T) {
	inTime(t, func(b *bundle) {
		b.allRefuse(10500 * time.Millisecond)
		b.want("a", 1, 0)
		b.want("b", 1, 0)
	})
}
