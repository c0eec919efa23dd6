package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
)

// active is how long clients do things and faults happen.
const active = 30 * time.Second

// action is what a client does at a time.
type action string

const (
	doPublish action = "publish"
	doTwice   action = "publish twice at once" // the same key
	doPlain   action = "publish without key"
	doJoin    action = "join"
	doLeave   action = "leave"
	doHang    action = "hang up"     // closes and comes back after Pause
	doFresh   action = "fresh token" // for one that does not grant presence
	doRotate  action = "rotate"      // opens another connection before it closes this one
	doRejoin  action = "join again, waiting for nothing"
	doBan     action = "be refused by the application"
	doFlap    action = "leave and join, twice, waiting for nothing"
	// Of scenarios only.
	doPresence  action = "ask who is there"
	doEphemeral action = "publish past the log"
	doDemote    action = "token without the room"
	doFlood     action = "send too much"
	doRevoke    action = "lose all tokens" // taken back by an operator
)

// step is one thing that a client does.
type step struct {
	At    time.Duration
	Do    action
	Room  string
	Pause time.Duration
	// Key is the message's, which another device publishes too; "" for one of its
	// own.
	Key string
	// Tries is after how many attempts the publisher gives up; 0: never.
	Tries int
}

// member is one client of a run.
type member struct {
	User string
	// Rooms that it is in from the start.
	Rooms []string
	// Grants are what its token permits; nil: everything.
	Grants auth.Permissions
	// Valid is for how long its token is; zero: a day.
	Valid time.Duration
	// Replay has it ask for the whole log when it joins first.
	Replay bool
	// Hello has it come back by one hello rather than by joins.
	Hello bool
	// Ticket has it connect with tickets; Silent without anything, to say nothing.
	Ticket, Silent bool
	// Close is the code with which the server may end its connections.
	Close int
	Steps []step
}

const (
	lobby = "lobby"
	den   = "den"
)

// script is what the clients of a seed do.
func script(r *rand.Rand) []member {
	members := make([]member, 3+r.IntN(3))
	for i := range members {
		m := member{User: fmt.Sprintf("user%d", i), Rooms: []string{lobby}, Replay: chance(r, 50), Hello: chance(r, 50)}
		if chance(r, 25) {
			m.Rooms = append(m.Rooms, den)
		}
		if i > 1 && chance(r, 20) {
			m.User = "user1" // a second device of one user
		}
		switch {
		case i > 1 && chance(r, 25):
			m.Grants = auth.Permissions{lobby: {auth.Join, auth.Publish, auth.History}}
			m.Rooms = []string{lobby}
			m.Steps = append(m.Steps, step{At: between(r, time.Second, active), Do: doJoin, Room: den})
		case i > 1 && chance(r, 20):
			m.Valid = between(r, 15*time.Second, active)
			if chance(r, 50) {
				m.Steps = append(m.Steps, step{At: m.Valid * 2 / 3, Do: doFresh})
			}
		}
		for range r.IntN(9) {
			m.Steps = append(m.Steps, step{At: when(r), Do: pick(r, doPublish, doPublish, doPublish, doTwice, doPlain), Room: pick(r, m.Rooms...)})
		}
		if i > 0 && chance(r, 40) {
			at := when(r)
			m.Steps = append(m.Steps, step{At: at, Do: doHang, Pause: between(r, 10*time.Millisecond, 8*time.Second)})
		}
		if i > 0 && chance(r, 25) {
			at := when(r)
			room := pick(r, m.Rooms...)
			m.Steps = append(m.Steps, step{At: at, Do: doLeave, Room: room})
			if chance(r, 60) {
				m.Steps = append(m.Steps, step{At: at + between(r, time.Millisecond, 6*time.Second), Do: doJoin, Room: room})
			}
		}
		if chance(r, 20) {
			m.Steps = append(m.Steps, step{At: when(r), Do: doRotate})
		}
		if i > 0 && chance(r, 25) {
			at, room := when(r), pick(r, m.Rooms...)
			m.Steps = append(m.Steps, step{At: at, Do: doFlap, Room: room})
			if chance(r, 40) {
				m.Steps = append(m.Steps, step{At: at + between(r, time.Microsecond, 20*time.Millisecond), Do: doLeave, Room: room})
			}
		}
		slices.SortStableFunc(m.Steps, func(a, b step) int { return int(a.At - b.At) })
		members[i] = m
	}
	return members
}

// crowd adds members that say nothing. Some come late and ask for the whole log,
// and some hang up and come back.
func (c Class) crowd(r *rand.Rand, members []member) []member {
	if c.Crowd == 0 {
		return members
	}
	more := c.Crowd/3 + r.IntN(c.Crowd*2/3)
	if chance(r, 10) {
		more = 2 * c.Crowd
	}
	for range more {
		m := member{User: fmt.Sprintf("user%d", len(members)), Rooms: []string{lobby}, Hello: chance(r, 50)}
		switch r.IntN(10) {
		case 0:
			m.Rooms, m.Replay = nil, true
			m.Steps = []step{{At: when(r), Do: doJoin, Room: lobby}}
		case 1:
			m.Steps = []step{{At: when(r), Do: doHang, Pause: between(r, 10*time.Millisecond, 8*time.Second)}}
		}
		members = append(members, m)
	}
	return members
}

// stretch gives a script the class's rests. Who hangs up then stays away for a
// while that may be longer than a head lives.
func (c Class) stretch(members []member) {
	if c.Rest == 0 {
		return
	}
	for i := range members {
		members[i].Valid = c.rested(members[i].Valid)
		for j := range members[i].Steps {
			s := &members[i].Steps[j]
			s.At, s.Pause = c.rested(s.At), 25*s.Pause
		}
	}
}

// when is a time of the active phase; half of the times crowd together, so that
// clients meet.
func when(r *rand.Rand) time.Duration {
	if chance(r, 50) {
		return time.Duration(2+5*r.IntN(5))*time.Second + between(r, 0, 60*time.Millisecond)
	}
	return between(r, time.Second, active)
}
