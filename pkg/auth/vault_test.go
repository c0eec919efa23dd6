package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// vault is a Vault that counts reads and can be made to fail.
type vault struct {
	mu       sync.Mutex
	versions Versions
	err      error
	asked    int
}

func (v *vault) Secret(context.Context) (Versions, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	return v.versions, v.err
}

func (v *vault) change(f func(*vault)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f(v)
}

// vaultBundle is a verifier and a vault.
type vaultBundle struct {
	*vault
	t        *testing.T
	clock    *frozen
	verifier *StoredSecret
}

func setupVault(t *testing.T) *vaultBundle {
	t.Helper()
	b := &vaultBundle{vault: &vault{versions: Versions{Current: secretOf("one")}}, t: t, clock: newFrozen()}
	b.verifier = NewStoredSecret(b.vault, Rules{}, b.clock)
	return b
}

// secretOf returns a secret with a name, of the required length.
func secretOf(name string) string { return name + strings.Repeat("-", MinSecretBytes) }

func (b *vaultBundle) rotate(name string) {
	b.change(func(v *vault) {
		v.versions = Versions{Current: secretOf(name), Previous: v.versions.Current, Rotated: b.clock.Now()}
	})
}

// verify checks a token that was issued some time ago.
func (b *vaultBundle) verify(name string, ago time.Duration) error {
	b.t.Helper()
	issued := b.clock.Now().Add(-ago)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "ada", "iat": issued.Unix(), "exp": issued.Add(7 * 24 * time.Hour).Unix(),
	}).SignedString([]byte(secretOf(name)))
	if err != nil {
		b.t.Fatal(err)
	}
	id, err := b.verifier.Verify(b.t.Context(), token)
	if err == nil && id.User != "ada" {
		b.t.Errorf("identity %+v", id)
	}
	return err
}

func (b *vaultBundle) want(when string, err, want error) {
	b.t.Helper()
	if !errors.Is(err, want) || want != nil && errors.Is(err, ErrInvalid) && !errors.Is(want, ErrInvalid) {
		b.t.Errorf("%s: %v, want %v", when, err, want)
	}
}

func TestSecretIsRotatedWithoutADeployment(t *testing.T) {
	t.Parallel()
	b := setupVault(t)
	b.want("the first secret", b.verify("one", 0), nil)
	b.clock.Advance(time.Minute)
	b.rotate("two")
	b.want("signed with the new secret", b.verify("two", 0), nil)
	b.want("signed with the one before", b.verify("one", time.Hour), nil)
	if b.asked != 2 {
		t.Errorf("asked %d times", b.asked)
	}
	// Just after a read, a token of the next secret must wait, and is not called
	// invalid.
	b.clock.Advance(time.Second)
	b.rotate("three")
	b.want("a secret of a moment ago", b.verify("three", 0), ErrUnavailable)
	b.clock.Advance(refetchAfter)
	b.want("a moment later", b.verify("three", 0), nil)
	b.want("rotated away twice", b.verify("one", time.Hour), ErrInvalid)
	// No token that the second secret has signed is valid any more.
	b.clock.Advance(7*24*time.Hour - refetchAfter - time.Second)
	b.want("the previous secret while it may count", b.verify("two", time.Minute), nil)
	b.clock.Advance(time.Second)
	b.want("the previous secret after all its tokens", b.verify("two", time.Minute), ErrInvalid)
}

// A secret that is not used any more ends without a token that makes us read.
func TestOldSecretEndsByItself(t *testing.T) {
	t.Parallel()
	b := setupVault(t)
	b.want("at first", b.verify("one", time.Hour), nil)
	b.rotate("two")
	b.rotate("three")
	b.clock.Advance(keysFresh - time.Second)
	b.want("while it is fresh", b.verify("one", time.Hour), nil)
	b.clock.Advance(time.Second)
	b.want("afterwards", b.verify("one", time.Hour), ErrInvalid)
}

func TestStormOfForgedTokens(t *testing.T) {
	t.Parallel()
	b := setupVault(t)
	b.want("a good one", b.verify("one", time.Hour), nil)
	b.clock.Advance(time.Minute)
	for range 1000 {
		b.want("forged, dated back", b.verify("mallory", time.Hour), ErrInvalid)
	}
	b.want("forged, dated now", b.verify("mallory", 0), ErrInvalid)
	for range 1000 {
		b.clock.Advance(time.Millisecond)
		b.want("forged, dated ahead", b.verify("mallory", -time.Second), ErrUnavailable)
		b.want("a good one meanwhile", b.verify("one", time.Hour), nil)
	}
	if b.asked != 2 {
		t.Errorf("asked %d times", b.asked)
	}
}

func TestVaultThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(*vault){
		"failing": func(v *vault) { v.err = errors.New("broken") },
		"a secret too short": func(v *vault) {
			v.versions = Versions{Current: "short", Previous: secretOf("one"), Rotated: time.Now()}
		},
		"empty": func(v *vault) { v.versions = Versions{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupVault(t)
			b.change(broken)
			for range 3 {
				b.want("before the first read", b.verify("one", time.Hour), ErrUnavailable)
			}
			if b.asked != 1 {
				t.Errorf("asked %d times in one moment", b.asked)
			}
			b.change(func(v *vault) { v.versions, v.err = Versions{Current: secretOf("one")}, nil })
			b.clock.Advance(retryAfter)
			b.want("read again", b.verify("one", time.Hour), nil)
			b.change(broken)
			b.clock.Advance(keysUsable - time.Second)
			b.want("an old secret", b.verify("one", 2*time.Hour), nil)
			b.clock.Advance(time.Second)
			b.want("a secret that is too old", b.verify("one", 2*time.Hour), ErrUnavailable)
		})
	}
}

// hanging is a Vault that never answers.
type hanging struct{}

func (hanging) Secret(ctx context.Context) (Versions, error) {
	<-ctx.Done()
	return Versions{}, ctx.Err()
}

func TestSlowVaultTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared, err := NewSharedSecret(secret, clock.System())
		if err != nil {
			t.Fatal(err)
		}
		token, err := shared.Sign("ada", time.Hour, nil)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		v := NewStoredSecret(hanging{}, Rules{}, clock.System())
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrUnavailable) || time.Since(start) != fetchTimeout {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// Tokens that are refused before their signature is checked cost no read.
func TestTokensThatCostNoRead(t *testing.T) {
	t.Parallel()
	b := setupVault(t)
	for _, token := range []string{"", "a.b.c", "e30.e30.", strings.Repeat("x", 1<<20)} {
		if _, err := b.verifier.Verify(t.Context(), token); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.9q: %v", token, err)
		}
	}
	if b.asked != 0 {
		t.Errorf("asked %d times", b.asked)
	}
}
