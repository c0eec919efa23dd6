package client

import (
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// sequencer is the one door through which entries of a room come, be it by a
// push, a join, a page of history or the reply to an own publish. It hands each
// on at most once, in order, and knows whether something is missing. It does no
// I/O and is not safe for concurrent use.
type sequencer struct {
	room string
	// limit bounds out.
	limit int

	// known says that at is a position: the first join is answered, or it was
	// given.
	known bool
	// at is the last entry that went into out, or a void.
	at Position
	// out waits for the application.
	out []item
	// shelf holds entries above at, all of one epoch, that came too early or
	// find no place in out.
	shelf      map[uint64]early
	shelfEpoch string
	// other holds entries of a log that is not ours, until an answer says
	// which of the two is gone.
	other      map[uint64]early
	otherEpoch string
	// need says that the log holds more than what was received.
	need bool
	// Entries of another log came.
	anew bool
}

// early is an entry on the shelf; own ones come by the reply to a publish.
type early struct {
	protocol.Entry
	own bool
}

// item is a message, or a reset that replaces some.
type item struct {
	message Message
	reset   *ResetError
	// at is the position once the item is handed over.
	at Position
}

func newSequencer(room string, limit int) *sequencer {
	return &sequencer{room: room, limit: limit, shelf: map[uint64]early{}, other: map[uint64]early{}}
}

// full reports whether the application is behind.
func (s *sequencer) full() bool { return len(s.out) >= s.limit }

// thirsty reports whether there is place for a page of history.
func (s *sequencer) thirsty() bool { return 2*len(s.out) <= s.limit }

// gap reports whether an entry is missing before one that is there.
func (s *sequencer) gap() bool {
	if !s.known || len(s.shelf) == 0 || s.full() {
		return false
	}
	_, next := s.shelf[s.at.Seq+1]
	return !next
}

// short reports whether the application is still to get what is up to seq, and
// would take it.
func (s *sequencer) short(seq uint64) bool { return s.known && seq > s.at.Seq && !s.full() }

// ownFirst reports whether what follows the gap is our own message, which may
// have overtaken those of others.
func (s *sequencer) ownFirst() bool {
	first := early{Entry: protocol.Entry{Seq: protocol.MaxInteger}}
	for seq, e := range s.shelf {
		if seq < first.Seq {
			first = e
		}
	}
	return first.own
}

// take sorts entries of a log in; without any, it only notes which log there is.
func (s *sequencer) take(epoch string, own bool, entries ...protocol.Entry) {
	if s.known && s.at.Epoch != "" && epoch != s.at.Epoch {
		s.setAside(epoch, own, entries)
		return
	}
	if len(entries) == 0 {
		return
	}
	if epoch != s.shelfEpoch {
		clear(s.shelf)
		s.shelfEpoch = epoch
	}
	for _, e := range entries {
		switch {
		case s.known && e.Seq <= s.at.Seq:
		case len(s.shelf) < maxAhead || s.known && e.Seq == s.at.Seq+1:
			s.shelf[e.Seq] = early{e, own}
		default:
			s.need = true
		}
		s.drain()
	}
}

// begun says that a log has entries, and is ours if we knew none.
func (s *sequencer) begun(epoch string) {
	if s.known && s.at.Epoch == "" {
		s.at.Epoch = epoch
	}
}

// drain moves what is next into out.
func (s *sequencer) drain() {
	if !s.known || len(s.shelf) == 0 {
		return
	}
	if s.at.Epoch == "" {
		s.at.Epoch = s.shelfEpoch
	}
	for !s.full() {
		e, ok := s.shelf[s.at.Seq+1]
		if !ok {
			return
		}
		delete(s.shelf, e.Seq)
		s.at.Seq = e.Seq
		if !e.Void {
			s.out = append(s.out, item{message: newMessage(s.room, s.at.Epoch, e.Entry), at: s.at})
		}
	}
}

// unusable reports whether an answer to a first join cannot be used: the room was
// cut to nothing among others and has to be asked for alone.
func (s *sequencer) unusable(p page) bool { return !s.known && p.More && len(p.Messages) == 0 }

// page takes what join, history or sync answered to the position asked.
func (s *sequencer) page(p page, asked Position) {
	recovered := p.Recovered && (s.at.Epoch == "" || p.Epoch == s.at.Epoch)
	switch {
	case !s.known:
		s.known = true
		s.at = Position{p.Epoch, p.Head}
		if len(p.Messages) > 0 {
			s.at.Seq = p.Messages[0].Seq - 1
		}
	case !recovered && asked != s.at:
		s.need = true // the answer is about a place that we have left
		return
	case !recovered:
		s.reset(p)
	case s.at.Epoch == "":
		s.at.Epoch = p.Epoch
	}
	s.decide()
	s.tidy()
	s.need = s.need || p.More
	s.take(p.Epoch, false, p.Messages...)
	s.drain()
}

// reset goes on from the head of another log, or of one that has lost entries.
func (s *sequencer) reset(p page) {
	to := Position{p.Epoch, p.Head}
	lost := &ResetError{Room: s.room, From: s.at, To: to, Oldest: p.Oldest}
	if n := len(s.out); n > 0 && s.out[n-1].reset != nil {
		lost.From = s.out[n-1].reset.From
		s.out = s.out[:n-1]
	}
	s.at = to
	s.out = append(s.out, item{reset: lost, at: to})
}

// setAside keeps entries of another log than ours.
func (s *sequencer) setAside(epoch string, own bool, entries []protocol.Entry) {
	s.anew = true
	if epoch != s.otherEpoch {
		clear(s.other)
		s.otherEpoch = epoch
	}
	for _, e := range entries {
		if len(s.other) < maxAhead {
			s.other[e.Seq] = early{e, own}
		}
	}
}

// decide goes on with what was set aside if an answer has taken us to its log.
// If not, the answer may be older than that log, or the entries a late push of
// one that is gone: there is another question to ask.
func (s *sequencer) decide() {
	if len(s.other) == 0 {
		return
	}
	if s.otherEpoch == s.at.Epoch {
		s.shelf, s.shelfEpoch = s.other, s.otherEpoch
		s.anew = len(s.shelf) == maxAhead
	} else {
		s.anew = true
	}
	s.other, s.otherEpoch = map[uint64]early{}, ""
}

// tidy drops from the shelf what is not above the position.
func (s *sequencer) tidy() {
	if s.at.Epoch != "" && s.shelfEpoch != s.at.Epoch {
		s.need = s.need || len(s.shelf) > 0
		clear(s.shelf)
	}
	for seq := range s.shelf {
		if seq <= s.at.Seq {
			delete(s.shelf, seq)
		}
	}
}

// pop is the next item for the application.
func (s *sequencer) pop() (item, bool) {
	if len(s.out) == 0 {
		return item{}, false
	}
	next := s.out[0]
	s.out[0] = item{}
	s.out = s.out[1:]
	s.drain()
	return next, true
}
