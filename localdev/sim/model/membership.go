package model

import "fmt"

// Membership is one connection and one room: commands of the connection that
// run at once and in any order, and the removal of the connection. It explores
// what pkg/handler/room.go and pkg/connection/remove.go do, a step for each
// write or read.
type Membership struct {
	Over    bool  // the connection's item is deleted
	Closing bool  // nobody joins with it any more
	Began   uint8 // how many joins have begun: the item's latest join
	Listed  uint8 // when the latest join of the room was taken, 0: the room does not stand in the item
	At      uint8 // when the latest join or leave that is written was taken, 0: no item
	In      bool  // it is a membership; else the mark of a leave, if At is set

	Commands [commands]Command
	Remover  Remover
	Crashes  uint8
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
}

// Remover is the removal of the connection: it reads the item, deletes the
// membership, and marks the item as closing or deletes it.
type Remover struct {
	At      uint8
	Began   uint8 // as read
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
}

// ExploreMembership visits each state that commands of the kinds given come to;
// true is a leave. Up to crashes of them die on the way; if removed, the
// connection ends at any time.
func ExploreMembership(bugs MembershipBugs, leaves [commands]bool, crashes uint8, removed bool, most int) (Report[Membership], error) {
	start := Membership{Crashes: crashes}
	for i, leave := range leaves {
		start.Commands[i].Leave = leave
	}
	return search(start, most, Membership.holds, func(s Membership, f func(Membership)) {
		for i := range s.Commands {
			bugs.step(s, i, f)
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

func (b MembershipBugs) step(s Membership, i int, f func(Membership)) {
	at := uint8(i + 1) //nolint:gosec // small
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
	c.At++
	switch {
	case c.Leave && first:
		if s.At <= at || b.LeaveAnyway {
			s.At, s.In = at, false
		}
	case c.Leave:
		if s.Listed <= at || b.DropAnyway {
			s.Listed = 0
		}
	case first != b.PutFirst:
		if s.Over || s.Closing {
			c.At = overtaken
			break
		}
		s.Began++
		s.Listed = max(s.Listed, at)
	default:
		if s.At < at || (s.At == at && s.In) || b.PutAnyway {
			s.At, s.In = at, true
		} else {
			c.At = overtaken
		}
	}
	f(s)
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
		*r = Remover{At: deleting, Began: s.Began, Listed: s.Listed > 0, Settled: !s.underWay()}
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
		case s.Began == r.Began || b.EndAnyway:
			s.Over = true
		}
		*r = Remover{}
	}
	f(s)
}

// underWay reports whether a join has begun and not ended.
func (s Membership) underWay() bool {
	for _, c := range s.Commands {
		if !c.Leave && c.At == second {
			return true
		}
	}
	return false
}
