package auth

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// fetched checks a token of a known key, a time after the keys were fetched.
func fetched(t *testing.T, after time.Duration, since http.HandlerFunc) (b *bundle, err error) {
	t.Helper()
	b = setup(t)
	if _, err := b.verifier.Verify(t.Context(), b.ec.sign(t, b.claims(nil), nil)); err != nil {
		t.Fatal(err)
	}
	b.breakWith(since)
	b.clock.Advance(after)
	_, err = b.verifier.Verify(t.Context(), b.ec.sign(t, b.claims(nil), nil))
	return b, err
}

func TestKeysFreshWithin(t *testing.T) {
	t.Parallel()
	if b, err := fetched(t, 10*time.Minute-time.Millisecond, nil); err != nil || b.requests() != 1 {
		t.Errorf("%v after %d fetches", err, b.requests())
	}
}

func TestKeysFreshOver(t *testing.T) {
	t.Parallel()
	if b, err := fetched(t, 10*time.Minute, nil); err != nil || b.requests() != 2 {
		t.Errorf("%v after %d fetches", err, b.requests())
	}
}

func TestKeysUsableWithin(t *testing.T) {
	t.Parallel()
	if _, err := fetched(t, time.Hour-time.Millisecond, unavailable); err != nil {
		t.Error(err)
	}
}

// A withdrawn key ends even if the issuer cannot be reached.
func TestKeysUsableOver(t *testing.T) {
	t.Parallel()
	if _, err := fetched(t, time.Hour, unavailable); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// asked shows a token of an unknown key, a time after a fetch.
func asked(t *testing.T, after time.Duration) int {
	t.Helper()
	b, err := fetched(t, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(after)
	_, _ = b.verifier.Verify(t.Context(), newKey(t, "unknown", "ES256").sign(t, b.claims(nil), nil))
	return b.requests()
}

func TestRefetchAfterWithin(t *testing.T) {
	t.Parallel()
	if n := asked(t, 10*time.Second-time.Millisecond); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestRefetchAfterOver(t *testing.T) {
	t.Parallel()
	if n := asked(t, 10*time.Second); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

// retried shows a token again, a time after a failed fetch.
func retried(t *testing.T, after time.Duration) int {
	t.Helper()
	b := setup(t)
	b.breakWith(unavailable)
	for _, wait := range []time.Duration{0, after} {
		b.clock.Advance(wait)
		_, _ = b.verifier.Verify(t.Context(), b.ec.sign(t, b.claims(nil), nil))
	}
	return b.requests()
}

func TestRetryAfterWithin(t *testing.T) {
	t.Parallel()
	if n := retried(t, time.Second-time.Millisecond); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestRetryAfterOver(t *testing.T) {
	t.Parallel()
	if n := retried(t, time.Second); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

// slowly fetches keys from a slow source.
func slowly(t *testing.T, takes time.Duration) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		keys := newKeySet(func(ctx context.Context) (map[keyID]crypto.PublicKey, error) {
			if err := clock.Sleep(ctx, clock.System(), takes); err != nil {
				return nil, err
			}
			return map[keyID]crypto.PublicKey{{}: "key"}, nil
		}, clock.System())
		_, err = keys.key(t.Context(), keyID{})
	})
	return err
}

// The client keeps the rest of its ten seconds.
func TestFetchTimeoutWithin(t *testing.T) {
	t.Parallel()
	if err := slowly(t, 3*time.Second-time.Millisecond); err != nil {
		t.Error(err)
	}
}

func TestFetchTimeoutOver(t *testing.T) {
	t.Parallel()
	if err := slowly(t, 3*time.Second+time.Millisecond); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// dated checks a token whose issuer's clock is ahead, a time after it was
// issued.
func dated(t *testing.T, claims func(now int64) jwt.MapClaims) (Identity, time.Time, error) {
	t.Helper()
	b := setup(t)
	now := b.clock.Now()
	id, err := b.verifier.Verify(t.Context(), b.ec.sign(t, b.claims(claims(now.Unix())), nil))
	return id, now, err
}

// The issuer's clock may be ahead of ours, or behind it.
func TestLeewayWithin(t *testing.T) {
	t.Parallel()
	if _, _, err := dated(t, func(now int64) jwt.MapClaims { return jwt.MapClaims{"iat": now + 5, "nbf": now + 5} }); err != nil {
		t.Errorf("5 s ahead: %v", err)
	}
	id, now, err := dated(t, func(now int64) jwt.MapClaims { return jwt.MapClaims{"iat": now - 60, "exp": float64(now) - 4.999} })
	if err != nil || id.Expired(now) || !id.Expired(now.Add(time.Millisecond)) {
		t.Errorf("5 s behind: %+v, %v", id, err)
	}
}

func TestLeewayOver(t *testing.T) {
	t.Parallel()
	if _, _, err := dated(t, func(now int64) jwt.MapClaims { return jwt.MapClaims{"iat": float64(now) + 5.001} }); !errors.Is(err, ErrInvalid) {
		t.Errorf("more than 5 s ahead: %v", err)
	}
	if _, _, err := dated(t, func(now int64) jwt.MapClaims { return jwt.MapClaims{"nbf": float64(now) + 5.001} }); !errors.Is(err, ErrInvalid) {
		t.Errorf("more than 5 s ahead: %v", err)
	}
	if _, _, err := dated(t, func(now int64) jwt.MapClaims { return jwt.MapClaims{"iat": now - 60, "exp": now - 5} }); !errors.Is(err, ErrExpired) {
		t.Errorf("5 s behind: %v", err)
	}
}

func TestMaxLifetimeWithin(t *testing.T) {
	t.Parallel()
	if _, _, err := dated(t, func(now int64) jwt.MapClaims { return jwt.MapClaims{"iat": now, "exp": now + 7*86400} }); err != nil {
		t.Error(err)
	}
}

// The revocation of such a token would be forgotten too early. A rotated secret
// is valid for as long as a token.
func TestMaxLifetimeOver(t *testing.T) {
	t.Parallel()
	if _, _, err := dated(t, func(now int64) jwt.MapClaims { return jwt.MapClaims{"iat": now, "exp": float64(now) + 7*86400 + 0.001} }); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
	b := setupVault(t)
	b.rotate("two")
	b.want("before any of its tokens has ended", b.verify("one", time.Hour), nil)
	b.clock.Advance(7*24*time.Hour - time.Millisecond)
	b.want("while one may count", b.verify("one", time.Hour), nil)
	b.clock.Advance(time.Millisecond)
	b.want("when none can count", b.verify("one", time.Hour), ErrInvalid)
}

// The end of an identity is exact.
func TestExpiresWithin(t *testing.T) {
	t.Parallel()
	if now := time.Now(); (Identity{Expires: now}).Expired(now.Add(-time.Millisecond)) {
		t.Error("expired before its end")
	}
}

func TestExpiresOver(t *testing.T) {
	t.Parallel()
	if now := time.Now(); !(Identity{Expires: now}).Expired(now) {
		t.Error("not expired at its end")
	}
}
