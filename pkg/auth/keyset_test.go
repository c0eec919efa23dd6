package auth

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

func unavailable(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusServiceUnavailable)
}

func TestRotationOfKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	verify := func(key signingKey) error {
		_, err := b.verifier.Verify(t.Context(), key.sign(t, b.claims(nil), nil))
		return err
	}
	if err := verify(b.ec); err != nil {
		t.Fatal(err)
	}
	next := newKey(t, "e2", "ES256")
	b.publish(b.ec, next)
	// Just after a fetch, a token with a new key must wait, and is not called
	// invalid.
	if err := verify(next); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInvalid) {
		t.Errorf("a key of a moment ago: %v", err)
	}
	b.clock.Advance(refetchAfter)
	if err := verify(next); err != nil {
		t.Errorf("a new key: %v", err)
	}
	b.publish(next)
	if err := verify(b.ec); err != nil {
		t.Errorf("a withdrawn key, fresh: %v", err)
	}
	b.clock.Advance(keysFresh)
	if err := verify(b.ec); !errors.Is(err, ErrInvalid) {
		t.Errorf("a withdrawn key, after the next fetch: %v", err)
	}
	if n := b.requests(); n != 3 {
		t.Errorf("%d fetches", n)
	}
}

func TestIssuerThatCannotBeReached(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]http.HandlerFunc{
		"unavailable":  unavailable,
		"no JSON":      func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no key":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"keys twice":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[],"keys":[]}`)) },
		"far too much": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxKeySetBytes+1)) },
		"redirected": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere/.well-known/jwks.json", http.StatusFound)
		},
		"cut off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			verify := func() error {
				_, err := b.verifier.Verify(t.Context(), b.ec.sign(t, b.claims(nil), nil))
				return err
			}
			b.breakWith(broken)
			for range 3 {
				if err := verify(); !errors.Is(err, ErrUnavailable) {
					t.Fatalf("before the first key: %v", err)
				}
			}
			if n := b.requests(); n != 1 {
				t.Errorf("asked %d times in one moment", n)
			}
			b.breakWith(nil)
			b.clock.Advance(retryAfter)
			if err := verify(); err != nil {
				t.Fatalf("reached again: %v", err)
			}
			b.breakWith(broken)
			b.clock.Advance(keysUsable - time.Second)
			if err := verify(); err != nil {
				t.Errorf("old keys: %v", err)
			}
			b.clock.Advance(time.Second)
			if err := verify(); !errors.Is(err, ErrUnavailable) {
				t.Errorf("keys that are too old: %v", err)
			}
		})
	}
}

func TestSlowIssuerTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		v, err := NewIssuers([]Issuer{{URL: "https://a"}}, Rules{Audiences: []string{"x"}}, &http.Client{Transport: hang}, clock.System())
		if err != nil {
			t.Fatal(err)
		}
		token := newKey(t, "k", "ES256").sign(t, map[string]any{"iss": "https://a"}, nil)
		start := time.Now()
		var callers sync.WaitGroup
		for range 8 { // one fetches, the others wait for it
			callers.Go(func() {
				if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrUnavailable) {
					t.Errorf("got %v", err)
				}
			})
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		synctest.Wait()
		if _, err := v.Verify(impatient, token); !errors.Is(err, ErrUnavailable) || time.Since(start) != time.Second {
			t.Errorf("the caller that cannot wait: %v after %v", err, time.Since(start))
		}
		callers.Wait()
		if took := time.Since(start); took != fetchTimeout {
			t.Errorf("took %v", took)
		}
	})
}

// encode makes a JWK set.
func encode(t *testing.T, keys ...map[string]any) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestKeysOfNoUse(t *testing.T) {
	t.Parallel()
	good := newKey(t, "k", "ES256").jwk()
	with := func(name string, value any) map[string]any {
		out := map[string]any{}
		for k, v := range good {
			out[k] = v
		}
		out[name] = value
		return out
	}
	short := func() map[string]any {
		n := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 1024), big.NewInt(1))
		return map[string]any{"kid": "k", "kty": "RSA", "n": b64(n.Bytes()), "e": "AQAB"}
	}
	odd := func(e string) map[string]any {
		return map[string]any{"kid": "k", "kty": "RSA", "n": b64(rsaKey().N.Bytes()), "e": e}
	}
	for name, key := range map[string]map[string]any{
		"for encryption":           with("use", "enc"),
		"only to sign":             with("key_ops", []string{"sign"}),
		"for another algorithm":    with("alg", "ES384"),
		"with an RSA alg":          with("alg", "RS256"),
		"on another curve":         with("crv", "P-384"),
		"a point off the curve":    with("x", b64(make([]byte, 32))),
		"a short coordinate":       with("y", b64(make([]byte, 31))),
		"no base64":                with("x", "!"),
		"a symmetric one":          {"kid": "k", "kty": "oct", "k": b64([]byte(secret)), "alg": "HS256"},
		"an RSA key of 1,024 bits": short(),
		"an RSA exponent of 1":     odd("AQ"),
		"an even RSA exponent":     odd("Ag"),
		"a short Ed25519 key":      {"kid": "k", "kty": "OKP", "crv": "Ed25519", "x": b64(make([]byte, 31))},
	} {
		if keys, err := parseKeys(encode(t, key)); err == nil {
			t.Errorf("%s: taken as %v", name, keys)
		}
	}
	keys, err := parseKeys(encode(t, good, with("use", "enc"), map[string]any{"kty": "new", "odd": 1}))
	if err != nil || len(keys) != 2 {
		t.Errorf("beside others: %v, %v", keys, err)
	}
	if _, ok := keys[keyID{"ES256", "k"}].(*ecdsa.PublicKey); !ok {
		t.Errorf("keys %v", keys)
	}
	if keys, err := parseKeys(encode(t, good, good)); err == nil {
		t.Errorf("two keys of one name: %v", keys)
	}
	two, err := parseKeys(encode(t, good, newKey(t, "l", "ES256").jwk()))
	if err != nil || len(two) != 2 || two[keyID{"ES256", ""}] != nil {
		t.Errorf("a token without a kid may not choose among several keys: %v, %v", two, err)
	}
}

func TestStormOfUnknownKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stranger := newKey(t, "x", "ES256")
	for i := range 500 {
		token := stranger.sign(t, b.claims(nil), map[string]any{"kid": strings.Repeat("x", i+1)})
		if _, err := b.verifier.Verify(t.Context(), token); err == nil {
			t.Fatal("a stranger was let in")
		}
		// Clients with a known key are not delayed.
		if _, err := b.verifier.Verify(t.Context(), b.edwd.sign(t, b.claims(nil), nil)); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(100 * time.Millisecond)
	}
	if n := b.requests(); n > 6 {
		t.Errorf("%d fetches in 50 s", n)
	}
	if _, err := b.verifier.Verify(t.Context(), stranger.sign(t, b.claims(nil), nil)); !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
}
