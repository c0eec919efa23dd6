package auth

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gapless-rooms/gapless/pkg/clock"
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
		{"**", "u", "x", true},
		{"user.{sub}", "ada", "user.ada", true},
		{"user.{sub}", "ada", "user.bob", false},
		{"user.{sub}", "*", "user.bob", false}, // an id must not widen a pattern
		{"user.{sub}", "*", "user.*", true},
		{"{sub}-{sub}", "a", "a-a", true},
		{"", "u", "", true},
	}
	for _, test := range tests {
		if got := match(expand(test.pattern, test.user), test.room); got != test.want {
			t.Errorf("pattern %q for %q on %q: %v", test.pattern, test.user, test.room, got)
		}
	}
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
