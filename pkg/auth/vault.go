package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// Vault stores and rotates a shared secret. It is safe for concurrent use.
type Vault interface {
	// Secret reads the current secret.
	Secret(ctx context.Context) (Versions, error)
}

// Versions are a secret and its value before its last rotation.
type Versions struct {
	Current  string
	Previous string    // empty if there is none
	Rotated  time.Time // when Current was made
}

// StoredSecret verifies JWTs with HS256 and a secret from a Vault. It reads the
// secret when the first token comes, when its copy is ten minutes old, and when a
// token may be signed with a newer secret, at most every ten seconds. So a secret
// can be rotated without a deployment. If the Vault cannot be read for an hour,
// nobody gets in. It is safe for concurrent use.
type StoredSecret struct {
	secret cached[Versions]
	rules  Rules
}

// NewStoredSecret returns a verifier, which has not read anything yet.
func NewStoredSecret(v Vault, r Rules, c clock.Clock) *StoredSecret {
	fetch := func(ctx context.Context) (Versions, error) {
		versions, err := v.Secret(ctx)
		if err != nil {
			return Versions{}, fmt.Errorf("read shared secret: %w", err)
		}
		if len(versions.Current) < MinSecretBytes {
			return Versions{}, fmt.Errorf("shared secret has %d bytes, needs at least %d", len(versions.Current), MinSecretBytes)
		}
		return versions, nil
	}
	return &StoredSecret{cached[Versions]{fetch: fetch, clock: c}, r.WithDefaults()}
}

// Verify returns the identity of a token, or ErrInvalid, ErrExpired or
// ErrUnavailable.
func (s *StoredSecret) Verify(ctx context.Context, token string) (Identity, error) {
	t, err := decodeHS256(token)
	if err != nil {
		return Identity{}, err
	}
	began := s.secret.clock.Now()
	signed, at := s.signed(t)
	age := began.Sub(at)
	if age >= keysFresh || !signed && s.younger(t, at) {
		err = s.secret.refresh(ctx, signed && age < keysUsable)
		signed, at = s.signed(t)
		age = s.secret.clock.Now().Sub(at)
	}
	switch {
	case age >= keysUsable, !signed && at.Before(began) && s.younger(t, at):
		if err == nil {
			err = errHeldBack
		}
		return Identity{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !signed:
		return Identity{}, invalid("wrong signature")
	}
	return s.rules.identity(t.claims, "", s.secret.clock.Now())
}

// signed reports whether the secret has signed t, and when the secret was read.
// The previous version is valid for as long as a token that it has signed may
// live.
func (s *StoredSecret) signed(t signed) (bool, time.Time) {
	v, at := s.secret.look()
	if len(v.Current) >= MinSecretBytes && signedHS256(t, v.Current) {
		return true, at
	}
	usable := s.secret.clock.Now().Before(v.Rotated.Add(s.rules.MaxLifetime))
	return usable && len(v.Previous) >= MinSecretBytes && signedHS256(t, v.Previous), at
}

// younger reports whether t claims to have been issued after the secret was read,
// so that a newer secret may have signed it. The claim may be false: that costs
// us one read in ten seconds.
func (s *StoredSecret) younger(t signed, at time.Time) bool {
	issued, err := t.claims.date("iat")
	return err == nil && issued.Add(s.rules.Leeway).After(at)
}

// decodeHS256 parses a token that must be signed with HS256. The token's
// algorithm is only compared with ours, never used.
func decodeHS256(token string) (signed, error) {
	t, err := decode(token)
	if err == nil && t.header.Alg != jwt.SigningMethodHS256.Alg() {
		err = invalid("alg is not HS256")
	}
	return t, err
}

func signedHS256(t signed, secret string) bool {
	return jwt.SigningMethodHS256.Verify(t.input, t.signature, []byte(secret)) == nil
}
