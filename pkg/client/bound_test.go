package client

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// messages are entries of a log as JSON, from one number to another.
func messages(from, to int) string {
	var entries []string
	for seq := from; seq <= to; seq++ {
		entries = append(entries, fmt.Sprintf(`{"seq":%d,"user":"bob","at":1,"data":%d}`, seq, seq))
	}
	return "[" + strings.Join(entries, ",") + "]"
}

func pushed(from, to int) []byte {
	return fmt.Appendf(nil, `{"push":"messages","room":"lobby","epoch":"e","messages":%s}`, messages(from, to))
}

// lobby is a client in a room whose log ends at 5, and that keeps so many messages.
func lobby(t *testing.T, buffered int) (*Room, *socket) {
	t.Helper()
	c, s := online(t, Options{MaxBuffered: buffered})
	r := c.Join("lobby")
	synctest.Wait()
	s.answer(t, `{"epoch":"e","head":5,"recovered":true,"messages":[],"more":false}`)
	return r, s
}

// next takes messages and demands that they are these.
func next(t *testing.T, r *Room, from, to int) {
	t.Helper()
	for seq := from; seq <= to; seq++ {
		m, err := r.Next(t.Context())
		if err != nil || m.Seq != uint64(seq) { //nolint:gosec // not negative
			t.Fatalf("got %d, %v; want %d", m.Seq, err, seq)
		}
	}
	synctest.Wait()
}

// TestSlowReaderKeepsLittle: what finds no place beside what was not taken yet is
// read from the log once there is place.
func TestSlowReaderKeepsLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, s := lobby(t, 4)
		s.toPeer <- pushed(6, 6+4+maxAhead)
		synctest.Wait()
		r.mu.Lock()
		out, shelf := len(r.seq.out), len(r.seq.shelf)
		r.mu.Unlock()
		if out != 4 || shelf != maxAhead {
			t.Errorf("%d messages wait for the reader and %d above them, want 4 and %d", out, shelf, maxAhead)
		}
		if sent := s.taken(); len(sent) != 0 {
			t.Errorf("asked for what finds no place: %v", sent)
		}
		next(t, r, 6, 5+4+maxAhead)
		last := 6 + 4 + maxAhead
		s.answer(t, fmt.Sprintf(`{"epoch":"e","head":%d,"recovered":true,"messages":%s,"more":false}`, last, messages(last, last)))
		next(t, r, last, last)
	})
}

// TestShelfOverflowsWhileHistoryIsAsked: what finds no place above a gap while the
// gap is being asked for is asked for after it.
func TestShelfOverflowsWhileHistoryIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, s := lobby(t, 10*maxAhead)
		s.toPeer <- pushed(7, 6+maxAhead)
		synctest.Wait()
		asked := s.taken()
		s.toPeer <- pushed(7+maxAhead, 7+maxAhead)
		synctest.Wait()
		var command struct{ ID int }
		if len(asked) != 1 || json.Unmarshal([]byte(asked[0]), &command) != nil {
			t.Fatalf("asked %v, want one history", asked)
		}
		s.toPeer <- fmt.Appendf(nil, `{"id":%d,"ok":{"epoch":"e","head":6,"recovered":true,"messages":%s,"more":false}}`, command.ID, messages(6, 6))
		next(t, r, 6, 6+maxAhead)
		last := 7 + maxAhead
		s.answer(t, fmt.Sprintf(`{"epoch":"e","head":%d,"recovered":true,"messages":%s,"more":false}`, last, messages(last, last)))
		next(t, r, last, last)
	})
}
