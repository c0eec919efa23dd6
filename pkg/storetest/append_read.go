package storetest

import (
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// wide is a budget that cuts nothing in these tests.
var wide = budget(100)

func budget(entries int) msglog.Budget {
	return msglog.Budget{Entries: entries, Bytes: 1 << 20, Size: func(e msglog.Entry) int { return len(e.Data) }}
}

func (b *bench) page(t *testing.T, start msglog.Start, budget msglog.Budget) msglog.Page {
	t.Helper()
	return must[msglog.Page](t)(b.Read(t.Context(), b.room, start, budget))
}

func since(n uint64) msglog.Start { return msglog.Start{Since: &n} }

func before(n uint64) msglog.Start { return msglog.Start{Before: &n} }

// span is the numbers from first to last.
func span(first, last uint64) []uint64 {
	var seqs []uint64
	for seq := first; seq <= last; seq++ {
		seqs = append(seqs, seq)
	}
	return seqs
}

var readTests = []test[*bench]{
	{"a room without a log is empty", func(t *testing.T, b *bench) {
		for _, start := range []msglog.Start{{}, since(0), {Last: 10}, before(1), before(0)} {
			same(t, b.page(t, start, wide), msglog.Page{Recovered: true})
		}
	}},
	{"everything above since comes", func(t *testing.T, b *bench) {
		b.appendMany(t, 20)
		for _, n := range []uint64{0, 1, 7, 8, 19, 20} {
			got := b.page(t, since(n), wide)
			same(t, numbers(got.Entries), span(n+1, 20))
			same(t, [2]bool{got.Recovered, got.More}, [2]bool{true, false})
			same(t, got.Head, 20)
			same(t, got.Pending, true)
		}
	}},
	{"a budget of entries cuts and the rest follows", func(t *testing.T, b *bench) {
		b.appendMany(t, 20)
		var got []uint64
		for last := uint64(0); ; {
			page := b.page(t, since(last), budget(6))
			same(t, page.Recovered, true)
			got = append(got, numbers(page.Entries)...)
			if !page.More {
				break
			}
			same(t, len(page.Entries), 6)
			last = got[len(got)-1]
		}
		same(t, got, span(1, 20))
	}},
	{"a budget as large as the log is not cut", func(t *testing.T, b *bench) {
		b.appendMany(t, 8)
		got := b.page(t, since(0), budget(8))
		same(t, numbers(got.Entries), span(1, 8))
		same(t, got.More, false)
	}},
	{"a budget of bytes cuts but one entry always fits", func(t *testing.T, b *bench) {
		b.appendMany(t, 5) // of 7 bytes each
		tight := wide
		tight.Bytes = 20
		got := b.page(t, since(0), tight)
		same(t, numbers(got.Entries), span(1, 2))
		same(t, got.More, true)
		tight.Bytes = 1
		got = b.page(t, since(2), tight)
		same(t, numbers(got.Entries), span(3, 3))
		same(t, got.More, true)
		got = b.page(t, msglog.Start{Last: 3}, tight)
		same(t, numbers(got.Entries), span(5, 5))
	}},
	{"a hole ends the page and lowers its head", func(t *testing.T, b *bench) {
		b.appendMany(t, 3)
		b.take(t)
		b.appendMany(t, 2)
		for _, n := range []uint64{0, 2, 3} {
			got := b.page(t, since(n), wide)
			same(t, numbers(got.Entries), span(n+1, 3))
			same(t, got.Recovered, true)
			same(t, got.More, false)
			same(t, got.Head, 3)
			same(t, got.Pending, true)
		}
		same(t, b.page(t, msglog.Start{}, wide).Head, 3)
	}},
	{"voids are part of the page", func(t *testing.T, b *bench) {
		b.append(t, "key")
		b.append(t, "key")
		b.appendMany(t, 1)
		got := b.page(t, since(0), wide)
		same(t, numbers(got.Entries), span(1, 3))
		same(t, got.Entries[1], msglog.Void(2))
	}},
	{"nothing is pending once drained or while somebody drains", func(t *testing.T, b *bench) {
		b.appendMany(t, 2)
		b.drain(t)
		same(t, b.page(t, since(0), wide).Pending, false)
		b.appendMany(t, 1)
		same(t, b.page(t, since(0), wide).Pending, true)
		must[msglog.Head](t)(b.Acquire(t.Context(), b.room, "drainer", msglog.Head{}, b.clock.Now().Add(leaseFor)))
		same(t, b.page(t, since(0), wide).Pending, false)
		b.clock.Advance(leaseFor)
		same(t, b.page(t, since(0), wide).Pending, true)
	}},
	{"the current epoch may be named", func(t *testing.T, b *bench) {
		epoch := b.append(t, "").Epoch
		start := since(0)
		start.Epoch = epoch
		got := b.page(t, start, wide)
		same(t, numbers(got.Entries), span(1, 1))
		same(t, got.Epoch, epoch)
	}},
}

var readBackTests = []test[*bench]{
	{"the last come ascending", func(t *testing.T, b *bench) {
		b.appendMany(t, 20)
		for _, n := range []uint64{1, 8, 19, 20, 50} {
			got := b.page(t, msglog.Start{Last: n}, wide)
			same(t, numbers(got.Entries), span(21-min(n, 20), 20))
			same(t, [2]bool{got.Recovered, got.More}, [2]bool{true, false})
			same(t, got.Head, 20)
		}
	}},
	{"those before a number come ascending", func(t *testing.T, b *bench) {
		b.appendMany(t, 20)
		got := b.page(t, before(15), budget(10))
		same(t, numbers(got.Entries), span(5, 14))
		same(t, got.More, true)
		got = b.page(t, before(5), budget(10))
		same(t, numbers(got.Entries), span(1, 4))
		same(t, got.More, false)
		same(t, b.page(t, before(1), wide).Entries, nil)
	}},
	{"before a number beyond the head means the head", func(t *testing.T, b *bench) {
		b.appendMany(t, 5)
		same(t, numbers(b.page(t, before(1000), budget(2)).Entries), span(4, 5))
	}},
	{"a log can be walked back", func(t *testing.T, b *bench) {
		b.appendMany(t, 21)
		b.drain(t)
		var got []uint64
		for at := uint64(22); ; {
			page := b.page(t, before(at), budget(5))
			same(t, page.Recovered, true)
			got = append(numbers(page.Entries), got...)
			if !page.More {
				break
			}
			at = got[0]
		}
		same(t, got, span(1, 21))
	}},
	{"the last end before a hole", func(t *testing.T, b *bench) {
		b.appendMany(t, 3)
		b.take(t)
		b.appendMany(t, 2)
		got := b.page(t, msglog.Start{Last: 2}, wide)
		same(t, numbers(got.Entries), span(2, 3))
		same(t, got.Head, 3)
		same(t, numbers(b.page(t, before(6), budget(2)).Entries), span(2, 3))
	}},
}

var lostTests = []test[*bench]{
	{"another epoch is not recovered", func(t *testing.T, b *bench) {
		b.appendMany(t, 3)
		start := since(2)
		start.Epoch = "former"
		got := b.page(t, start, wide)
		same(t, got.Recovered, false)
		same(t, got.Entries, nil)
		same(t, [2]uint64{got.Head, got.Oldest}, [2]uint64{3, 1})
	}},
	{"a start above the head is not recovered", func(t *testing.T, b *bench) {
		b.appendMany(t, 3)
		got := b.page(t, since(4), wide)
		same(t, got.Recovered, false)
		same(t, [2]uint64{got.Head, got.Oldest}, [2]uint64{3, 1})
	}},
	{"a start above the head of an empty room is not recovered", func(t *testing.T, b *bench) {
		got := b.page(t, since(1), wide)
		same(t, got.Recovered, false)
		same(t, [2]uint64{got.Head, got.Oldest}, [2]uint64{0, 0})
	}},
	{"what stands behind a hole is not the oldest", func(t *testing.T, b *bench) {
		slow := b.take(t)
		b.append(t, "")
		start := since(2)
		start.Epoch = "former"
		got := b.page(t, start, wide)
		same(t, got.Recovered, false)
		same(t, [2]uint64{got.Head, got.Oldest}, [2]uint64{0, 0}) // number 1 may yet come
		b.void(t, slow)
		got = b.page(t, start, wide)
		same(t, [2]uint64{got.Head, got.Oldest}, [2]uint64{2, 1})
	}},
	{"expired entries are not recovered", func(t *testing.T, b *bench) {
		b.appendMany(t, 10)
		b.drain(t)
		b.clock.Advance(retention / 2)
		b.appendMany(t, 3)
		b.drain(t)
		same(t, b.page(t, since(0), wide).Recovered, true)
		b.clock.Advance(retention/2 + time.Second)
		for _, n := range []uint64{0, 1, 9} {
			got := b.page(t, since(n), wide)
			same(t, got.Recovered, false)
			same(t, got.Entries, nil)
			same(t, [2]uint64{got.Head, got.Oldest}, [2]uint64{13, 11})
		}
		got := b.page(t, since(10), wide)
		same(t, numbers(got.Entries), span(11, 13))
		same(t, got.Recovered, true)
	}},
	{"an expired log keeps its head", func(t *testing.T, b *bench) {
		b.appendMany(t, 3)
		b.drain(t)
		b.clock.Advance(2 * retention)
		got := b.page(t, since(3), wide)
		same(t, got.Recovered, true)
		same(t, got.Head, 3)
		same(t, b.page(t, since(2), wide).Recovered, false)
		same(t, b.append(t, "").Seq, 4)
		same(t, numbers(b.page(t, since(3), wide).Entries), span(4, 4))
	}},
	{"what expired before anybody drained it is not claimed", func(t *testing.T, b *bench) {
		b.appendMany(t, 3)
		b.clock.Advance(retention + time.Second)
		got := b.page(t, since(0), wide)
		same(t, got.Head, 0) // so the drainer is to say what became of 1 to 3
		same(t, got.Pending, true)
	}},
	{"the last go back to the oldest", func(t *testing.T, b *bench) {
		b.appendMany(t, 10)
		b.drain(t)
		b.clock.Advance(retention / 2)
		b.appendMany(t, 3)
		b.drain(t)
		b.clock.Advance(retention/2 + time.Second)
		got := b.page(t, msglog.Start{Last: 10}, wide)
		same(t, numbers(got.Entries), span(11, 13))
		same(t, got.Recovered, true)
		got = b.page(t, before(13), wide)
		same(t, numbers(got.Entries), span(11, 12))
		same(t, got.Oldest, 11)
		same(t, got.More, false)
	}},
}
