package revocation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/storetest"
)

// learned reports whether a guard knows of a revocation a time after it has read
// the list.
func learned(t *testing.T, after time.Duration) (known bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := new(counting)
		guard := revocation.NewGuard(store, clock.System(), time.Hour, 0)
		issued := time.Now()
		if _, err := guard.Revoked(t.Context(), "ada", "", issued); err != nil {
			t.Fatal(err)
		}
		if err := store.Revoke(t.Context(), revocation.Revocation{User: "ada", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		var err error
		if known, err = guard.Revoked(t.Context(), "ada", "", issued); err != nil {
			t.Fatal(err)
		}
	})
	return known
}

// No message pays for a read of its own.
func TestEveryWithin(t *testing.T) {
	t.Parallel()
	if learned(t, 3*time.Second-time.Millisecond) {
		t.Error("the list was read again before it was three seconds old")
	}
}

func TestEveryOver(t *testing.T) {
	t.Parallel()
	if !learned(t, 3*time.Second) {
		t.Error("a command was judged by a list of three seconds")
	}
}

// lifetime is the default of tokens.
var lifetime = config.Lifetime{MaxLifetime: 7 * 24 * time.Hour, Leeway: 5 * time.Second}

// A revocation is remembered for as long as any token lives that it revokes: the
// issuer's clock may be ahead, the leeway extends the token, and the clock that
// checks it may be wrong.
func TestMemoryWithin(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-storetest.Apart, 0, storetest.Apart} {
		synctest.Test(t, func(t *testing.T) {
			seen := storetest.Skewed(clock.System(), skew)
			store := new(counting)
			guard := revocation.NewGuard(store, seen, lifetime.Memory(), lifetime.Leeway)
			at := seen.Now()
			if err := store.Revoke(t.Context(), revocation.Revocation{User: "ada", At: at}); err != nil {
				t.Fatal(err)
			}
			issuer, err := auth.NewSharedSecret("a secret of at least thirty-two bytes", storetest.Skewed(seen, lifetime.Leeway))
			if err != nil {
				t.Fatal(err)
			}
			token, err := issuer.Sign("ada", lifetime.MaxLifetime, nil)
			if err != nil {
				t.Fatal(err)
			}
			verifier, err := auth.NewSharedSecret("a secret of at least thirty-two bytes", seen)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(lifetime.Memory() - time.Second)
			id, err := verifier.Verify(t.Context(), token)
			if err != nil {
				t.Fatalf("the test needs a token that lives: %v", err)
			}
			if revoked, err := guard.Revoked(t.Context(), id.User, "", id.Issued); !revoked || err != nil {
				t.Errorf("clocks apart by %v: a token that was taken back lives again: %v", skew, err)
			}
			time.Sleep(time.Second)
			if _, err := verifier.Verify(t.Context(), token); err == nil {
				t.Error("the token outlives the memory")
			}
		})
	}
}

func TestMemoryOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(counting)
		guard := revocation.NewGuard(store, clock.System(), lifetime.Memory(), lifetime.Leeway)
		at := time.Now()
		if err := store.Revoke(t.Context(), revocation.Revocation{User: "ada", At: at}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7*24*time.Hour + 10*time.Second)
		if list, err := guard.Read(t.Context()); len(list) != 1 || err != nil {
			t.Errorf("at its end: %v, %v", list, err)
		}
		time.Sleep(time.Millisecond)
		if list, err := guard.Read(t.Context()); len(list) != 0 || err != nil {
			t.Errorf("after its end: %v, %v", list, err)
		}
	})
}

// The issuer's clock may be ahead of the clock that revokes.
func TestLeewayWithin(t *testing.T) {
	t.Parallel()
	if !takenBack(t, 5*time.Second) {
		t.Error("a token that was dated 5 s ahead outlives its revocation")
	}
}

func TestLeewayOver(t *testing.T) {
	t.Parallel()
	if takenBack(t, 5*time.Second+time.Millisecond) {
		t.Error("a token that was made later is taken back")
	}
}

func takenBack(t *testing.T, ahead time.Duration) (revoked bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := new(counting)
		guard := revocation.NewGuard(store, clock.System(), lifetime.Memory(), lifetime.Leeway)
		at := time.Now()
		if err := store.Revoke(t.Context(), revocation.Revocation{User: "ada", At: at}); err != nil {
			t.Fatal(err)
		}
		var err error
		if revoked, err = guard.Revoked(t.Context(), "ada", "", at.Add(ahead)); err != nil {
			t.Fatal(err)
		}
	})
	return revoked
}
