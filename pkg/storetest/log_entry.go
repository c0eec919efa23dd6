package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

var fillTests = []test[msglog.Store]{
	{"an entry comes back as it was written", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		written := []msglog.Entry{
			entry(1),
			msglog.Void(2),
			{Seq: 3, User: "ada", At: Start, Data: []byte(`null`)}, // no key, no origin
			{Seq: 4, User: "жанна 🦉 \"q\" \\", At: Start.Add(time.Millisecond), Key: "k#1/ü", Data: []byte(`{"a":["\u0000\ud83e\udd89","🦉<&>",1e400,-0,""]}`), Origin: "L0SM9cOFvHcCIhw="},
			{Seq: 5, User: "ada", At: Start, Data: []byte(`"` + strings.Repeat("x", 30<<10-2) + `"`)},
			{Seq: 1<<53 - 1, User: "ada", At: Start, Data: []byte(`0`)},
		}
		for _, e := range written {
			fill(t, s, fillParams(room, e))
		}
		same(t, entries(t, s, rangeParams(room, 0, 1<<53)), written)
	}},
	{"what stands is returned and never changes", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		first := entry(1)
		fill(t, s, fillParams(room, first))
		for _, late := range []msglog.Entry{{Seq: 1, User: "bob", At: Start, Data: []byte(`2`)}, msglog.Void(1), first} {
			stands, filled, err := s.Fill(t.Context(), fillParams(room, late))
			ok(t, err)
			same(t, stands, first)
			same(t, filled, false)
		}
		same(t, entries(t, s, rangeParams(room, 0, 1)), []msglog.Entry{first})
	}},
	{"a void stands against a late writer", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		fill(t, s, fillParams(room, msglog.Void(1)))
		stands, filled, err := s.Fill(t.Context(), fillParams(room, entry(1)))
		ok(t, err)
		same(t, stands, msglog.Void(1))
		same(t, filled, false)
	}},
	{"an expired entry stands as well", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		p := fillParams(room, entry(1))
		p.Expires = Start.Add(-time.Hour)
		fill(t, s, p)
		stands, filled, err := s.Fill(t.Context(), fillParams(room, msglog.Void(1)))
		ok(t, err)
		same(t, stands, entry(1))
		same(t, filled, false)
	}},
	{"each epoch has numbers of its own", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		fill(t, s, fillParams(room, entry(1)))
		p := fillParams(room, msglog.Void(1))
		p.Epoch = "another"
		fill(t, s, p)
		same(t, entries(t, s, rangeParams(room, 0, 1)), []msglog.Entry{entry(1)})
	}},
	{"rooms whose names begin alike are apart", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		for i, name := range []string{room, room + "/epoch", room + ":", strings.ToUpper(room)} {
			e := entry(1)
			e.User = numbered("user", i)
			fill(t, s, fillParams(name, e))
		}
	}},
}

