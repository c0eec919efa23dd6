package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// unread reads as the drainer does.
func (b *bench) unread(t *testing.T, after uint64) []msglog.Entry {
	t.Helper()
	head := must[msglog.Head](t)(b.store.Head(t.Context(), b.room))
	return must[[]msglog.Entry](t)(b.Unread(t.Context(), b.room, head, after, b.clock.Now()))
}

var drainTests = []test[*bench]{
	{"what is unread comes in pages", func(t *testing.T, b *bench) {
		b.appendMany(t, 11)
		var got []uint64
		for last := uint64(0); last < 11; last = got[len(got)-1] {
			got = append(got, numbers(b.unread(t, last))...)
		}
		same(t, got, span(1, 11))
		same(t, b.unread(t, 11), nil)
	}},
	{"entries before a hole come without a wait", func(t *testing.T, b *bench) {
		b.appendMany(t, 2)
		b.take(t)
		b.appendMany(t, 1)
		same(t, numbers(b.unread(t, 0)), span(1, 2))
		same(t, b.clock.Now(), Start)
	}},
	{"a hole is filled after its wait and stays void", func(t *testing.T, b *bench) {
		b.clock.Hurry()
		b.appendMany(t, 1)
		dead := b.take(t)
		b.appendMany(t, 1)
		same(t, b.unread(t, 1), []msglog.Entry{msglog.Void(2)})
		same(t, b.clock.Now(), Start.Add(time.Second))
		same(t, numbers(b.unread(t, 2)), span(3, 3))
		stands, filled, err := b.store.Fill(t.Context(), msglog.FillParams{
			Room: b.room, Epoch: dead.Epoch, Entry: entry(2), Expires: Start.Add(retention),
		})
		ok(t, err)
		same(t, stands, msglog.Void(2))
		same(t, filled, false)
	}},
	{"any number of holes in a row costs one wait", func(t *testing.T, b *bench) {
		b.clock.Hurry()
		b.appendMany(t, 1)
		for range 20 {
			b.take(t)
		}
		b.appendMany(t, 1)
		head := must[msglog.Head](t)(b.store.Head(t.Context(), b.room))
		looked := b.clock.Now()
		var got []msglog.Entry
		for at := uint64(0); at < head.Seq; at = got[len(got)-1].Seq {
			got = append(got, must[[]msglog.Entry](t)(b.Unread(t.Context(), b.room, head, at, looked))...)
		}
		same(t, numbers(got), span(1, 22))
		for _, e := range got[1:21] {
			same(t, e, msglog.Void(e.Seq))
		}
		same(t, b.clock.Now(), Start.Add(time.Second))
	}},
	{"a hole that was seen longer ago than its wait is filled at once", func(t *testing.T, b *bench) {
		b.clock.Hurry()
		b.take(t)
		head := must[msglog.Head](t)(b.store.Head(t.Context(), b.room))
		b.clock.Advance(time.Second)
		same(t, must[[]msglog.Entry](t)(b.Unread(t.Context(), b.room, head, 0, Start)), []msglog.Entry{msglog.Void(1)})
		same(t, b.clock.Now(), Start.Add(time.Second))
	}},
	{"a slow writer that comes within the wait keeps its number", func(t *testing.T, b *bench) {
		b.clock.Hurry()
		dead := b.take(t)
		reads := 0
		b.store.read = func() {
			if reads++; reads == 3 {
				_, _, err := b.store.Fill(t.Context(), msglog.FillParams{
					Room: b.room, Epoch: dead.Epoch, Entry: entry(1), Expires: Start.Add(retention),
				})
				if err != nil {
					t.Error(err)
				}
			}
		}
		same(t, b.unread(t, 0), []msglog.Entry{entry(1)})
	}},
	{"a wait ends with its context", func(t *testing.T, b *bench) {
		b.take(t)
		head := must[msglog.Head](t)(b.store.Head(t.Context(), b.room))
		ctx, cancel := context.WithCancel(t.Context())
		b.store.read = cancel
		_, err := b.Unread(ctx, b.room, head, 0, b.clock.Now())
		fails(t, err, context.Canceled)
		same(t, len(b.standing(t, head)), 0)
	}},
	{"what expired undrained is lost and says so", func(t *testing.T, b *bench) {
		b.clock.Hurry()
		b.take(t) // as if its entry had been deleted
		b.clock.Advance(retention + time.Second)
		same(t, b.unread(t, 0), []msglog.Entry{{Seq: 1, Void: true, Lost: true}})
		same(t, b.page(t, since(0), wide).Recovered, false)
		b.appendMany(t, 2)
		same(t, numbers(b.unread(t, 1)), span(2, 3))
		same(t, numbers(b.page(t, since(1), wide).Entries), span(2, 3))
		same(t, b.page(t, since(0), wide).Recovered, false)
		back := b.page(t, before(4), wide)
		same(t, numbers(back.Entries), span(2, 3))
		same(t, back.Oldest, 2)
	}},
	{"what expired undrained and is still there is delivered", func(t *testing.T, b *bench) {
		b.clock.Hurry()
		b.appendMany(t, 1)
		b.clock.Advance(retention + time.Second)
		same(t, numbers(b.unread(t, 0)), span(1, 1))
	}},
	{"a slow writer in a room that was quiet for longer than the retention keeps its number", func(t *testing.T, b *bench) {
		b.clock.Hurry()
		b.appendMany(t, 1)
		b.drain(t)
		b.clock.Advance(3 * retention)
		slow := b.take(t)
		same(t, b.page(t, since(1), wide).Recovered, true)
		same(t, b.page(t, since(1), wide).Head, 1)
		b.appendMany(t, 1)
		reads := 0
		b.store.read = func() {
			if reads++; reads == 3 {
				_, _, err := b.store.Fill(t.Context(), msglog.FillParams{
					Room: b.room, Epoch: slow.Epoch, Entry: entry(2), Expires: b.clock.Now().Add(retention),
				})
				if err != nil {
					t.Error(err)
				}
			}
		}
		same(t, numbers(b.unread(t, 1)), span(2, 3))
	}},
	{"a dead writer in a room that was quiet for longer than the retention loses nobody anything", func(t *testing.T, b *bench) {
		b.clock.Hurry()
		b.appendMany(t, 1)
		b.drain(t)
		b.clock.Advance(3 * retention)
		b.take(t)
		b.appendMany(t, 1)
		same(t, b.unread(t, 1), []msglog.Entry{msglog.Void(2)})
		same(t, numbers(b.page(t, since(1), wide).Entries), span(2, 3))
	}},
	{"a dead writer in a room that was busy for longer than the retention loses nobody anything", func(t *testing.T, b *bench) {
		b.clock.Hurry()
		b.appendMany(t, 1)
		head := must[msglog.Head](t)(b.Acquire(t.Context(), b.room, "drainer", msglog.Head{}, Start.Add(10*retention)))
		b.clock.Advance(3 * retention)
		looked := b.clock.Now()
		b.take(t)
		ok(t, b.Renew(t.Context(), b.room, "drainer", head.Position(), looked, Start.Add(10*retention)))
		same(t, b.unread(t, 1), []msglog.Entry{msglog.Void(2)})
	}},
	{"a look ahead waits for nothing", func(t *testing.T, b *bench) {
		b.appendMany(t, 2)
		head := b.take(t)
		b.appendMany(t, 1)
		peek := func(after, upto uint64) []uint64 {
			entries, highest, err := b.Peek(t.Context(), b.room, head, after)
			ok(t, err)
			same(t, highest, upto)
			return numbers(entries)
		}
		first := uint64(4)
		if b.size == 2 {
			first = 2
		}
		same(t, peek(0, first), span(1, 2))
		same(t, peek(2, 4), nil)
		same(t, peek(3, 4), span(4, 4))
		same(t, peek(4, 4), nil)
	}},
	{"a release is refused while there is more", func(t *testing.T, b *bench) {
		b.appendMany(t, 1)
		head := must[msglog.Head](t)(b.Acquire(t.Context(), b.room, "drainer", msglog.Head{}, Start.Add(leaseFor)))
		b.appendMany(t, 1)
		head, released, err := b.Release(t.Context(), b.room, "drainer", head.Position())
		ok(t, err)
		same(t, released, false)
		same(t, head.Seq, 2)
		_, released, err = b.Release(t.Context(), b.room, "drainer", head.Position())
		ok(t, err)
		same(t, released, true)
		_, err = b.Acquire(t.Context(), b.room, "another", msglog.Head{}, Start.Add(leaseFor))
		fails(t, err, msglog.ErrLeaseHeld)
	}},
	{"a successor goes on where the pointer stands", func(t *testing.T, b *bench) {
		b.appendMany(t, 5)
		head := must[msglog.Head](t)(b.Acquire(t.Context(), b.room, "drainer", msglog.Head{}, Start.Add(leaseFor)))
		at := head.Position()
		at.Seq = 2
		ok(t, b.Renew(t.Context(), b.room, "drainer", at, time.Time{}, Start.Add(leaseFor)))
		b.clock.Advance(leaseFor)
		head = must[msglog.Head](t)(b.Acquire(t.Context(), b.room, "successor", msglog.Head{}, Start.Add(2*leaseFor)))
		same(t, head.Delivered, 2)
		fails(t, b.Renew(t.Context(), b.room, "drainer", at, time.Time{}, Start.Add(3*leaseFor)), msglog.ErrLeaseLost)
		at.Seq = 3
		ok(t, b.Abandon(t.Context(), b.room, "successor", at, time.Time{}))
		head = must[msglog.Head](t)(b.Acquire(t.Context(), b.room, "third", msglog.Head{}, Start.Add(3*leaseFor)))
		same(t, head.Delivered, 3)
	}},
}

