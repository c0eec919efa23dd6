package protocol

import (
	"fmt"
	"strings"
	"testing"
)

func TestValidRoom(t *testing.T) {
	t.Parallel()
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-"
	for c := range 256 {
		name := string([]byte{byte(c)})
		if got, want := ValidRoom(name), strings.Contains(allowed, name); got != want {
			t.Errorf("ValidRoom(%q) = %v", name, got)
		}
	}
	for name, want := range map[string]bool{
		"": false, strings.Repeat("r", 128): true, strings.Repeat("r", 129): false,
		"a\xff": false, "ä": false, "__proto__": true, "/": true,
	} {
		if got := ValidRoom(name); got != want {
			t.Errorf("ValidRoom(%q) = %v", name, got)
		}
	}
}

func TestValidUser(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"": false, "ada": true, "auth0|5f7c8ec7c33c6c004bbafe82": true, `"\`: true, "ä b": true,
		strings.Repeat("u", 128): true, strings.Repeat("u", 129): false,
		strings.Repeat("ü", 64): true, strings.Repeat("ü", 65): false,
		"a\nb": false, "a\x7f": false, "\u0085": false, "\xff": false, "\xed\xa0\x80": false,
	} {
		if got := ValidUser(id); got != want {
			t.Errorf("ValidUser(%q) = %v", id, got)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	number := func(n uint64) *uint64 { return &n }
	many := func(n int) map[string]From {
		rooms := map[string]From{}
		for i := range n {
			rooms[fmt.Sprintf("r%d", i)] = From{Since: number(0)}
		}
		return rooms
	}
	long := strings.Repeat("x", 65)
	for _, test := range []struct {
		name   string
		params Params
		code   Code   // "" means valid
		says   string // part of the message
	}{
		{"hello", &Hello{}, "", ""},
		{"hello: longest token", &Hello{Token: strings.Repeat("t", MaxTokenBytes)}, "", ""},
		{"hello: token", &Hello{Token: strings.Repeat("t", MaxTokenBytes+1)}, TooLarge, "token"},
		{"hello: session", &Hello{Session: long}, BadRequest, "session"},
		{"hello: most rooms", &Hello{Rooms: many(MaxRoomsPerCommand)}, "", ""},
		{"hello: rooms", &Hello{Rooms: many(MaxRoomsPerCommand + 1)}, BadRequest, "rooms"},
		{"hello: room's name", &Hello{Rooms: map[string]From{"a b": {}}}, BadRequest, `rooms["a b"]`},
		{"hello: room's since", &Hello{Rooms: map[string]From{"a": {Since: number(MaxInteger + 1)}}}, BadRequest, "rooms.a.since"},
		{"hello: room's epoch", &Hello{Rooms: map[string]From{"a": {Epoch: long}}}, BadRequest, "rooms.a.epoch"},
		{"auth: longest token", &Auth{Token: strings.Repeat("t", MaxTokenBytes)}, "", ""},
		{"auth: no token", &Auth{}, BadRequest, "token"},
		{"auth: token", &Auth{Token: strings.Repeat("t", MaxTokenBytes+1)}, TooLarge, "token"},
		{"join", &Join{Room: "a", From: From{Since: number(MaxInteger), Epoch: long[:64]}}, "", ""},
		{"join: room", &Join{Room: "a b"}, BadRequest, "room"},
		{"join: last", &Join{Room: "a", From: From{Last: number(MaxHistory + 1)}}, BadRequest, "last"},
		{"join: both", &Join{Room: "a", From: From{Since: number(1), Last: number(1)}}, BadRequest, "exclude"},
		{"leave: room", &Leave{}, BadRequest, "room"},
		{"publish", &Publish{Room: "a", Data: []byte("null")}, "", ""},
		{"publish: room", &Publish{Data: []byte("1")}, BadRequest, "room"},
		{"publish: data", &Publish{Room: "a"}, BadRequest, "data"},
		{"publish: largest data", &Publish{Room: "a", Data: make([]byte, MaxDataBytes)}, "", ""},
		{"publish: larger data", &Publish{Room: "a", Data: make([]byte, MaxDataBytes+1)}, TooLarge, "data"},
		{"publish: longest key", &Publish{Room: "a", Data: []byte("1"), Key: long[:64]}, "", ""},
		{"publish: key", &Publish{Room: "a", Data: []byte("1"), Key: long}, BadRequest, "key"},
		{"publish: key's text", &Publish{Room: "a", Data: []byte("1"), Key: "\x00"}, BadRequest, "key"},
		{"history", &History{Room: "a", Before: number(0), Limit: number(1)}, "", ""},
		{"history: room", &History{Since: number(0)}, BadRequest, "room"},
		{"history: neither", &History{Room: "a"}, BadRequest, "missing"},
		{"history: both", &History{Room: "a", Since: number(0), Before: number(0)}, BadRequest, "exclude"},
		{"history: limit 0", &History{Room: "a", Since: number(0), Limit: number(0)}, BadRequest, "limit"},
		{"history: limit", &History{Room: "a", Since: number(0), Limit: number(MaxHistory + 1)}, BadRequest, "limit"},
		{"history: before", &History{Room: "a", Before: number(MaxInteger + 1)}, BadRequest, "before"},
		{"history: epoch", &History{Room: "a", Before: number(1), Epoch: long}, BadRequest, "epoch"},
		{"sync", &Sync{Rooms: many(MaxRoomsPerCommand)}, "", ""},
		{"sync: no rooms", &Sync{}, BadRequest, "rooms"},
		{"sync: rooms", &Sync{Rooms: many(MaxRoomsPerCommand + 1)}, BadRequest, "rooms"},
		{"sync: since", &Sync{Rooms: map[string]From{"a": {}}}, BadRequest, "rooms.a.since"},
		{"presence: room", &Presence{Room: "\x00"}, BadRequest, "room"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := test.params.validate()
			switch {
			case test.code == "" && err != nil:
				t.Errorf("got %v", err)
			case test.code != "" && (err == nil || err.Code != test.code || !strings.Contains(err.Message, test.says)):
				t.Errorf("got %v, want %s with %q", err, test.code, test.says)
			}
		})
	}
}

// The same frame must get the same error, in whatever order Go walks a map.
func TestFirstBadRoomIsNamed(t *testing.T) {
	t.Parallel()
	frame := []byte(`{"action":"hello","rooms":{"d d":{},"c c":{},"b b":{},"a a":{},"z":{"last":101}}}`)
	for range 50 {
		_, err := Decode(frame)
		if err == nil || !strings.Contains(err.Error(), `rooms["a a"]`) {
			t.Fatalf("got %v", err)
		}
	}
}
