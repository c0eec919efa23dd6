package handler_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/handler/handlertest"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// scene is a room with pat, who publishes, and mia, whose commands are tested.
// Mia's connection is m.
type scene struct {
	*handlertest.World
	head  uint64
	epoch string
	// got are the numbers that m has received, by pushes (up to seen) or replies.
	got  map[uint64]bool
	seen int
	// told is true if m was told after its last join that it is behind.
	told bool
}

func play(t *testing.T, f func(s *scene)) {
	t.Helper()
	handlertest.Run(t, func(w *handlertest.World) {
		fresh := auth.Identity{User: "mia", Issued: time.Now(), Expires: time.Now().Add(24 * time.Hour)}
		w.Tokens["fresh"] = fresh
		w.Connect("p", "pat", time.Time{})
		f(&scene{World: w, got: map[uint64]bool{}})
	})
}

// publish lets pat publish a message.
func (s *scene) publish() {
	s.T.Helper()
	a := s.OK("p", fmt.Sprintf(`{"id":1,"action":"publish","room":"r","key":"k%d","data":%[1]d}`, s.head+1))
	s.head, s.epoch = a.OK.Seq, a.OK.Epoch
}

// mia sends a command and records its reply.
func (s *scene) mia(command string) handlertest.Answer {
	s.T.Helper()
	if command == join || command == helloRoom || command == syncAll {
		s.look()
		s.told = false // from now on, it may be told about this join
	}
	a := s.Say("m", command)
	if a.OK != nil {
		s.take(a.OK.Messages)
		s.take(a.OK.Rooms["r"].Messages)
		s.head = max(s.head, a.OK.Seq)
		if a.OK.Seq > 0 {
			s.got[a.OK.Seq] = true // its own message
		}
	}
	return a
}

func (s *scene) take(entries []protocol.Entry) {
	for _, e := range entries {
		s.got[e.Seq] = true
	}
}

// look records what m was pushed.
func (s *scene) look() {
	pushes := s.Gateway.Pushes("m")
	for _, p := range pushes[s.seen:] {
		s.take(p.Messages)
		s.told = s.told || p.Push == protocol.PushBehind
	}
	s.seen = len(pushes)
}

// missing returns the numbers that m does not have.
func (s *scene) missing() []uint64 {
	s.look()
	var missing []uint64
	for seq := uint64(1); seq <= s.head; seq++ {
		if !s.got[seq] {
			missing = append(missing, seq)
		}
	}
	return missing
}

// live reports whether the next message is pushed to m.
func (s *scene) live() bool {
	s.T.Helper()
	s.publish()
	s.Wait(5 * time.Second)
	return !slices.Contains(s.missing(), s.head)
}

// refuse makes m refuse the chosen frames until Heal.
func (s *scene) refuse(chosen func(handlertest.Push) bool) {
	s.Gateway.Before(func(_ context.Context, id string, push handlertest.Push) error {
		if id == "m" && chosen(push) {
			return connection.ErrThrottled
		}
		return nil
	})
}

func everything(handlertest.Push) bool     { return true }
func allButBehind(p handlertest.Push) bool { return p.Push != protocol.PushBehind }

const (
	join      = `{"id":1,"action":"join","room":"r","since":0}`
	leave     = `{"id":1,"action":"leave","room":"r"}`
	publish   = `{"id":1,"action":"publish","room":"r","key":"mine","data":"hi"}`
	ephemeral = `{"id":1,"action":"publish","room":"r","data":"hi","ephemeral":true}`
	history   = `{"id":1,"action":"history","room":"r","since":0}`
	presence  = `{"id":1,"action":"presence","room":"r"}`
	syncAll   = `{"id":1,"action":"sync","rooms":{"r":{"since":0}}}`
	authFresh = `{"id":1,"action":"auth","token":"fresh"}`
	helloBare = `{"id":1,"action":"hello","token":"fresh","session":"tab"}`
	helloRoom = `{"id":1,"action":"hello","token":"fresh","session":"tab","rooms":{"r":{"since":0}}}`
	ping      = protocol.PingFrame
)

var commands = []string{join, leave, publish, ephemeral, history, presence, syncAll, authFresh, helloBare, helloRoom, ping}

// outcome says what m may rely on.
type outcome string

const (
	live   outcome = "is served live"
	behind outcome = "is behind and knows it"
	out    outcome = "is pushed nothing"
)

