package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

type helloResult struct {
	ConnectionID     string          `json:"connectionId"`
	User             string          `json:"user"`
	Session          string          `json:"session"`
	HeartbeatMs      int64           `json:"heartbeatMs"`
	TokenExpiresInMs int64           `json:"tokenExpiresInMs"`
	RotateInMs       int64           `json:"rotateInMs"`
	Rooms            map[string]page `json:"rooms"`
}

func TestHelloAuthenticatesAndJoins(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	ada := connect(t, s, "ada")
	for i := range 3 {
		publish(ada, "lobby", i, "")
	}
	token, err := s.Token("bob", auth.Permissions{"lobby": {"join"}, "user.{sub}": {"*"}})
	if err != nil {
		t.Fatal(err)
	}
	bob := dial(t, s, nil)
	if e := bob.refused(m{"action": "publish", "room": "lobby", "data": 1}); e.Code != protocol.Unauthenticated {
		t.Fatalf("before hello: %+v", e)
	}
	hello := call[helloResult](bob, m{
		"action": "hello", "token": token, "session": "tab-1",
		"rooms": m{"lobby": m{"since": 1}, "secret": m{}, "user.bob": m{"last": 5}},
	})
	if hello.User != "bob" || hello.Session != "tab-1" || hello.ConnectionID == "" || hello.HeartbeatMs != 45_000 {
		t.Errorf("hello: %+v", hello)
	}
	if hello.RotateInMs < (100*time.Minute).Milliseconds() || hello.RotateInMs > (116*time.Minute).Milliseconds() {
		t.Errorf("rotate in %d ms", hello.RotateInMs)
	}
	if hello.TokenExpiresInMs <= 0 || hello.TokenExpiresInMs > (24*time.Hour).Milliseconds() {
		t.Errorf("token expires in %d ms", hello.TokenExpiresInMs)
	}
	lobby := hello.Rooms["lobby"]
	if lobby.Head != 3 || !lobby.Recovered || len(lobby.Messages) != 2 || lobby.Messages[0].Seq != 2 || lobby.More {
		t.Errorf("lobby: %+v", lobby)
	}
	if e := hello.Rooms["secret"].Error; e == nil || e.Code != protocol.Forbidden {
		t.Errorf("secret: %+v", hello.Rooms["secret"])
	}
	if own := hello.Rooms["user.bob"]; own.Error != nil || own.Head != 0 || own.Epoch != "" || !own.Recovered {
		t.Errorf("user.bob: %+v", own)
	}
	for action, want := range map[string]protocol.Code{"publish": protocol.Forbidden, "presence": protocol.Forbidden} {
		if e := bob.refused(m{"action": action, "room": "lobby", "data": 1}); e.Code != want {
			t.Errorf("%s in lobby: %+v", action, e)
		}
	}
	// Whoever may join reads the same entries by history.
	if p := call[page](bob, m{"action": "history", "room": "lobby", "since": 0}); p.Head != 3 {
		t.Errorf("history in lobby: %+v", p)
	}
	if e := bob.refused(m{"action": "history", "room": "secret", "since": 0}); e.Code != protocol.Forbidden {
		t.Errorf("history in secret: %+v", e)
	}
}

func TestHistoryBothWays(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	ada := connect(t, s, "ada")
	var epoch string
	for i := range 10 {
		epoch = publish(ada, "lobby", i+1, "").Epoch
	}
	seqs := func(p page) (n []uint64) {
		for _, e := range p.Messages {
			n = append(n, e.Seq)
		}
		return n
	}
	tests := []struct {
		name      string
		command   m
		want      []uint64
		more      bool
		recovered bool
	}{
		{"all", m{"since": 0}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, false, true},
		{"since with limit", m{"since": 2, "limit": 3, "epoch": epoch}, []uint64{3, 4, 5}, true, true},
		{"since head", m{"since": 10}, nil, false, true},
		{"before", m{"before": 5, "limit": 3}, []uint64{2, 3, 4}, true, true},
		{"before reaches the beginning", m{"before": 3, "limit": 10}, []uint64{1, 2}, false, true},
		{"before the first", m{"before": 1}, nil, false, true},
		{"before above head", m{"before": 1000, "limit": 2}, []uint64{9, 10}, true, true},
		{"above head", m{"since": 11}, nil, false, false},
		{"another epoch", m{"since": 5, "epoch": "gone"}, nil, false, false},
	}
	for _, test := range tests {
		test.command["action"], test.command["room"] = "history", "lobby"
		p := call[page](ada, test.command)
		if !slices.Equal(seqs(p), test.want) || p.More != test.more || p.Recovered != test.recovered || p.Head != 10 || p.Epoch != epoch {
			t.Errorf("%s: %+v", test.name, p)
		}
	}
	if p := call[page](ada, m{"action": "join", "room": "lobby", "last": 2}); !slices.Equal(seqs(p), []uint64{9, 10}) || p.More {
		t.Errorf("join last 2: %+v", p)
	}
}

