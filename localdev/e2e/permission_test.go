package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

func tokenFor(t *testing.T, s *stack.Running, user string, rooms auth.Permissions) string {
	t.Helper()
	token, err := s.Token(user, rooms)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func connectAs(t *testing.T, s *stack.Running, user string, rooms auth.Permissions) *client {
	t.Helper()
	return dial(t, s, http.Header{"Authorization": {"Bearer " + tokenFor(t, s, user, rooms)}})
}

// TestATokenThatGrantsLess: commands are refused at once, live delivery ends
// within one sweep, for the rooms that are gone and no others.
func TestATokenThatGrantsLess(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	ada, bob := connectAs(t, s, "ada", auth.Permissions{"*": {"*"}}), connect(t, s, "bob")
	for _, room := range []string{"lost", "kept"} {
		join(ada, room, nil, "")
		join(bob, room, nil, "")
	}
	less := tokenFor(t, s, "ada", auth.Permissions{"kept": {auth.Join}})
	call[protocol.AuthResult](ada, m{"action": "auth", "token": less})
	for _, command := range []m{
		{"action": "publish", "room": "lost", "data": 1}, {"action": "join", "room": "lost"},
		{"action": "history", "room": "lost", "since": 0}, {"action": "presence", "room": "lost"},
		{"action": "publish", "room": "kept", "data": 1},
	} {
		if e := ada.refused(command); e.Code != protocol.Forbidden {
			t.Errorf("%v: %+v", command, e)
		}
	}
	sweep(t, s)
	if p := bob.left("ada"); p.Room != "lost" {
		t.Errorf("bob was told %+v", p)
	}
	publish(bob, "lost", "not for ada", "")
	publish(bob, "kept", "for ada", "")
	if p := ada.next(protocol.PushMessages); p.Room != "kept" {
		t.Errorf("ada got %+v", p)
	}
	// With a token that grants it again she may come back.
	call[protocol.AuthResult](ada, m{"action": "auth", "token": tokenFor(t, s, "ada", auth.Permissions{"*": {auth.Join}})})
	s.Advance(time.Second) // commands of one instant have no order
	if p := join(ada, "lost", ptr[uint64](0), ""); len(p.Messages) != 1 {
		t.Errorf("came back to %+v", p)
	}
}

func TestWhoMayNotSeePresenceIsNotTold(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	blind := connectAs(t, s, "blind", auth.Permissions{"lobby": {auth.Join, auth.Publish}})
	seeing := connectAs(t, s, "seeing", auth.Permissions{"lobby": {auth.Join, auth.Presence}})
	join(blind, "lobby", nil, "")
	join(seeing, "lobby", nil, "")
	ada := connect(t, s, "ada")
	join(ada, "lobby", nil, "")
	for p := seeing.next(protocol.PushPresence); !slices.Contains(p.Joined, "ada"); p = seeing.next(protocol.PushPresence) {
		continue
	}
	idle(t, s)
	publish(ada, "lobby", "the first that blind hears", "")
	for p := range blind.pushes {
		if p.Push == protocol.PushPresence {
			t.Errorf("was told %+v", p)
		}
		if p.Push == protocol.PushMessages {
			break
		}
	}
	if e := blind.refused(m{"action": "presence", "room": "lobby"}); e.Code != protocol.Forbidden {
		t.Errorf("presence: %+v", e)
	}
}

// TestPresenceFollowsAFreshToken: whether a member is told who comes and goes
// follows its token within one sweep, in both directions.
func TestPresenceFollowsAFreshToken(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	sees, blind := auth.Permissions{"lobby": {auth.Join, auth.Presence}}, auth.Permissions{"lobby": {auth.Join}}
	less, more := connectAs(t, s, "less", sees), connectAs(t, s, "more", blind)
	for _, c := range []*client{less, more} {
		join(c, "lobby", nil, "")
	}
	call[protocol.AuthResult](less, m{"action": "auth", "token": tokenFor(t, s, "less", blind)})
	call[protocol.AuthResult](more, m{"action": "auth", "token": tokenFor(t, s, "more", sees)})
	sweep(t, s)
	ada := connect(t, s, "ada")
	join(ada, "lobby", nil, "")
	if p := more.next(protocol.PushPresence); !slices.Contains(p.Joined, "ada") {
		t.Errorf("more was told %+v", p)
	}
	idle(t, s)
	publish(ada, "lobby", "the end", "")
	for p := range less.pushes {
		if slices.Contains(p.Joined, "ada") {
			t.Errorf("less was told %+v", p)
		}
		if p.Push == protocol.PushMessages {
			break
		}
	}
}

// TestNothingTellsWhetherARoomExists sends every command about a room that is
// full of life and about one that nobody has ever named: whoever has no right
// to either gets the same answer, byte for byte.
func TestNothingTellsWhetherARoomExists(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	ada := connect(t, s, "ada")
	join(ada, "org.alive", nil, "")
	at := publish(ada, "org.alive", "secret", "k")
	for name, rooms := range map[string]auth.Permissions{
		"no permission": {}, "others only": {"org.other": {"*"}, "*.nothing": {"*"}},
		"presence only, elsewhere": {"lobby": {auth.Presence}}, "an action that is none": {"*": {"look"}},
	} {
		eve, err := s.Gateway.Dial(t.Context(), gateway.DialOptions{Header: http.Header{
			"Authorization": {"Bearer " + tokenFor(t, s, "eve", rooms)},
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(eve.Cut)
		ask := func(format, room string) string {
			t.Helper()
			if err := eve.Send(t.Context(), strings.ReplaceAll(format, "ROOM", room)); err != nil {
				t.Fatal(err)
			}
			text, err := eve.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return strings.ReplaceAll(text, room, "ROOM")
		}
		since := fmt.Sprintf(`"since":%d,"epoch":%q`, at.Seq-1, at.Epoch)
		for _, command := range []string{
			`{"action":"join","id":1,"room":"ROOM"}`, `{"action":"join","id":1,"room":"ROOM",` + since + `}`,
			`{"action":"join","id":1,"room":"ROOM","last":5}`,
			`{"action":"publish","id":1,"room":"ROOM","data":1,"key":"k"}`,
			`{"action":"publish","id":1,"room":"ROOM","data":1,"ephemeral":true}`,
			`{"action":"history","id":1,"room":"ROOM",` + since + `}`, `{"action":"history","id":1,"room":"ROOM","before":2}`,
			`{"action":"presence","id":1,"room":"ROOM"}`, `{"action":"leave","id":1,"room":"ROOM"}`,
			`{"action":"sync","id":1,"rooms":{"ROOM":{` + since + `}}}`,
		} {
			alive, never := ask(command, "org.alive"), ask(command, "org.never")
			if alive != never {
				t.Errorf("%s: %s:\n%s\n%s", name, command, alive, never)
			}
			if !strings.Contains(alive, `"forbidden"`) && !strings.Contains(command, `"leave"`) {
				t.Errorf("%s: %s: %s", name, command, alive)
			}
		}
		// The rotation's date in a hello is random.
		hello := `{"action":"hello","id":1,"rooms":{"ROOM":{` + since + `}}}`
		rooms := func(text string) string { _, after, _ := strings.Cut(text, `"rooms":`); return after }
		if alive, never := ask(hello, "org.alive"), ask(hello, "org.never"); rooms(alive) != rooms(never) || !strings.Contains(alive, `"forbidden"`) {
			t.Errorf("%s: hello:\n%s\n%s", name, alive, never)
		}
	}
	// Whoever has the right to a room but is in neither: sync says the same, too.
	bob := connect(t, s, "bob")
	rooms := call[struct{ Rooms map[string]page }](bob, m{"action": "sync", "rooms": m{
		"org.alive": m{"since": 0, "epoch": at.Epoch}, "org.never": m{"since": 0, "epoch": at.Epoch},
	}}).Rooms
	if a, n := rooms["org.alive"].Error, rooms["org.never"].Error; a == nil || n == nil || *a != *n {
		t.Errorf("sync: %+v, %+v", a, n)
	}
}
