package model

import "fmt"

// Membership is one connection and one room: commands of the connection that
// run at once and in any order, and the removal of the connection. It explores
// what pkg/handler/room.go and pkg/connection/remove.go do, a step for each
// write or read.
type Membership struct {
	Over    bool  // the connection's item is deleted
	Closing bool  // nobody joins with it any more
	Latest  uint8 // when the latest join began that the item knows
	Listed  uint8 // when the latest join of the room was taken, 0: the room does not stand in the item
	At      uint8 // when the latest join or leave that is written was taken, 0: no item
	In      bool  // it is a membership; else the mark of a leave, if At is set

	Commands [commands]Command
	Remover  Remover
	Begun    uint8 // how many joins have begun
	Late     Request
	Crashes  uint8
	Lates    uint8
}

// commands is how many the connection has given, at the times 1, 2, 3, ….
const commands = 4

// The steps of a command: a join adds the room and then writes its membership;
// a leave writes its mark and then drops the room.
const (
	unbegun uint8 = iota
	second
	finished
	overtaken // of a join: it is answered with an error
	crashed
)

// Command is a join or a leave of the room.
type Command struct {
	Leave bool
	At    uint8
	Began uint8 // of a join
}

// The kinds of request that a command makes.
const (
	addRoom uint8 = iota + 1
	putJoin
	putLeave
	dropRoom
)

// Request is a request of a command, by index, that may arrive once more.
type Request struct{ Kind, Command uint8 }

// Remover is the removal of the connection: it reads the item, deletes the
// membership, and marks the item as closing or deletes it.
type Remover struct {
	At      uint8
	Latest  uint8 // as read
	Listed  bool  // as read
	Settled bool  // whether every join had ended before it began
}

// The steps of a removal.
const (
	idle uint8 = iota
	deleting
	ending
)

// MembershipBugs are mistakes in it.
type MembershipBugs struct {
	PutAnyway   bool // a join is written whatever stands there
	LeaveAnyway bool // and a leave
	DropAnyway  bool // a leave drops the room whatever join counts on it
	PutFirst    bool // the membership is written before the room is added
	EndAnyway   bool // the item is deleted though joins may be under way
	LookLate    bool // whether they are is asked after the membership is deleted
	DeleteMarks bool // the removal deletes marks of leaves too
	ListAnyway  bool // a join's room is written over a newer join's
	SetBack     bool // a join is the latest whatever began after it
}

// ExploreMembership visits each state that commands of the kinds given come to;
// true is a leave. Up to crashes of them die on the way, and so many requests
// arrive once more; if removed, the connection ends at any time.
func ExploreMembership(bugs MembershipBugs, leaves [commands]bool, crashes, lates uint8, removed bool, most int) (Report[Membership], error) {
	start := Membership{Crashes: crashes, Lates: lates}
	for i, leave := range leaves {
		start.Commands[i].Leave = leave
	}
	return search(start, most, Membership.holds, func(s Membership, f func(Membership)) {
		for i := range s.Commands {
			bugs.step(s, i, f)
		}
		if s.Late.Kind != 0 {
			next := s
			next.Late = Request{}
			bugs.apply(&next, s.Late)
			f(next)
		}
		if removed {
			bugs.remove(s, f)
		}
	}, func(s Membership) string { return s.rests(removed) })
}

// holds is what is true at any time: whoever removes the connection finds its
// membership.
func (s Membership) holds() string {
	if s.In && s.Listed == 0 && !s.Over && !s.Closing {
		return "a membership whose room does not stand in the connection"
	}
	return ""
}

// rests is what is true once nothing moves: the newest command decides unless
// it died, and nothing outlives the connection.
func (s Membership) rests(removed bool) string {
	if s.Over || removed {
		if s.In || !s.Over {
			return fmt.Sprintf("the connection has ended (%t) and a membership stands: %t", s.Over, s.In)
		}
		return ""
	}
	newest := s.Commands[commands-1]
	if newest.At != crashed && s.In == newest.Leave { // its client would try again
		return fmt.Sprintf("the newest command is a leave: %t, and a membership stands: %t", newest.Leave, s.In)
	}
	return ""
}

// step performs a command's next request, which may arrive once more, later.
func (b MembershipBugs) step(s Membership, i int, f func(Membership)) {
	c := &s.Commands[i]
	if c.At > second {
		return
	}
	if s.Crashes > 0 && c.At == second {
		next := s
		next.Crashes--
		next.Commands[i].At = crashed
		f(next)
	}
	first := c.At == unbegun
	if first && !c.Leave {
		s.Begun++
		c.Began = s.Begun
	}
	r := Request{Command: uint8(i)} //nolint:gosec // small
	switch {
	case c.Leave && first:
		r.Kind = putLeave
	case c.Leave:
		r.Kind = dropRoom
	case first != b.PutFirst:
		r.Kind = addRoom
	default:
		r.Kind = putJoin
	}
	c.At++
	if !b.apply(&s, r) {
		c.At = overtaken
	}
	f(s)
	if s.Lates > 0 {
		s.Lates--
		s.Late = r
		f(s)
	}
}

// apply carries a request out, and returns false if the command is refused.
func (b MembershipBugs) apply(s *Membership, r Request) bool {
	at, c := r.Command+1, s.Commands[r.Command]
	switch r.Kind {
	case putLeave:
		if s.At <= at || b.LeaveAnyway {
			s.At, s.In = at, false
		}
	case dropRoom:
		if s.Listed <= at || b.DropAnyway {
			s.Listed = 0
		}
	case addRoom:
		if s.Over || s.Closing {
			return false
		}
		if s.Latest < c.Began || b.SetBack {
			s.Latest = c.Began
		}
		if s.Listed < at || b.ListAnyway {
			s.Listed = at
		}
	case putJoin:
		if (s.At > at || (s.At == at && !s.In)) && !b.PutAnyway {
			return false
		}
		s.At, s.In = at, true
	}
	return true
}

// remove goes on with the removal. The sweeper and $disconnect begin it anew
// until the connection is gone.
func (b MembershipBugs) remove(s Membership, f func(Membership)) {
	r := &s.Remover
	switch r.At {
	case idle:
		if s.Over {
			return
		}
		*r = Remover{At: deleting, Latest: s.Latest, Listed: s.Listed > 0, Settled: !s.underWay()}
	case deleting:
		if r.Listed && (s.In || b.DeleteMarks) {
			s.At, s.In = 0, false
		}
		r.At = ending
	case ending:
		if b.LookLate {
			r.Settled = !s.underWay()
		}
		switch {
		case !r.Settled && !b.EndAnyway:
			s.Closing = true
		case s.Latest == r.Latest || b.EndAnyway:
			s.Over = true
		}
		*r = Remover{}
	}
	f(s)
}

// underWay reports whether a join may be under way: one that has begun by the
// time that the item tells. A request of it that is late belongs to it.
func (s Membership) underWay() bool {
	for i, c := range s.Commands {
		late := s.Late.Kind != 0 && int(s.Late.Command) == i
		if !c.Leave && c.Began <= s.Latest && (c.At == second || late) {
			return true
		}
	}
	return false
}