func TestSyncFindsWhatWasMissed(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(bob, "lobby", nil, "")
	epoch := publish(ada, "lobby", "x", "").Epoch
	type result struct {
		Rooms map[string]page `json:"rooms"`
	}
	r := call[result](bob, m{"action": "sync", "rooms": m{
		"lobby": m{"since": 0, "epoch": epoch}, "other": m{"since": 0},
	}})
	if p := r.Rooms["lobby"]; !p.Recovered || len(p.Messages) != 1 || p.Head != 1 {
		t.Errorf("lobby: %+v", p)
	}
	if e := r.Rooms["other"].Error; e == nil || e.Code != protocol.Conflict {
		t.Errorf("a room that was not joined: %+v", r.Rooms["other"])
	}
	r = call[result](bob, m{"action": "sync", "rooms": m{"lobby": m{"since": 1, "epoch": epoch}}})
	if p := r.Rooms["lobby"]; !p.Recovered || len(p.Messages) != 0 {
		t.Errorf("nothing missed: %+v", p)
	}
}

func TestEphemeralReachesMembersAndNotTheLog(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(ada, "lobby", nil, "")
	join(bob, "lobby", nil, "")
	if r := call[m](ada, m{"action": "publish", "room": "lobby", "data": m{"typing": true}, "ephemeral": true}); len(r) != 0 {
		t.Errorf("ephemeral answered %v", r)
	}
	if p := bob.next(protocol.PushEphemeral); p.User != "ada" || string(p.Data) != `{"typing":true}` {
		t.Errorf("bob got %+v", p)
	}
	if p := call[page](ada, m{"action": "history", "room": "lobby", "since": 0}); p.Head != 0 {
		t.Errorf("log: %+v", p)
	}
}

