package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// MinSecretBytes is the shortest secret that HS256 may be used with: the size
// of its hash output (RFC 7518, section 3.2).
const MinSecretBytes = 32

// leeway is how far the clocks of issuer and verifier may differ.
const leeway = 5 * time.Second

// claims are those that we read; the others are ignored.
type claims struct {
	jwt.RegisteredClaims
	Rooms Permissions `json:"rooms,omitempty"`
}

// SharedSecret verifies and signs JWTs with HS256. It is safe for concurrent
// use.
type SharedSecret struct {
	secret []byte
	clock  clock.Clock
	parser *jwt.Parser
}

// NewSharedSecret returns a verifier for tokens signed with secret, which must
// have at least MinSecretBytes bytes.
func NewSharedSecret(secret string, c clock.Clock) (*SharedSecret, error) {
	if len(secret) < MinSecretBytes {
		return nil, fmt.Errorf("shared secret has %d bytes, needs at least %d", len(secret), MinSecretBytes)
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithTimeFunc(c.Now),
		jwt.WithLeeway(leeway),
		jwt.WithExpirationRequired(),
	)
	return &SharedSecret{[]byte(secret), c, parser}, nil
}

// Verify returns what a token says. ErrInvalid or ErrExpired otherwise.
func (s *SharedSecret) Verify(_ context.Context, token string) (Identity, error) {
	var c claims
	_, err := s.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return s.secret, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired) && errors.Is(err, jwt.ErrTokenInvalidClaims):
		return Identity{}, ErrExpired
	case err != nil:
		return Identity{}, ErrInvalid
	case !protocol.ValidUser(c.Subject):
		return Identity{}, fmt.Errorf("%w: sub must be 1 to %d bytes", ErrInvalid, protocol.MaxUserBytes)
	}
	return Identity{User: c.Subject, Expires: c.ExpiresAt.Time, Permissions: c.Rooms}, nil
}

// Sign issues a token for a user that is valid for the given time.
func (s *SharedSecret) Sign(user string, valid time.Duration, rooms Permissions) (string, error) {
	now := s.clock.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   user,
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(valid)),
		},
		Rooms: rooms,
	})
	signed, err := token.SignedString(s.secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}
