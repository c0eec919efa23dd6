package storetest

import (
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// window is the time a mark is remembered in these tests.
const window = 10 * time.Minute

func place(seq uint64) msglog.Position { return msglog.Position{Epoch: "epoch", Seq: seq} }

func markParams(room string, seq uint64) msglog.MarkParams {
	return msglog.MarkParams{
		Room: room, User: "ada", Key: "key", Position: place(seq), Now: Start, Expires: Start.Add(window),
	}
}

func moveParams(room string, from, to uint64) msglog.MoveParams {
	return msglog.MoveParams{
		Room: room, User: "ada", Key: "key", From: place(from), To: place(to), Expires: Start.Add(window),
	}
}

func mark(t *testing.T, s msglog.Store, p msglog.MarkParams) msglog.Position {
	t.Helper()
	return must[msglog.Position](t)(s.Mark(t.Context(), p))
}

func move(t *testing.T, s msglog.Store, p msglog.MoveParams) msglog.Position {
	t.Helper()
	return must[msglog.Position](t)(s.MoveMark(t.Context(), p))
}

var markTests = []test[msglog.Store]{
	{"a free key is claimed", func(t *testing.T, s msglog.Store) {
		same(t, mark(t, s, markParams(unique(t, "room"), 1)), place(1))
	}},
	{"a claimed key keeps its first position", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 1))
		same(t, mark(t, s, markParams(room, 2)), place(1))
		same(t, mark(t, s, markParams(room, 3)), place(1))
	}},
	{"the same claim twice is the caller's own", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 7))
		same(t, mark(t, s, markParams(room, 7)), place(7))
	}},
	{"user room and key together identify a claim", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		for i, who := range [][3]string{
			{room, "ada", "key"},
			{unique(t, "other"), "ada", "key"},
			{room, "bob", "key"},
			{room, "ada", "yek"},
			{room, "adak", "ey"}, // the boundary between user and key matters
			{room, "", "adakey"},
			{room, "ada\x03", "key"},
			{room, "Ada", "key"},
			{room, "ada", "ключ ☃ 🔑"},
		} {
			p := markParams(who[0], uint64(i+1))
			p.User, p.Key = who[1], who[2]
			same(t, mark(t, s, p), p.Position)
		}
	}},
	{"a claim holds until it expires", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 1))
		late := markParams(room, 2)
		late.Now = Start.Add(window - time.Second)
		same(t, mark(t, s, late), place(1))
	}},
	{"an expired claim counts as absent", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 1))
		late := markParams(room, 2)
		late.Now, late.Expires = Start.Add(window+time.Second), Start.Add(2*window)
		same(t, mark(t, s, late), place(2))
		again := markParams(room, 3)
		again.Now = late.Now
		same(t, mark(t, s, again), place(2))
	}},
	{"expiry is rounded up to the second", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		p := markParams(room, 1)
		p.Expires = Start.Truncate(time.Second).Add(500 * time.Millisecond)
		mark(t, s, p)
		late := markParams(room, 2)
		late.Now = Start.Truncate(time.Second).Add(999 * time.Millisecond)
		same(t, mark(t, s, late), place(1))
		late.Now = Start.Truncate(time.Second).Add(time.Second)
		same(t, mark(t, s, late), place(2))
	}},
	{"a move points the key elsewhere", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 1))
		same(t, move(t, s, moveParams(room, 1, 2)), place(2))
		same(t, mark(t, s, markParams(room, 3)), place(2))
	}},
	{"a key that has moved is not moved again", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 1))
		move(t, s, moveParams(room, 1, 2))
		same(t, move(t, s, moveParams(room, 1, 3)), place(2))
	}},
	{"the same move twice is the caller's own", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 1))
		move(t, s, moveParams(room, 1, 2))
		same(t, move(t, s, moveParams(room, 1, 2)), place(2))
	}},
	{"the same number of another epoch is another position", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 1))
		p := moveParams(room, 1, 2)
		p.From.Epoch = "former"
		same(t, move(t, s, p), place(1))
	}},
	{"a mark that is gone is written by a move", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		same(t, move(t, s, moveParams(room, 1, 2)), place(2))
		same(t, mark(t, s, markParams(room, 3)), place(2))
	}},
	{"a move begins a new window", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		mark(t, s, markParams(room, 1))
		p := moveParams(room, 1, 2)
		p.Expires = Start.Add(2 * window)
		move(t, s, p)
		late := markParams(room, 3)
		late.Now = Start.Add(2*window - time.Second)
		same(t, mark(t, s, late), place(2))
	}},
	{"a move does not shorten the window", func(t *testing.T, s msglog.Store) {
		room := unique(t, "room")
		first := markParams(room, 1)
		first.Expires = Start.Add(2 * window)
		mark(t, s, first)
		same(t, move(t, s, moveParams(room, 1, 2)), place(2))
		late := markParams(room, 3)
		late.Now = Start.Add(2*window - time.Second)
		same(t, mark(t, s, late), place(2))
		same(t, move(t, s, moveParams(room, 1, 4)), place(2))
	}},
}