// states are the states of m before it sends a command. The log then has two
// messages.
var states = []struct {
	name    string
	prepare func(s *scene)
	stays   outcome // outcome if the command changes nothing
	token   bool    // the token has expired
	member  bool
}{
	{"in step", func(s *scene) {
		s.Connect("m", "mia", time.Time{})
		s.mia(join)
		s.publish()
		s.publish()
		s.Wait(5 * time.Second)
	}, live, false, true},
	{"behind and told", told, behind, false, true},
	{"behind and untold", untold, behind, false, true},
	{"joined again after it was told", func(s *scene) {
		told(s)
		s.mia(history)
		s.mia(join)
	}, live, false, true},
	{"joined again before it was told", func(s *scene) {
		untold(s)
		s.mia(join)
	}, live, false, true},
	{"told again after it had joined again", func(s *scene) {
		told(s)
		s.mia(join)
		s.refuse(allButBehind)
		s.publish()
		s.Wait(20 * time.Second)
		s.Gateway.Heal()
	}, behind, false, true},
	{"expired", func(s *scene) {
		s.Connect("m", "mia", time.Now().Add(30*time.Second))
		s.mia(join)
		s.publish()
		s.publish()
		s.Wait(30 * time.Second)
	}, out, true, true},
	{"expired, behind and untold", func(s *scene) {
		s.Connect("m", "mia", time.Now().Add(30*time.Second))
		fallBehind(s, everything)
		s.Wait(10 * time.Second)
	}, out, true, true},
	{"left", func(s *scene) {
		s.Connect("m", "mia", time.Time{})
		s.mia(join)
		s.publish()
		s.publish()
		s.Wait(5 * time.Second)
		s.mia(leave)
		s.Wait(time.Millisecond) // joins and leaves are ordered by the millisecond
	}, out, false, false},
	{"left while it was behind and untold", func(s *scene) {
		untold(s)
		s.mia(leave)
		s.Wait(time.Millisecond) // joins and leaves are ordered by the millisecond
	}, out, false, false},
	{"left and joined again, behind and untold before", func(s *scene) {
		untold(s)
		s.mia(leave)
		s.Wait(time.Millisecond)
		s.mia(join)
	}, live, false, true},
	{"on another connection, the first one being behind", func(s *scene) {
		s.Connect("first", "mia", time.Time{})
		s.OK("first", helloRoom)
		s.Gateway.Before(func(_ context.Context, id string, _ handlertest.Push) error {
			if id == "first" {
				return connection.ErrThrottled
			}
			return nil
		})
		s.publish()
		s.publish()
		s.Wait(20 * time.Second)
		s.Gateway.Heal()
		s.Connect("m", "mia", time.Time{})
		s.mia(helloRoom)
	}, live, false, true},
}

// fallBehind makes m a member that refuses some frames for 20 s.
func fallBehind(s *scene, refused func(handlertest.Push) bool) {
	s.mia(join)
	s.refuse(refused)
	s.publish()
	s.publish()
	s.Wait(20 * time.Second)
	s.Gateway.Heal()
}

func told(s *scene) {
	s.Connect("m", "mia", time.Time{})
	fallBehind(s, allButBehind)
	s.Pass(1)
	if s.look(); !s.told {
		s.T.Fatal("not told: not the scenario")
	}
}

func untold(s *scene) {
	s.Connect("m", "mia", time.Time{})
	fallBehind(s, everything)
	if s.look(); s.told {
		s.T.Fatal("told: not the scenario")
	}
}

// TestEachCommandOfEachMember sends each command in each state, and checks the
// reply and what the member may rely on two sweeps later. Nothing is ever lost
// silently: the member is pushed what it lacks, or is told that it is behind.
func TestEachCommandOfEachMember(t *testing.T) {
	t.Parallel()
	for _, state := range states {
		for _, command := range commands {
			t.Run(state.name+"/"+command, func(t *testing.T) {
				t.Parallel()
				play(t, func(s *scene) {
					state.prepare(s)
					a := s.mia(command)
					wantCode, want := protocol.Code(""), state.stays
					switch command {
					case authFresh, helloBare:
						if state.token { // send a fresh token before the sweep that would end the membership
							want = map[bool]outcome{true: behind, false: live}[len(s.missing()) > 0]
						}
					case helloRoom:
						want = live
					case ping:
					default:
						switch {
						case state.token:
							wantCode = protocol.TokenExpired
						case command == join, command == syncAll && want == behind:
							want = live
						case command == leave:
							want = out
						}
					}
					if a.Code() != wantCode || (a.OK == nil) == (wantCode == "") && command != ping {
						s.T.Fatalf("answered %s", a.Frame)
					}
					s.answers(command, state.member, a)
					s.Pass(2)
					s.outcome(want)
				})
			})
		}
	}
}

