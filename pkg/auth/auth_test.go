package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

const secret = "a secret of at least thirty-two bytes"

func TestVerify(t *testing.T) {
	t.Parallel()
	s, err := NewSharedSecret(secret, clock.System())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	sign := func(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
		if c["iat"] == nil {
			c["iat"] = now.Add(-2 * time.Hour).Unix()
		}
		token, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := jwt.MapClaims{"sub": "ada", "exp": now.Add(time.Hour).Unix()}
	tests := []struct {
		name, token string
		want        error
	}{
		{"good", sign(jwt.SigningMethodHS256, []byte(secret), good), nil},
		{"another secret", sign(jwt.SigningMethodHS256, []byte("x"), good), ErrInvalid},
		{"alg none", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good), ErrInvalid},
		{"another alg", sign(jwt.SigningMethodHS512, []byte(secret), good), ErrInvalid},
		{"expired", sign(jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"sub": "ada", "exp": now.Add(-time.Hour).Unix()}), ErrExpired},
		{"expired and forged", sign(jwt.SigningMethodHS256, []byte("x"), jwt.MapClaims{"sub": "ada", "exp": now.Add(-time.Hour).Unix()}), ErrInvalid},
		{"without expiry", sign(jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"sub": "ada"}), ErrInvalid},
		{"not yet", sign(jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"sub": "ada", "exp": now.Add(time.Hour).Unix(), "nbf": now.Add(time.Minute).Unix()}), ErrInvalid},
		{"without subject", sign(jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"exp": now.Add(time.Hour).Unix()}), ErrInvalid},
		{"a subject too long", sign(jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"sub": strings.Repeat("x", 129), "exp": now.Add(time.Hour).Unix()}), ErrInvalid},
		{"rubbish", "a.b.c", ErrInvalid},
		{"empty", "", ErrInvalid},
	}
	for _, test := range tests {
		id, err := s.Verify(t.Context(), test.token)
		if !errors.Is(err, test.want) || (err == nil && id.User != "ada") {
			t.Errorf("%s: %+v, %v; want %v", test.name, id, err, test.want)
		}
	}
	if _, err := NewSharedSecret("short", clock.System()); err == nil {
		t.Error("a short secret was taken")
	}
}

func TestSignedTokensVerify(t *testing.T) {
	t.Parallel()
	s, err := NewSharedSecret(secret, clock.System())
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Sign("ada", time.Minute, Permissions{"a.*": {Join}})
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.Verify(t.Context(), token)
	if err != nil || id.User != "ada" || id.Expired(time.Now()) || !id.Expired(time.Now().Add(time.Hour)) {
		t.Fatalf("%+v, %v", id, err)
	}
	if p := (Policy{}); !p.Allows(id, Join, "a.b") || p.Allows(id, Publish, "a.b") || p.Allows(id, Join, "b") {
		t.Errorf("permissions %v", id.Permissions)
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, user, room string
		want                bool
	}{
		{"lobby", "u", "lobby", true},
		{"lobby", "u", "lobby2", false},
		{"*", "u", "anything/at:all", true},
		{"org.42.*", "u", "org.42.x", true},
		{"org.42.*", "u", "org.421.x", false},
		{"*.log", "u", "a.log", true},
		{"*.log", "u", ".log", true},
		{"a*b", "u", "ab", true},
		{"a*a", "u", "a", false},
		{"a*b*c", "u", "a-b-b-c", true},
		{"a*b*c", "u", "a-c-b", false},
		{"*a*a*", "u", "a", false},
		{"*ab*ba*", "u", "-aba-", false},
		{"**", "u", "x", true},
		{"user.{sub}", "ada", "user.ada", true},
		{"user.{sub}", "ada", "user.bob", false},
		{"user.{sub}", "*", "user.bob", false}, // an id must not extend a pattern
		{"user.{sub}", "auth0|12", "user.auth0_7C12", true},
		{"user.{sub}", "auth0_7C12", "user.auth0_7C12", false},
		{"user.{sub}.*", "ada", "user.ada.inbox", true},
		{"user.{sub}.*", "ada", "user.ada.lovelace.inbox", true}, // a room of her own: another user's id has no dot
		{"user.{sub}.*", "ada.lovelace", "user.ada.lovelace.inbox", false},
		{"user.{sub}.*", "ada.lovelace", "user.ada_2Elovelace.inbox", true},
		{"user.{sub}:*", "ada", "user.ada:x", true},
		{"{sub}-{sub}", "a", "a-a", true},
		{"", "u", "", true},
	}
	for _, test := range tests {
		if got := match(expand(test.pattern, test.user), test.room); got != test.want {
			t.Errorf("pattern %q for %q on %q: %v", test.pattern, test.user, test.room, got)
		}
	}
}

