package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// RunAppend checks that a msglog.Log over the store keeps its promises.
func RunAppend(t *testing.T, factory func(*testing.T) msglog.Store) {
	RunAppendInPages(t, factory, 8)
}

// RunAppendInPages is RunAppend with the given number of entries, at least two,
// in each read of the store.
func RunAppendInPages(t *testing.T, factory func(*testing.T) msglog.Store, entries int) {
	bench := func(t *testing.T) *bench { return newBench(t, factory(t), entries) }
	run(t, "Append", bench, appendTests)
	run(t, "Retry", bench, retryTests)
	run(t, "Read", bench, readTests)
	run(t, "ReadBack", bench, readBackTests)
	run(t, "Lost", bench, lostTests)
	run(t, "Drain", bench, drainTests)
	run(t, "Together", bench, togetherTests)
}

// retention is the retention of the logs in these tests.
const retention = 24 * time.Hour

// bench is a log, its store, and its own room.
type bench struct {
	*msglog.Log
	store *tapped
	clock *Clock
	room  string
	size  int // most entries in each read of the store
}

func newBench(t *testing.T, s msglog.Store, pageEntries int) *bench {
	t.Helper()
	b := &bench{store: &tapped{Store: s}, clock: NewClock(), room: unique(t, "room"), size: pageEntries}
	var epochs atomic.Int64
	newEpoch := func() string { return fmt.Sprintf("epoch%d", epochs.Add(1)) }
	log, err := msglog.New(b.store, b.clock, newEpoch, msglog.Config{
		Retention: retention, Window: window, HoleWait: time.Second, HolePoll: 50 * time.Millisecond, PageEntries: pageEntries,
	})
	ok(t, err)
	b.Log = log
	return b
}

// tapped is a store with hooks after its calls. Set them before use.
type tapped struct {
	msglog.Store
	taken func(head msglog.Head)
	read  func()
}

func (s *tapped) TakeNumber(ctx context.Context, p msglog.TakeParams) (msglog.Head, error) {
	head, err := s.Store.TakeNumber(ctx, p)
	if err == nil && s.taken != nil {
		s.taken(head)
	}
	return head, err
}

func (s *tapped) Entries(ctx context.Context, p msglog.RangeParams) ([]msglog.Entry, error) {
	entries, err := s.Store.Entries(ctx, p)
	if s.read != nil {
		s.read()
	}
	return entries, err
}

// message returns a message of ada's.
func (b *bench) message(key string) msglog.AppendParams {
	return msglog.AppendParams{Room: b.room, User: "ada", Origin: "connection=", Key: key, Data: []byte(`{"n":1}`)}
}

func (b *bench) append(t *testing.T, key string) msglog.AppendResult {
	t.Helper()
	return must[msglog.AppendResult](t)(b.Append(t.Context(), b.message(key)))
}

// appendMany appends count messages without a key.
func (b *bench) appendMany(t *testing.T, count int) {
	t.Helper()
	for range count {
		b.append(t, "")
	}
}

// take hands out a number whose writer then dies.
func (b *bench) take(t *testing.T) msglog.Head {
	t.Helper()
	return must[msglog.Head](t)(b.store.TakeNumber(t.Context(), msglog.TakeParams{
		Room: b.room, FreshEpoch: "dead", Now: b.clock.Now(), Expires: b.clock.Now().Add(3 * retention), Retention: retention,
	}))
}

// drain delivers everything that was handed out.
func (b *bench) drain(t *testing.T) {
	t.Helper()
	head := must[msglog.Head](t)(b.Acquire(t.Context(), b.room, "drainer", msglog.Head{}, b.clock.Now().Add(leaseFor)))
	_, released, err := b.Release(t.Context(), b.room, "drainer", head.Position())
	ok(t, err)
	same(t, released, true)
}