func TestPresenceCountsUsersAndSessions(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	ada := connect(t, s, "ada")
	join(ada, "lobby", nil, "")
	bob1 := connect(t, s, "bob")
	join(bob1, "lobby", nil, "")
	// Her own coming may be told to nobody or late to herself; bob's is told.
	for p := ada.next(protocol.PushPresence); !slices.Equal(p.Joined, []string{"bob"}); p = ada.next(protocol.PushPresence) {
		if len(p.Left) != 0 {
			t.Fatalf("somebody left: %+v", p)
		}
	}
	bob2 := connect(t, s, "bob")
	join(bob2, "lobby", nil, "")
	r := call[protocol.PresenceResult](ada, m{"action": "presence", "room": "lobby"})
	want := protocol.PresenceResult{Count: 2, Users: []protocol.PresenceUser{{User: "ada", Sessions: 1}, {User: "bob", Sessions: 2}}}
	if got, _ := json.Marshal(r); string(got) != string(mustJSON(want)) {
		t.Errorf("presence: %+v", r)
	}
	// Only when the user's last connection goes is the user gone.
	call[m](bob1, m{"action": "leave", "room": "lobby"})
	if r := call[protocol.PresenceResult](ada, m{"action": "presence", "room": "lobby"}); r.Count != 2 {
		t.Errorf("after one of two left: %+v", r)
	}
	bob2.close()
	if p := ada.left("bob"); !slices.Equal(p.Left, []string{"bob"}) || p.Count != 1 {
		t.Errorf("bob left: %+v", p)
	}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func TestPingIsAnsweredByTheGateway(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	ada := connect(t, s, "ada")
	before := s.Lambda.Stats("message").Invocations
	ada.raw(`{"action":"ping"}`)
	ada.next(protocol.PushPong)
	if after := s.Lambda.Stats("message").Invocations; after != before {
		t.Errorf("a ping ran %d functions", after-before)
	}
}

func TestLeaveEndsDelivery(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(bob, "lobby", nil, "")
	join(bob, "other", nil, "")
	call[m](bob, m{"action": "leave", "room": "lobby"})
	call[m](bob, m{"action": "leave", "room": "lobby"}) // again does no harm
	publish(ada, "lobby", "not for bob", "")
	publish(ada, "other", "for bob", "")
	if p := bob.next(protocol.PushMessages); p.Room != "other" {
		t.Errorf("bob got %+v", p)
	}
}

func TestAuthRefreshesForTheSameUserOnly(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	ada := connect(t, s, "ada")
	fresh, _ := s.Token("ada", nil)
	if r := call[protocol.AuthResult](ada, m{"action": "auth", "token": fresh}); r.User != "ada" || r.TokenExpiresInMs <= 0 {
		t.Errorf("auth: %+v", r)
	}
	other, _ := s.Token("eve", nil)
	if e := ada.refused(m{"action": "auth", "token": other}); e.Code != protocol.Conflict {
		t.Errorf("another user's token: %+v", e)
	}
	if e := ada.refused(m{"action": "auth", "token": "x.y.z"}); e.Code != protocol.Unauthenticated || e.Temporary {
		t.Errorf("an invalid token: %+v", e)
	}
	publish(ada, "lobby", "still here", "")
}

func TestTokenInTheHandshake(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	token, _ := s.Token("ada", nil)
	socket, _, err := websocket.Dial(t.Context(), s.URL, &websocket.DialOptions{
		Subprotocols: []string{"gapless.v1", "bearer." + token},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow() //nolint:errcheck // the test is over
	if got := socket.Subprotocol(); got != "gapless.v1" {
		t.Errorf("subprotocol %q", got)
	}
	_, response, err := websocket.Dial(t.Context(), s.URL, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer not.a.token"}},
	})
	if err == nil || response.StatusCode != http.StatusUnauthorized {
		t.Errorf("an invalid token: %v, %v", response, err)
	}
}

func TestBadInputLeavesTheConnectionAlone(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	ada := connect(t, s, "ada")
	join(ada, "lobby", nil, "")
	deep := `{"action":"publish","room":"lobby","data":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`
	tests := []struct {
		name, frame string
		code        protocol.Code
		says        string
	}{
		{"not JSON", `hello`, protocol.BadRequest, "JSON"},
		{"empty", ``, protocol.BadRequest, "JSON"},
		{"an array", `[1]`, protocol.BadRequest, "object"},
		{"no action", `{"room":"lobby"}`, protocol.BadRequest, "action"},
		{"unknown action", `{"action":"explode"}`, protocol.UnknownAction, "explode"},
		{"action of a wrong type", `{"action":5}`, protocol.BadRequest, "action"},
		{"missing room", `{"action":"join"}`, protocol.BadRequest, "room"},
		{"room of a wrong type", `{"action":"join","room":7}`, protocol.BadRequest, "room"},
		{"bad room", `{"action":"join","room":"a b"}`, protocol.BadRequest, "room"},
		{"long room", `{"action":"join","room":"` + strings.Repeat("r", 129) + `"}`, protocol.BadRequest, "128"},
		{"negative since", `{"action":"join","room":"lobby","since":-1}`, protocol.BadRequest, "since"},
		{"missing data", `{"action":"publish","room":"lobby"}`, protocol.BadRequest, "data"},
		{"data too large", `{"action":"publish","room":"lobby","data":"` + strings.Repeat("x", protocol.MaxDataBytes) + `"}`, protocol.TooLarge, "data"},
		{"depth bomb", deep, protocol.BadRequest, "nested"},
		{"duplicate key", `{"action":"publish","room":"lobby","data":{"a":1,"a":2}}`, protocol.BadRequest, "twice"},
		{"escaped duplicate action", `{"action":"join","\u0061ction":"publish","room":"lobby"}`, protocol.BadRequest, "twice"},
		{"long key", `{"action":"publish","room":"lobby","data":1,"key":"` + strings.Repeat("k", 65) + `"}`, protocol.BadRequest, "key"},
		{"bad id", `{"action":"ping2","id":{}}`, protocol.BadRequest, "id"},
		{"behind the object", `{"action":"leave","room":"lobby"} {}`, protocol.BadRequest, "more follows"},
	}
	for _, test := range tests {
		ada.raw(test.frame)
		r := <-ada.stray
		if r.Error == nil || r.Error.Code != test.code || !strings.Contains(r.Error.Message, test.says) || r.Error.Temporary {
			t.Errorf("%s: %+v", test.name, r.Error)
		}
	}
	if got := publish(ada, "lobby", "alive", ""); got.Seq != 1 {
		t.Errorf("after all that: %+v", got)
	}
}
