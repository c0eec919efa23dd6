package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// bursts is a script for classes whose members never ask: everybody joins all
// rooms at the start, and each room has one burst of messages and then silence,
// so that nothing repairs a wake-up that was lost. Half of the publishers give
// up after an attempt or two: a retry would repair it too. Clients 0 and 1 are
// two devices of one user; in a quarter of the bursts they publish one message
// under one key.
func bursts(r *rand.Rand) []member {
	members, rooms := everywhere(r)
	for i, room := range rooms {
		at := between(r, 4*time.Second, active-4*time.Second)
		spread := pick(r, 5*time.Millisecond, 60*time.Millisecond, 300*time.Millisecond, 2*time.Second)
		key := ""
		if chance(r, 25) {
			key = fmt.Sprintf("shared%d", i)
		}
		messages := 1 + r.IntN(4)
		if chance(r, 40) { // so many that something waits, and nobody drains, half of the time
			messages, spread = 8+r.IntN(10), between(r, 2*time.Second, 4*time.Second)
		}
		for n := range messages {
			s := step{At: at + between(r, 0, spread), Do: doPublish, Room: room, Tries: pick(r, 0, 0, 1, 2)}
			by := r.IntN(len(members))
			if key != "" && n < 2 {
				by, s.Key = n, key
			} else if chance(r, 20) {
				s.Do = doPlain
			}
			members[by].Steps = append(members[by].Steps, s)
		}
	}
	return inOrder(members)
}

// everywhere is members who are in all rooms from the start. The first two are
// one user.
func everywhere(r *rand.Rand) (members []member, rooms []string) {
	rooms = make([]string, 3+r.IntN(4))
	for i := range rooms {
		rooms[i] = fmt.Sprintf("room%d", i)
	}
	members = make([]member, 3+r.IntN(3))
	for i := range members {
		members[i] = member{User: fmt.Sprintf("user%d", max(0, i-1)), Rooms: rooms, Replay: chance(r, 50), Hello: chance(r, 50)}
	}
	return members, rooms
}

// devices is a script in which, in each room, somebody publishes, and then two
// devices of one user publish one message under one key: the first of them while
// the room is drained, the second at once or when all is quiet again.
func devices(r *rand.Rand) []member {
	members, rooms := everywhere(r)
	for i, room := range rooms {
		at := between(r, 4*time.Second, active-6*time.Second)
		key := fmt.Sprintf("shared%d", i)
		later := pick(r, between(r, 0, 100*time.Millisecond), between(r, 1500*time.Millisecond, 5*time.Second))
		by := 2 + r.IntN(len(members)-2)
		members[by].Steps = append(members[by].Steps, step{At: at, Do: doPublish, Room: room, Tries: 1})
		at += between(r, 50*time.Millisecond, 300*time.Millisecond)
		members[0].Steps = append(members[0].Steps, step{At: at, Do: doPublish, Room: room, Key: key, Tries: pick(r, 0, 1)})
		members[1].Steps = append(members[1].Steps, step{At: at + later, Do: doPublish, Room: room, Key: key, Tries: pick(r, 0, 1, 1)})
	}
	return inOrder(members)
}

// rivals lets one of two devices be slow where the other dies or is slow.
func rivals(r *rand.Rand, p *planner) {
	for range 1 + r.IntN(4) {
		slow := Fault{Kind: pick(r, SlowBefore, SlowAfter, HangAfter), Call: publishing(r), By: 1}
		dead := Fault{Kind: pick(r, KillBefore, KillAfter, SlowBefore, KillLate), Call: publishing(r), By: 2}
		if chance(r, 60) { // one is slow after it has a number; the other dies with the key
			slow.Kind, slow.Call = SlowBefore, pick(r, "UpdateItem mark", "UpdateItem mark", "PutItem entry")
			dead.Kind, dead.Call = KillAfter, pick(r, "UpdateItem mark", "PutItem entry")
		}
		slow.Nth = 1 + r.IntN(5)
		dead.Nth = slow.Nth
		for _, f := range []Fault{slow, dead} {
			f.Function, f.Delay = "message", between(r, time.Second, 7*time.Second)
			p.add(f)
		}
	}
	for range r.IntN(4) {
		p.add(Fault{
			Kind: pick(r, KillBefore, KillAfter, LoseAnswer, LateEffect), Function: "message", Call: publishing(r),
			Nth: 1 + r.IntN(16), Times: 1 + r.IntN(2), Delay: between(r, 100*time.Millisecond, 10*time.Second),
		})
	}
}

// publishing is a sort of call by which a message is published.
func publishing(r *rand.Rand) string {
	return pick(r, "UpdateItem head", "UpdateItem mark", "PutItem entry", "Publish topic")
}

// inOrder sorts each member's steps.
func inOrder(members []member) []member {
	for _, m := range members {
		slices.SortStableFunc(m.Steps, func(a, b step) int { return int(a.At - b.At) })
	}
	return members
}

