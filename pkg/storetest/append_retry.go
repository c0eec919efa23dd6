package storetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// former returns a number of an earlier epoch, for which the key "key" stands and
// which has no entry.
func (b *bench) former(t *testing.T) msglog.Position {
	t.Helper()
	return must[msglog.Position](t)(b.store.Mark(t.Context(), msglog.MarkParams{
		Room: b.room, User: "ada", Key: "key", Position: msglog.Position{Epoch: "former", Seq: 7},
		Now: Start, Expires: Start.Add(window),
	}))
}

var retryTests = []test[*bench]{
	{"a retry learns the first one's number and entry", func(t *testing.T, b *bench) {
		first := b.append(t, "key")
		b.clock.Advance(time.Minute)
		p := b.message("key")
		p.Origin, p.Data = "another=", []byte(`{"n":2}`)
		again := must[msglog.AppendResult](t)(b.Append(t.Context(), p))
		same(t, again.Duplicate, true)
		same(t, again.Position, first.Position)
		same(t, again.Entry, first.Entry)
		same(t, len(b.dense(t)), 1)
	}},
	{"the same key of another user is another message", func(t *testing.T, b *bench) {
		b.append(t, "key")
		p := b.message("key")
		p.User = "bob"
		got := must[msglog.AppendResult](t)(b.Append(t.Context(), p))
		same(t, got.Duplicate, false)
		same(t, len(b.dense(t)), 2)
	}},
	{"a retry after the window is another message", func(t *testing.T, b *bench) {
		b.append(t, "key")
		b.clock.Advance(window + time.Second)
		same(t, b.append(t, "key").Duplicate, false)
		same(t, len(b.dense(t)), 2)
	}},
	{"many retries at once leave one entry", func(t *testing.T, b *bench) {
		results := race(t, width, func(i int) (msglog.AppendResult, error) {
			p := b.message("key")
			p.Origin, p.Data = numbered("connection", i), fmt.Appendf(nil, "%d", i)
			return b.Append(t.Context(), p)
		})
		stands := b.dense(t)
		same(t, len(stands), 1)
		firsts := 0
		for _, r := range results {
			same(t, r.Entry, stands[0])
			same(t, r.Seq, stands[0].Seq)
			if !r.Duplicate {
				firsts++
			}
		}
		same(t, firsts, 1)
	}},
	{"a retry finishes what its predecessor began", func(t *testing.T, b *bench) {
		dead := b.take(t)
		must[msglog.Position](t)(b.store.Mark(t.Context(), msglog.MarkParams{
			Room: b.room, User: "ada", Key: "key", Position: dead.Position(), Now: Start, Expires: Start.Add(window),
		}))
		got := b.append(t, "key")
		same(t, got.Position, dead.Position())
		same(t, got.Duplicate, true)
		same(t, len(b.dense(t)), 1) // its own number is void
	}},
	{"a retry leaves a number that was taken away", func(t *testing.T, b *bench) {
		dead := b.take(t)
		must[msglog.Position](t)(b.store.Mark(t.Context(), msglog.MarkParams{
			Room: b.room, User: "ada", Key: "key", Position: dead.Position(), Now: Start, Expires: Start.Add(window),
		}))
		b.void(t, dead)
		results := race(t, width, func(int) (uint64, error) {
			r, err := b.Append(t.Context(), b.message("key"))
			return r.Seq, err
		})
		stands := b.dense(t)
		same(t, len(stands), 1)
		same(t, agreed(t, results), stands[0].Seq)
	}},
	{"a key of a log that is gone stays where its message is", func(t *testing.T, b *bench) {
		former := b.former(t)
		stands := msglog.Entry{Seq: former.Seq, User: "ada", At: Start, Key: "key", Data: []byte(`{"n":0}`)}
		_, _, err := b.store.Fill(t.Context(), msglog.FillParams{
			Room: b.room, Epoch: former.Epoch, Entry: stands, Expires: Start.Add(retention),
		})
		ok(t, err)
		got := b.append(t, "key")
		same(t, got.Position, former)
		same(t, got.Duplicate, true)
		same(t, got.Entry, stands)
		same(t, len(b.dense(t)), 0)
	}},
	{"a key of a log that is gone moves if its message was never written", func(t *testing.T, b *bench) {
		former := b.former(t)
		got := b.append(t, "key")
		same(t, got.Epoch, got.Head.Epoch)
		same(t, got.Seq, 2) // it took 1 before it knew which log is the older
		same(t, got.Duplicate, false)
		same(t, len(b.dense(t)), 1)
		same(t, b.append(t, "key").Position, got.Position)
		slow := b.message("key")
		stands, filled, err := b.store.Fill(t.Context(), msglog.FillParams{
			Room: b.room, Epoch: former.Epoch, Expires: Start.Add(retention),
			Entry: msglog.Entry{Seq: former.Seq, User: slow.User, At: Start, Key: slow.Key, Data: slow.Data},
		})
		ok(t, err)
		same(t, filled, false) // its writer was too late
		same(t, stands, msglog.Void(former.Seq))
	}},
	{"a lease on another log than the key's wakes nobody for it", func(t *testing.T, b *bench) {
		later := b.former(t)
		_, _, err := b.store.Fill(t.Context(), msglog.FillParams{
			Room: b.room, Epoch: later.Epoch, Expires: Start.Add(retention),
			Entry: msglog.Entry{Seq: later.Seq, User: "ada", At: Start, Key: "key", Data: []byte(`{}`)},
		})
		ok(t, err)
		b.append(t, "")
		must[msglog.Head](t)(b.Acquire(t.Context(), b.room, "drainer", msglog.Head{}, b.clock.Now().Add(leaseFor)))
		got := b.append(t, "key")
		same(t, got.Head.Lease.Live(b.clock.Now()), true)
		same(t, got.NeedsWake(b.clock.Now()), true)
	}},
	{"a number above the head that its publisher saw must be woken for", func(t *testing.T, b *bench) {
		b.append(t, "")
		must[msglog.Head](t)(b.Acquire(t.Context(), b.room, "drainer", msglog.Head{}, b.clock.Now().Add(leaseFor)))
		// While the publisher is slow, its number 2 is voided and the lease
		// released; another with the same key claims the key for number 3 and
		// dies.
		b.store.taken = once(func(head msglog.Head) {
			b.void(t, head)
			_, released, err := b.Release(t.Context(), b.room, "drainer", head.Position())
			ok(t, err)
			same(t, released, true)
			dead := b.take(t)
			must[msglog.Position](t)(b.store.Mark(t.Context(), msglog.MarkParams{
				Room: b.room, User: "ada", Key: "key", Position: dead.Position(), Now: Start, Expires: Start.Add(window),
			}))
		})
		got := b.append(t, "key")
		same(t, [2]uint64{got.Head.Seq, got.Seq}, [2]uint64{2, 3})
		same(t, got.Head.Lease.Live(b.clock.Now()), true)
		same(t, got.NeedsWake(b.clock.Now()), true)
	}},
	{"a number up to the head that its publisher saw is the holder's of a live lease", func(t *testing.T, b *bench) {
		dead := b.take(t)
		must[msglog.Position](t)(b.store.Mark(t.Context(), msglog.MarkParams{
			Room: b.room, User: "ada", Key: "key", Position: dead.Position(), Now: Start, Expires: Start.Add(window),
		}))
		must[msglog.Head](t)(b.Acquire(t.Context(), b.room, "drainer", msglog.Head{}, b.clock.Now().Add(leaseFor)))
		got := b.append(t, "key")
		same(t, [2]uint64{got.Head.Seq, got.Seq}, [2]uint64{2, 1})
		same(t, got.NeedsWake(b.clock.Now()), false)
	}},
	{"another's message at a number that was just handed out ends the epoch", func(t *testing.T, b *bench) {
		for _, key := range []string{"key", ""} {
			next := msglog.Entry{Seq: 1, User: "bob", At: Start, Key: key, Data: []byte(`{"n":1}`), Origin: "connection="}
			before := must[msglog.Head](t)(b.store.Head(t.Context(), b.room))
			came := msglog.Position{Epoch: "epoch1", Seq: 1} // whose head was deleted and comes back
			if key == "" {
				came = msglog.Position{Epoch: before.Epoch, Seq: before.Seq + 1}
			}
			next.Seq = came.Seq
			_, _, err := b.store.Fill(t.Context(), msglog.FillParams{
				Room: b.room, Epoch: came.Epoch, Entry: next, Expires: Start.Add(retention),
			})
			ok(t, err)
			got := b.append(t, key)
			same(t, got.Epoch != came.Epoch, true)
			same(t, [2]any{got.Seq, got.Duplicate}, [2]any{uint64(1), false})
			same(t, got.Entry.User, "ada")
			same(t, got.NeedsWake(b.clock.Now()), true)
			same(t, b.dense(t), []msglog.Entry{got.Entry})
		}
	}},
	{"another's message where the key stands ends the epoch and the key moves", func(t *testing.T, b *bench) {
		dead := b.take(t)
		must[msglog.Position](t)(b.store.Mark(t.Context(), msglog.MarkParams{
			Room: b.room, User: "ada", Key: "key", Position: dead.Position(), Now: Start, Expires: Start.Add(window),
		}))
		_, _, err := b.store.Fill(t.Context(), msglog.FillParams{
			Room: b.room, Epoch: dead.Epoch, Expires: Start.Add(retention),
			Entry: msglog.Entry{Seq: dead.Seq, User: "bob", At: Start, Data: []byte(`1`)},
		})
		ok(t, err)
		got := b.append(t, "key")
		same(t, got.Epoch != dead.Epoch, true)
		same(t, [2]any{got.Seq, got.Duplicate}, [2]any{uint64(1), false})
		again := b.append(t, "key")
		same(t, again.Position, got.Position)
		same(t, again.Duplicate, true)
	}},
	{"another's message where the key of a log that is gone stands is not the key's", func(t *testing.T, b *bench) {
		former := b.former(t)
		_, _, err := b.store.Fill(t.Context(), msglog.FillParams{
			Room: b.room, Epoch: former.Epoch, Expires: Start.Add(retention),
			Entry: msglog.Entry{Seq: former.Seq, User: "bob", At: Start, Data: []byte(`1`)},
		})
		ok(t, err)
		first := b.append(t, "")
		got := b.append(t, "key")
		same(t, got.Epoch, first.Epoch) // the current log stays
		same(t, got.Duplicate, false)
		same(t, len(b.dense(t)), 2)
	}},
	{"a mark does not outlive its entry", func(t *testing.T, b *bench) {
		b.store.taken = once(func(msglog.Head) { b.clock.Advance(time.Minute) })
		got := b.append(t, "key")
		b.clock.Advance(retention - time.Second)
		read := b.page(t, msglog.Start{Last: 1}, budget(1))
		same(t, read.Entries, []msglog.Entry{got.Entry})
	}},
	{"whatever a writer's data aliases the log keeps its own", func(t *testing.T, b *bench) {
		p := b.message("")
		p.Data = bytes.Clone(p.Data)
		must[msglog.AppendResult](t)(b.Append(t.Context(), p))
		p.Data[1] = 'x'
		same(t, string(b.dense(t)[0].Data), `{"n":1}`)
	}},
}