var togetherTests = []test[*bench]{
	// Publishers that retry, others that die, and two drainers that do not wait
	// for holes.
	{"whoever works at once the log is dense and each key in it once", func(t *testing.T, b *bench) {
		const publishers, keys = 16, 8
		b.clock.Hurry()
		type result struct {
			key string
			msglog.AppendResult
		}
		results := race(t, publishers+2, func(i int) (result, error) {
			if i >= publishers {
				return result{}, b.drainOften(t.Context(), numbered("drainer", i))
			}
			key := numbered("key", i%keys)
			for {
				r, err := b.Append(t.Context(), b.message(key))
				if !errors.Is(err, msglog.ErrContended) {
					return result{key, r}, err
				}
			}
		})
		ok(t, b.drainOften(t.Context(), "last"))
		stands := b.dense(t)
		same(t, len(stands), keys)
		at := map[string]uint64{}
		for _, e := range stands {
			at[e.Key] = e.Seq
		}
		same(t, len(at), keys)
		for _, r := range results[:publishers] {
			same(t, r.Seq, at[r.key])
		}
		head := must[msglog.Head](t)(b.store.Head(t.Context(), b.room))
		same(t, head.Delivered, head.Seq)
	}},
}

// drainOften serves the room for some rounds, and dies once with the lease.
func (b *bench) drainOften(ctx context.Context, owner string) error {
	const rounds = 6
	for round := range rounds {
		owner := fmt.Sprint(owner, round)
		looked := b.clock.Now()
		head, err := b.Acquire(ctx, b.room, owner, msglog.Head{}, looked.Add(leaseFor))
		if errors.Is(err, msglog.ErrLeaseHeld) {
			b.clock.Advance(leaseFor) // until the lease has expired
			continue
		}
		if err != nil {
			return err
		}
		at := msglog.Position{Epoch: head.Epoch, Seq: head.Delivered}
		for {
			for at.Seq < head.Seq {
				entries, err := b.Unread(ctx, b.room, head, at.Seq, looked)
				if err != nil {
					return err
				}
				for _, e := range entries {
					if e.Seq != at.Seq+1 {
						return fmt.Errorf("number %d follows %d", e.Seq, at.Seq)
					}
					at.Seq = e.Seq
				}
			}
			if round == 1 {
				break // dies
			}
			looked = b.clock.Now()
			now, released, err := b.Release(ctx, b.room, owner, at)
			if errors.Is(err, msglog.ErrLeaseLost) || released {
				break
			}
			if err != nil {
				return err
			}
			head = now
		}
	}
	return nil
}
