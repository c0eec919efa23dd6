package client

import (
	"encoding/json"
	"testing"
	"testing/synctest"
)

func playText(t *testing.T, text string) {
	t.Helper()
	var s scenario
	if err := json.Unmarshal([]byte(text), &s.Steps); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { play(t, s) })
}

const begun = `
	{"do": "join", "room": "lobby"},
	{"expect": "dial", "socket": 1},
	{"do": "open", "socket": 1},
	{"expect": "frame", "socket": 1, "frame": {"action": "hello", "id": "$hello1", "token": "token-1", "session": "session", "rooms": {"lobby": {}}}},
	{"do": "say", "socket": 1, "frame": {"id": "$hello1", "ok": {"user": "ada", "heartbeatMs": 45000, "rotateInMs": 30000, "rooms": {"lobby": {"epoch": "e1", "head": 5, "recovered": true, "messages": [], "more": false}}}}},
	{"expect": "state", "state": "connected"},`

// TestLeaveIsSaidWhereItWasJoined: a room that was left while its first
// connection still owed an answer is not left on the second, where it has been
// joined again.
func TestLeaveIsSaidWhereItWasJoined(t *testing.T) {
	t.Parallel()
	playText(t, `[`+begun+`
	{"do": "advance", "ms": 29000},
	{"do": "say", "socket": 1, "frame": {"push": "messages", "room": "lobby", "epoch": "e1", "messages": [{"seq": 7, "user": "bob", "at": 1, "data": 7}]}},
	{"expect": "frame", "socket": 1, "frame": {"action": "history", "id": "$h", "room": "lobby", "since": 5, "epoch": "e1"}},
	{"do": "leave", "room": "lobby"},
	{"do": "join", "room": "lobby"},
	{"do": "advance", "ms": 1000},
	{"expect": "dial", "socket": 2},
	{"do": "open", "socket": 2},
	{"expect": "frame", "socket": 2, "frame": {"action": "hello", "id": "$hello2", "token": "token-2", "session": "session", "rooms": {"lobby": {}}}},
	{"do": "say", "socket": 2, "frame": {"id": "$hello2", "ok": {"user": "ada", "heartbeatMs": 45000, "rotateInMs": 6600000, "rooms": {"lobby": {"epoch": "e1", "head": 7, "recovered": true, "messages": [], "more": false}}}}},
	{"do": "say", "socket": 1, "frame": {"id": "$h", "ok": {"epoch": "e1", "head": 7, "recovered": true, "messages": [], "more": false}}},
	{"do": "advance", "ms": 10000},
	{"expect": "closed", "socket": 1},
	{"do": "say", "socket": 2, "frame": {"push": "messages", "room": "lobby", "epoch": "e1", "messages": [{"seq": 8, "user": "bob", "at": 1, "data": 8}]}},
	{"expect": "message", "room": "lobby", "seq": 8}
	]`)
}

// TestLeaveWaitsForNoRetry: while a question is to be asked again later, leaving
// is said at once.
func TestLeaveWaitsForNoRetry(t *testing.T) {
	t.Parallel()
	playText(t, `[`+begun+`
	{"do": "say", "socket": 1, "frame": {"push": "messages", "room": "lobby", "epoch": "e1", "messages": [{"seq": 7, "user": "bob", "at": 1, "data": 7}]}},
	{"expect": "frame", "socket": 1, "frame": {"action": "history", "id": "$h", "room": "lobby", "since": 5, "epoch": "e1"}},
	{"do": "say", "socket": 1, "frame": {"id": "$h", "error": {"code": "rate_limited", "message": "slow down", "temporary": true, "retryAfterMs": 20000}}},
	{"do": "leave", "room": "lobby"},
	{"expect": "frame", "socket": 1, "frame": {"action": "leave", "id": "$l", "room": "lobby"}}
	]`)
}

// TestLostIsNotInUse: a connection that has ended is in use by nobody, however
// long its end takes.
func TestLostIsNotInUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := online(t, Options{})
		s.slow = make(chan struct{})
		s.end(&CloseError{Code: 1006})
		synctest.Wait() // CloseNow is under way
		if c.current() != nil {
			t.Error("it is in use, and whoever wants to send asks it again and again")
		}
		close(s.slow)
	})
}