// sleepers is a script of a room in which most members sleep for minutes: the
// first three are awake and publish all the time, see asleep.
func sleepers(r *rand.Rand) []member {
	members := make([]member, 7+r.IntN(5))
	for i := range members {
		members[i] = member{User: fmt.Sprintf("user%d", i), Rooms: []string{lobby}, Hello: chance(r, 50)}
	}
	for i := range awake {
		for n := range 30 {
			from, to := 3*time.Second, sleepy
			if n < 22 { // so many that they gather
				from, to = 10*time.Second, 40*time.Second
			}
			members[i].Steps = append(members[i].Steps, step{At: between(r, from, to), Do: doPublish, Room: lobby})
		}
	}
	return inOrder(members)
}

const (
	awake  = 3
	sleepy = 5 * time.Minute
)

// asleep lets all members but the first few sleep, each for minutes; in half of
// the runs they fall asleep together.
func asleep(r *rand.Rand, p *planner) {
	spread := pick(r, time.Second, 30*time.Second)
	for i := awake; i < p.members; i++ {
		p.add(Fault{Kind: Sleep, Client: i, At: 8*time.Second + between(r, 0, spread), Delay: between(r, time.Minute, 4*time.Minute)})
	}
}

// rejoining is a script in which client 1 reads nothing and joins again and
// again, while the others publish.
func rejoining(r *rand.Rand) []member {
	members := make([]member, 3+r.IntN(3))
	for i := range members {
		members[i] = member{User: fmt.Sprintf("user%d", i), Rooms: []string{lobby}, Hello: chance(r, 50)}
		if i == 1 {
			continue
		}
		for range 12 {
			members[i].Steps = append(members[i].Steps, step{At: when(r) * 2, Do: doPublish, Room: lobby})
		}
	}
	every := between(r, 300*time.Millisecond, 2500*time.Millisecond)
	for at := 5 * time.Second; at < 2*active; at += every {
		members[1].Steps = append(members[1].Steps, step{At: at, Do: doRejoin, Room: lobby})
	}
	// It has read none of the answers: in the end it joins properly.
	members[1].Steps = append(members[1].Steps, step{At: 2*active - 50*time.Millisecond, Do: doFlap, Room: lobby})
	return inOrder(members)
}

// hanging is a script of a room with so many members that a broadcaster cannot
// post to all of them at once.
func hanging(r *rand.Rand) []member {
	members := make([]member, 270+r.IntN(40))
	for i := range members {
		members[i] = member{User: fmt.Sprintf("user%d", i), Rooms: []string{lobby}, Hello: true}
	}
	for i := range awake {
		for range 6 {
			members[i].Steps = append(members[i].Steps, step{At: between(r, 4*time.Second, active), Do: doPublish, Room: lobby})
		}
	}
	return inOrder(members)
}

// revoking is a script in which all tokens of a user or two are taken back.
func revoking(r *rand.Rand) []member {
	members := script(r)
	for range 1 + r.IntN(2) {
		user := members[1+r.IntN(len(members)-1)].User
		if user == members[0].User {
			continue // somebody stays
		}
		first := true
		for i := range members {
			m := &members[i]
			if m.User != user || m.Close != 0 {
				continue
			}
			m.Close, m.Valid = protocol.CloseKicked.Code, 0
			m.Steps = slices.DeleteFunc(m.Steps, func(s step) bool { return s.Do == doFresh }) // a newer token stands
			if first {
				m.Steps = append(m.Steps, step{At: when(r), Do: doRevoke})
			}
			first = false
		}
	}
	return inOrder(members)
}

// banning is a script in which the application's rules come to refuse members.
func banning(r *rand.Rand) []member {
	members := script(r)
	for i := range members {
		if i > 0 && chance(r, 40) {
			members[i].Steps = append(members[i].Steps, step{At: when(r), Do: doBan, Room: pick(r, members[i].Rooms...)})
		}
	}
	return inOrder(members)
}

// asking is a script in which members ask who is there, and publish past the
// log. Some see nothing of presence.
func asking(r *rand.Rand) []member {
	members := script(r)
	for i := range members {
		m := &members[i]
		if m.Grants != nil {
			m.Grants[lobby] = append(m.Grants[lobby], auth.Presence)
		} else if i > 0 && chance(r, 25) && len(m.Rooms) == 1 {
			m.Grants = auth.Permissions{lobby: {auth.Join, auth.Publish, auth.History}}
			m.Steps = slices.DeleteFunc(m.Steps, func(s step) bool { return s.Room != lobby && s.Room != "" })
		}
		for range r.IntN(4) {
			m.Steps = append(m.Steps, step{At: when(r), Do: pick(r, doPresence, doPresence, doEphemeral), Room: pick(r, m.Rooms...)})
		}
	}
	return inOrder(members)
}