var rangeTests = []test[msglog.Store]{
	{"a log without entries has none", func(t *testing.T, s msglog.Store) {
		same(t, entries(t, s, rangeParams(unique(t, "room"), 0, 10)), nil)
	}},
	{"numbers above after and up to upto come ascending", func(t *testing.T, s msglog.Store) {
		room := ten(t, s)
		same(t, numbers(entries(t, s, rangeParams(room, 3, 6))), []uint64{4, 5, 6})
		same(t, numbers(entries(t, s, rangeParams(room, 8, 99))), []uint64{9, 10})
		same(t, numbers(entries(t, s, rangeParams(room, 10, 99))), nil)
	}},
	{"an empty range has none", func(t *testing.T, s msglog.Store) {
		room := ten(t, s)
		same(t, entries(t, s, rangeParams(room, 5, 5)), nil)
		same(t, entries(t, s, rangeParams(room, 6, 5)), nil)
	}},
	{"a limit cuts the highest", func(t *testing.T, s msglog.Store) {
		p := rangeParams(ten(t, s), 2, 9)
		p.Limit = 3
		same(t, numbers(entries(t, s, p)), []uint64{3, 4, 5})
	}},
	{"backward a limit cuts the lowest and the rest is ascending", func(t *testing.T, s msglog.Store) {
		p := rangeParams(ten(t, s), 2, 9)
		p.Limit, p.Backward = 3, true
		same(t, numbers(entries(t, s, p)), []uint64{7, 8, 9})
	}},
	{"numbers are in the order of numbers rather than of text", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		for _, seq := range []uint64{9, 10, 99, 100, 1000, 2} {
			fill(t, s, fillParams(room, entry(seq)))
		}
		same(t, numbers(entries(t, s, rangeParams(room, 0, 1000))), []uint64{2, 9, 10, 99, 100, 1000})
	}},
	{"missing numbers are missing", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		for _, seq := range []uint64{1, 2, 5} {
			fill(t, s, fillParams(room, entry(seq)))
		}
		same(t, numbers(entries(t, s, rangeParams(room, 0, 6))), []uint64{1, 2, 5})
	}},
	{"expired entries are left out", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		for seq := uint64(1); seq <= 4; seq++ {
			p := fillParams(room, entry(seq))
			p.Expires = Start.Truncate(time.Second).Add(time.Duration(seq) * time.Minute)
			fill(t, s, p)
		}
		p := rangeParams(room, 0, 4)
		p.Now = Start.Truncate(time.Second).Add(2*time.Minute - time.Millisecond)
		same(t, numbers(entries(t, s, p)), []uint64{2, 3, 4})
		p.Now = Start.Truncate(time.Second).Add(2 * time.Minute)
		same(t, numbers(entries(t, s, p)), []uint64{3, 4})
		p.Backward = true
		same(t, numbers(entries(t, s, p)), []uint64{3, 4})
		p.Now = Start.Add(time.Hour)
		same(t, entries(t, s, p), nil)
	}},
	{"a page of nothing but expired entries is empty both ways", func(t *testing.T, s msglog.Store) {
		const expired = 20
		room := unique(t, "room")
		for seq := uint64(1); seq <= 3*expired; seq++ {
			p := fillParams(room, entry(seq))
			if seq <= expired || seq > 2*expired {
				p.Expires = Start.Add(-time.Hour)
			}
			fill(t, s, p)
		}
		for limit := 1; limit <= expired; limit++ {
			p := rangeParams(room, 0, 3*expired)
			p.Limit = limit
			same(t, entries(t, s, p), nil)
			p.After = expired - 1
			same(t, numbers(entries(t, s, p)), span(expired+1, expired+uint64(limit)-1)) //nolint:gosec // small
			p = rangeParams(room, 0, 3*expired)
			p.Limit, p.Backward = limit, true
			same(t, entries(t, s, p), nil)
			p.Upto = 2*expired + 1
			same(t, numbers(entries(t, s, p)), span(2*expired+2-uint64(limit), 2*expired)) //nolint:gosec // small
		}
	}},
	{"a log larger than a page can be read through both ways", func(t *testing.T, s msglog.Store) {
		const count = 45 // of 30 KB: more than the 1 MB of one Query
		room := unique(t, "room")
		for seq := uint64(1); seq <= count; seq++ {
			e := entry(seq)
			e.Data = []byte(`"` + strings.Repeat("x", 30<<10-2) + `"`)
			fill(t, s, fillParams(room, e))
		}
		var forward, backward []uint64
		for last := uint64(0); last < count; {
			got := numbers(entries(t, s, rangeParams(room, last, count)))
			if len(got) == 0 {
				t.Fatalf("none above %d", last)
			}
			forward = append(forward, got...)
			last = got[len(got)-1]
		}
		for upto := uint64(count); upto > 0; {
			p := rangeParams(room, 0, upto)
			p.Backward = true
			got := numbers(entries(t, s, p))
			if len(got) == 0 {
				t.Fatalf("none up to %d", upto)
			}
			backward = append(got, backward...)
			upto = got[0] - 1
		}
		same(t, backward, forward)
		same(t, len(forward), count)
	}},
}

// ten fills numbers 1 to 10 of a room.
func ten(t *testing.T, s msglog.Store) string {
	t.Helper()
	room := unique(t, "room")
	for seq := uint64(1); seq <= 10; seq++ {
		fill(t, s, fillParams(room, entry(seq)))
	}
	return room
}