// An id of any form is part of a room's name, and no other user's. The README's
// line of JavaScript gives the same.
func TestUsersInRooms(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{
		"ada": "ada", "7f1c-A0": "7f1c-A0", "az-AZ-09": "az-AZ-09", "`{@[/:": "_60_7B_40_5B_2F_3A", "auth0|12": "auth0_7C12", "a_b": "a_5Fb", "é@x.org": "_C3_A9_40x_2Eorg",
		"!'()*~%:/": "_21_27_28_29_2A_7E_25_3A_2F",
	} {
		if got := InRoom(user); got != want {
			t.Errorf("%s: %s, want %s", user, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.StringN(1, 40, 40).Draw(t, "a"), rapid.StringN(1, 40, 40).Draw(t, "b")
		if !protocol.ValidRoom(InRoom(a)) || strings.ContainsAny(InRoom(a), ".:/") {
			t.Fatalf("%q", InRoom(a))
		}
		if (InRoom(a) == InRoom(b)) != (a == b) {
			t.Fatalf("%q and %q are %q", a, b, InRoom(a))
		}
	})
}

func TestPolicyOfTokensThatSayNothing(t *testing.T) {
	t.Parallel()
	silent, mute := Identity{User: "u"}, Identity{User: "u", Permissions: Permissions{}}
	for _, open := range []bool{false, true} {
		p := Policy{Open: open}
		if p.Allows(silent, Join, "r") != open || p.Allows(mute, Join, "r") {
			t.Errorf("open %v: silent %v, mute %v", open, p.Allows(silent, Join, "r"), p.Allows(mute, Join, "r"))
		}
	}
	if p := (Policy{}); !p.Allows(Identity{User: "u", Permissions: Permissions{"r": {"*"}}}, Presence, "r") {
		t.Error("the action * grants all")
	}
}

func TestJoinGrantsHistory(t *testing.T) {
	t.Parallel()
	id := Identity{User: "u", Permissions: Permissions{"r": {Join}, "s": {History}, "t": {Publish}}}
	for _, test := range []struct {
		action Action
		room   string
		want   bool
	}{
		{Join, "r", true}, {History, "r", true}, {Publish, "r", false}, {Presence, "r", false}, {History, "t", false},
		{History, "s", true}, {Join, "s", false}, // but history does not grant join
	} {
		if got := (Policy{}).Allows(id, test.action, test.room); got != test.want {
			t.Errorf("%s in %s: %v", test.action, test.room, got)
		}
	}
}

// TestHostilePatterns matches patterns for which a backtracking matcher would
// need more steps than there are atoms: the test ends only because ours does not
// backtrack.
func TestHostilePatterns(t *testing.T) {
	t.Parallel()
	room := strings.Repeat("a", protocol.MaxRoomBytes)
	for _, pattern := range []string{
		strings.Repeat("a*", maxPatternBytes/2-1) + "b", strings.Repeat("*a", maxPatternBytes/2-1) + "b",
		strings.Repeat("*", maxPatternBytes-1) + "b", strings.Repeat("a*aa*", maxPatternBytes/5-1) + "b",
		strings.Repeat("{sub}*", maxPatternBytes/6) + "b",
	} {
		for range 10 {
			if match(expand(pattern, "a"), room) {
				t.Fatalf("%s fits %s", pattern, room)
			}
		}
	}
	// As many patterns as a token can have, none of which matches.
	many := Permissions{}
	for i := range protocol.MaxTokenBytes / len(`"*a*a*a*b0000":["*"],`) {
		many[fmt.Sprintf("*a*a*a*b%04d", i)] = []Action{"*"}
	}
	if (Policy{}).Allows(Identity{User: "u", Permissions: many}, Join, room) {
		t.Error("something fits")
	}
}

// TestPatternsAgreeWithASimpleMatcher compares our matcher with a slow and simple
// one.
func TestPatternsAgreeWithASimpleMatcher(t *testing.T) {
	t.Parallel()
	var plain func(pattern, room string) bool
	plain = func(pattern, room string) bool {
		switch {
		case pattern == "":
			return room == ""
		case pattern[0] == '*':
			return plain(pattern[1:], room) || (room != "" && plain(pattern, room[1:]))
		default:
			return room != "" && room[0] == pattern[0] && plain(pattern[1:], room[1:])
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*]{0,8}`).Draw(t, "pattern")
		room := rapid.StringMatching(`[ab]{0,10}`).Draw(t, "room")
		if got, want := match(expand(pattern, "u"), room), plain(pattern, room); got != want {
			t.Fatalf("%q on %q: %v, want %v", pattern, room, got, want)
		}
	})
}
