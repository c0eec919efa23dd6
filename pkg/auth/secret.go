package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// MinSecretBytes is the shortest secret allowed for HS256: the size of its hash
// (RFC 7518, section 3.2).
const MinSecretBytes = 32

// SharedSecret verifies and signs JWTs with HS256. It is safe for concurrent
// use.
type SharedSecret struct {
	secret []byte
	clock  clock.Clock
	rules  Rules
}

// NewSharedSecret returns a verifier for tokens signed with secret, which must
// have at least MinSecretBytes bytes, under the default Rules.
func NewSharedSecret(secret string, c clock.Clock) (*SharedSecret, error) {
	if len(secret) < MinSecretBytes {
		return nil, fmt.Errorf("shared secret has %d bytes, needs at least %d", len(secret), MinSecretBytes)
	}
	return &SharedSecret{[]byte(secret), c, Rules{}.WithDefaults()}, nil
}

// WithRules returns a verifier with the same secret and other rules.
func (s *SharedSecret) WithRules(r Rules) *SharedSecret {
	return &SharedSecret{s.secret, s.clock, r.WithDefaults()}
}

// Verify returns the identity of a token, or ErrInvalid or ErrExpired.
func (s *SharedSecret) Verify(_ context.Context, token string) (Identity, error) {
	t, err := decodeHS256(token)
	if err != nil {
		return Identity{}, err
	}
	if !signedHS256(t, string(s.secret)) {
		return Identity{}, invalid("wrong signature")
	}
	return s.rules.identity(t.claims, "", s.clock.Now())
}

// Sign issues a token for a user that is valid for the given time.
func (s *SharedSecret) Sign(user string, valid time.Duration, rooms Permissions) (string, error) {
	now := s.clock.Now()
	c := jwt.MapClaims{
		"sub": user,
		"iat": now.Unix(),
		"exp": now.Add(valid).Unix(),
	}
	if rooms != nil {
		c[s.rules.RoomsClaim] = rooms
	}
	if len(s.rules.Audiences) > 0 {
		c["aud"] = s.rules.Audiences[0]
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(s.secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}