// answers checks the reply to a successful command.
func (s *scene) answers(command string, member bool, a handlertest.Answer) {
	s.T.Helper()
	if a.OK == nil {
		return
	}
	page, all := a.OK.Page, true
	switch command {
	case syncAll:
		if code := a.OK.Rooms["r"].Error; !member {
			if code == nil || code.Code != protocol.Conflict {
				s.T.Errorf("answered %s", a.Frame)
			}
			return
		}
		page = a.OK.Rooms["r"].Page
	case helloRoom:
		page = a.OK.Rooms["r"].Page
	case join, history:
	case presence:
		in := slices.ContainsFunc(a.OK.Users, func(u protocol.PresenceUser) bool { return u.User == "mia" })
		if in != member {
			s.T.Errorf("in the room: %v; %s", member, a.Frame)
		}
		return
	default:
		all = false
	}
	if all && (uint64(len(page.Messages)) != s.head || page.Head != s.head || page.More) {
		s.T.Errorf("want all up to %d: %s", s.head, a.Frame)
	}
}

// outcome checks what m may rely on, and that it can recover.
func (s *scene) outcome(want outcome) {
	s.T.Helper()
	missing := s.missing()
	switch want {
	case live:
		if len(missing) > 0 && !s.told {
			s.T.Errorf("lost in silence: %v", missing)
		}
		if s.told {
			s.T.Error("told that it is behind")
		}
		if !s.live() {
			s.T.Error("the next message is not pushed")
		}
	case behind:
		if !s.told {
			s.T.Errorf("not told that it is behind, and lacks %v", missing)
		}
		if s.live() {
			s.T.Error("the next message is pushed, though it was told that none will be")
		}
		s.comeBack()
	case out:
		if s.live() {
			s.T.Error("the next message is pushed")
		}
	}
}

// comeBack does what a client does when it is told that it is behind.
func (s *scene) comeBack() {
	s.T.Helper()
	s.mia(history)
	if a := s.mia(join); a.OK == nil {
		s.T.Fatalf("%s", a.Frame)
	}
	if !s.live() {
		s.T.Error("came back, and the next message is not pushed")
	}
	if s.Pass(2); s.told {
		s.T.Error("came back, and is told that it is behind")
	}
	if missing := s.missing(); len(missing) > 0 {
		s.T.Errorf("came back, and lacks %v", missing)
	}
}

// TestCommandsWhileAMemberFallsBehind sends each command at the moment when a
// message is refused, when the member cannot be told, or when it has just been
// told, and publishes more at the same time.
func TestCommandsWhileAMemberFallsBehind(t *testing.T) {
	t.Parallel()
	isBehind := func(p handlertest.Push) bool { return p.Push == protocol.PushBehind }
	isMessages := func(p handlertest.Push) bool { return p.Push == protocol.PushMessages }
	for _, when := range []struct {
		name  string
		at    func(p handlertest.Push) bool
		after time.Duration // not before m has refused for this long
		// what happens to the frame at that moment
		arrives, hangs bool
	}{
		{"a message is refused", isMessages, 0, false, false},
		{"a message hangs", isMessages, 0, false, true},
		{"a message is refused for the last time", isMessages, 1900 * time.Millisecond, false, false},
		{"it refuses to be told", isBehind, 0, false, false},
		{"it is told, and that hangs", isBehind, 0, false, true},
		{"it is told, and the answer to the post is late", isBehind, 0, true, false},
	} {
		for _, command := range commands {
			t.Run(when.name+"/"+command, func(t *testing.T) {
				t.Parallel()
				play(t, func(s *scene) {
					s.Connect("m", "mia", time.Time{})
					s.mia(join)
					began, done := time.Now(), false
					now := func(id string, p handlertest.Push) bool {
						return id == "m" && !done && when.at(p) && time.Since(began) >= when.after
					}
					meanwhile := func() {
						done = true
						s.Wait(100 * time.Millisecond)
						s.mia(command)
						s.publish()
						s.Wait(300 * time.Millisecond)
					}
					s.Gateway.Before(func(ctx context.Context, id string, p handlertest.Push) error {
						switch {
						case id != "m" || done: // m accepts everything again
							return nil
						case !now(id, p):
							return connection.ErrThrottled
						case when.arrives:
							return nil
						}
						meanwhile()
						if when.hangs {
							<-ctx.Done()
							return ctx.Err()
						}
						return connection.ErrThrottled
					})
					s.Gateway.After(func(id string, p handlertest.Push) {
						if now(id, p) {
							meanwhile()
						}
					})
					s.publish()
					s.Wait(30 * time.Second)
					s.Pass(3)
					if !done {
						s.T.Fatal("not the scenario")
					}
					if command == leave {
						s.outcome(out)
						return
					}
					if missing := s.missing(); len(missing) > 0 && !s.told {
						s.T.Fatalf("lost in silence: %v", missing)
					}
					if s.told {
						s.comeBack()
					} else if !s.live() {
						s.T.Error("not told, and the next message is not pushed")
					}
				})
			})
		}
	}
}