// standing returns every entry of an epoch.
func (b *bench) standing(t *testing.T, head msglog.Head) []msglog.Entry {
	t.Helper()
	var all []msglog.Entry
	for last := uint64(0); ; last = all[len(all)-1].Seq {
		got := must[[]msglog.Entry](t)(b.store.Entries(t.Context(), msglog.RangeParams{
			Room: b.room, Epoch: head.Epoch, After: last, Upto: head.Seq, Limit: 100, Now: b.clock.Now(),
		}))
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}

// dense checks that all numbers up to the head are filled, and returns the
// entries that are not void.
func (b *bench) dense(t *testing.T) []msglog.Entry {
	t.Helper()
	head := must[msglog.Head](t)(b.store.Head(t.Context(), b.room))
	all := b.standing(t, head)
	same(t, uint64(len(all)), head.Seq)
	var messages []msglog.Entry
	for i, e := range all {
		same(t, e.Seq, uint64(i+1))
		if !e.Void {
			messages = append(messages, e)
		}
	}
	return messages
}

var appendTests = []test[*bench]{
	{"messages are numbered from 1", func(t *testing.T, b *bench) {
		for seq := uint64(1); seq <= 3; seq++ {
			got := b.append(t, numbered("key", int(seq))) //nolint:gosec // small
			want := msglog.Entry{
				Seq: seq, User: "ada", At: Start, Key: numbered("key", int(seq)), //nolint:gosec // small
				Data: []byte(`{"n":1}`), Origin: "connection=",
			}
			same(t, got.Entry, want)
			same(t, got.Position, msglog.Position{Epoch: got.Head.Epoch, Seq: seq})
			same(t, got.Duplicate, false)
			same(t, got.Head.Seq, seq)
		}
		same(t, len(b.dense(t)), 3)
	}},
	{"without a key each is another message", func(t *testing.T, b *bench) {
		same(t, b.append(t, "").Seq, 1)
		same(t, b.append(t, "").Seq, 2)
		same(t, len(b.dense(t)), 2)
	}},
	{"fifty at once leave a dense log", func(t *testing.T, b *bench) {
		const publishers = 50
		results := race(t, publishers, func(i int) (msglog.AppendResult, error) {
			p := b.message(numbered("key", i))
			p.User = numbered("user", i)
			return b.Append(t.Context(), p)
		})
		stands := b.dense(t)
		same(t, len(stands), publishers)
		for _, r := range results {
			same(t, r.Duplicate, false)
			same(t, stands[r.Seq-1], r.Entry)
		}
	}},
	{"a drainer must be woken if none is awake", func(t *testing.T, b *bench) {
		first := b.append(t, "a")
		same(t, first.NeedsWake(b.clock.Now()), true)
		must[msglog.Head](t)(b.Acquire(t.Context(), b.room, "drainer", msglog.Head{}, b.clock.Now().Add(leaseFor)))
		second := b.append(t, "b")
		same(t, second.NeedsWake(b.clock.Now()), false)
		b.clock.Advance(leaseFor) // it died
		third := b.append(t, "c")
		same(t, third.NeedsWake(b.clock.Now()), true)
	}},
	{"a retry wakes too unless its message was delivered", func(t *testing.T, b *bench) {
		b.append(t, "a")
		same(t, b.append(t, "a").NeedsWake(b.clock.Now()), true)
		b.drain(t)
		same(t, b.append(t, "a").NeedsWake(b.clock.Now()), false)
	}},
	{"a number that a reader took away is replaced", func(t *testing.T, b *bench) {
		for _, key := range []string{"key", ""} {
			b.store.taken = once(func(head msglog.Head) { b.void(t, head) })
			got := b.append(t, key)
			same(t, got.Duplicate, false)
			same(t, got.Seq, got.Head.Seq)
		}
		same(t, len(b.dense(t)), 2)
		again := b.append(t, "key")
		same(t, again.Duplicate, true)
		same(t, again.Seq, 2)
	}},
	{"an append that always loses its number gives up", func(t *testing.T, b *bench) {
		b.store.taken = func(head msglog.Head) { b.void(t, head) }
		_, err := b.Append(t.Context(), b.message("key"))
		fails(t, err, msglog.ErrContended)
		b.store.taken = nil
		got := b.append(t, "key")
		same(t, len(b.dense(t)), 1)
		same(t, b.append(t, "key").Seq, got.Seq)
	}},
}

// void fills a number like a reader that does not wait any longer.
func (b *bench) void(t *testing.T, head msglog.Head) {
	_, _, err := b.store.Fill(t.Context(), msglog.FillParams{
		Room: b.room, Epoch: head.Epoch, Entry: msglog.Void(head.Seq), Expires: b.clock.Now().Add(retention),
	})
	if err != nil {
		t.Error(err)
	}
}

// once returns a function that calls f only the first time.
func once[T any](f func(T)) func(T) {
	var done atomic.Bool
	return func(v T) {
		if done.CompareAndSwap(false, true) {
			f(v)
		}
	}
}
