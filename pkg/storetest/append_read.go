package storetest

import (
	"fmt"
	"slices"
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

// filled makes a room with count numbers that were taken and drained, of which
// some are gone: expired, or lost.
func (b *bench) filled(t *testing.T, count int, gone []uint64, lost bool) {
	t.Helper()
	var head msglog.Head
	for range count {
		head = b.take(t)
		p := msglog.FillParams{
			Room: b.room, Epoch: head.Epoch, Entry: entry(head.Seq), Expires: b.clock.Now().Add(retention),
		}
		switch here := slices.Contains(gone, head.Seq); {
		case here && lost:
			p.Entry = msglog.Entry{Seq: head.Seq, Void: true, Lost: true}
		case here:
			p.Expires = b.clock.Now().Add(-time.Second)
		}
		fill(t, b.store, p)
	}
	b.drain(t)
}

// walk reads the room as a client does: on from each page, again from the oldest
// number where something is gone, and from the head if there is no such number.
// It checks that no two answers in a row say that something is gone, and that
// everything readable is read.
func (b *bench) walk(t *testing.T, count uint64, gone []uint64) {
	t.Helper()
	var got []uint64
	begun, last := false, uint64(0)
	for {
		page := b.page(t, since(last), budget(5))
		if !page.Recovered {
			if begun {
				t.Fatalf("gone %v: told to begin above %d, and then that it is gone", gone, last)
			}
			if begun = true; page.Oldest == 0 {
				last = page.Head
				continue
			}
			if page.Oldest <= last+1 {
				t.Fatalf("gone %v: told to begin again at %d, from %d", gone, page.Oldest, last)
			}
			last = page.Oldest - 1
			continue
		}
		if begun = false; len(page.Entries) == 0 {
			break
		}
		got = append(got, numbers(page.Entries)...)
		last = got[len(got)-1]
	}
	same(t, last, count)
	for _, seq := range got {
		if slices.Contains(gone, seq) {
			t.Fatalf("gone %v: number %d was read", gone, seq)
		}
	}
	if len(gone) == 0 || gone[len(gone)-1] < count { // the head can be read
		same(t, got[len(got)-1], count)
	}
}

// span returns the numbers from first to last.
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
		same(t, [2]uint64{got.Head, got.Oldest}, [2]uint64{0, 0}) // number 1 may still come
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
	{"what can be read in front of a gap comes first", func(t *testing.T, b *bench) {
		gone := []uint64{12, 20}
		b.filled(t, 30, gone, false)
		for since0 := range uint64(12) {
			got := b.page(t, since(since0), wide)
			if since0+1 == gone[0] {
				same(t, [2]any{got.Recovered, got.Oldest}, [2]any{false, gone[0] + 1})
				same(t, got.Entries, nil)
				continue
			}
			same(t, numbers(got.Entries), span(since0+1, gone[0]-1))
			same(t, [2]bool{got.Recovered, got.More}, [2]bool{true, true})
		}
	}},
	{"the oldest number begins a page that is recovered", func(t *testing.T, b *bench) {
		for _, gone := range [][]uint64{
			{}, {1}, {30}, {29, 30}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 3, 5, 7, 9, 11, 13}, {8, 9, 16, 17, 24, 25}, {1, 30},
			span(2, 30), span(1, 29), span(1, 30), span(5, 25),
		} {
			for _, how := range []string{"expired", "lost"} {
				b.room = unique(t, "room"+how+fmt.Sprint(gone))
				b.filled(t, 30, gone, how == "lost")
				b.walk(t, 30, gone)
			}
		}
	}},
	{"the oldest number behind many that are gone is found in few reads", func(t *testing.T, b *bench) {
		const many = 300
		for _, lost := range []bool{true, false} {
			b.room = unique(t, fmt.Sprint("room", lost))
			b.filled(t, many+1, span(1, many), lost)
			reads := 0
			b.store.read = func() { reads++ }
			got := b.page(t, since(0), wide)
			same(t, got.Oldest, many+1)
			if most := 4 + 9; reads > most { // 2^9 > 300
				t.Errorf("%d reads, want at most %d", reads, most)
			}
		}
	}},
	{"nobody is sent to an entry that is about to expire", func(t *testing.T, b *bench) {
		b.appendMany(t, 2)
		b.drain(t)
		b.clock.Advance(2 * time.Minute)
		b.appendMany(t, 2)
		b.drain(t)
		start := since(1)
		start.Epoch = "former"
		b.clock.Advance(retention - 2*time.Minute - time.Minute - 2*time.Second)
		same(t, b.page(t, start, wide).Oldest, 1)
		b.clock.Advance(3 * time.Second)
		same(t, b.page(t, start, wide).Oldest, 3)
		same(t, numbers(b.page(t, since(0), wide).Entries), span(1, 4))
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
		same(t, got.Head, 0) // so the drainer must decide about 1 to 3
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
