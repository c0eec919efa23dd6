package ticket_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/storetest"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

// redeemed issues a ticket, waits, and uses it at an office whose clock is wrong
// by skew.
func redeemed(t *testing.T, p ticket.Params, after, skew time.Duration) error {
	t.Helper()
	p.User = "ada"
	office, store := setup(t)
	text, err := office.Issue(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	other := ticket.NewOffice(store, storetest.Skewed(clock.System(), skew), func() string { return "" }, time.Hour)
	_, err = other.Redeem(t.Context(), text, "a=")
	return err
}

// stay returns the identity of a ticket whose office limits the lifetime of
// tokens.
func stay(t *testing.T, lifetime, asked time.Duration) auth.Identity {
	t.Helper()
	store := new(watched)
	office := ticket.NewOffice(store, clock.System(), func() string { return "0123456789abcdef" }, lifetime)
	text, err := office.Issue(t.Context(), ticket.Params{User: "ada", Stay: asked})
	if err != nil {
		t.Fatal(err)
	}
	id, err := office.Redeem(t.Context(), text, "a=")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func TestDefaultValidWithin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		if err := redeemed(t, ticket.Params{}, 30*time.Second-time.Millisecond, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestDefaultValidOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		if err := redeemed(t, ticket.Params{}, 30*time.Second, 0); !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	})
}

func TestMaxValidWithin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		if err := redeemed(t, ticket.Params{Valid: 5 * time.Minute}, 5*time.Minute-time.Millisecond, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestMaxValidOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		office, _ := setup(t)
		if _, err := office.Issue(t.Context(), ticket.Params{User: "ada", Valid: 5*time.Minute + 1}); err == nil {
			t.Error("a ticket that can be used for longer was made")
		}
		if err := redeemed(t, ticket.Params{Valid: 5 * time.Minute}, 5*time.Minute, 0); !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDefaultStayWithin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		if now, stays := time.Now(), stay(t, 24*time.Hour, 0); stays.Expired(now.Add(time.Hour - time.Millisecond)) {
			t.Errorf("%+v has expired within an hour", stays)
		}
	})
}

// A connection does not outlast what a token may.
func TestDefaultStayOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		now := time.Now()
		if stays := stay(t, 24*time.Hour, 0); !stays.Expired(now.Add(time.Hour)) {
			t.Errorf("%+v lasts for more than an hour", stays)
		}
		if stays := stay(t, time.Minute, 0); !stays.Expired(now.Add(time.Minute)) {
			t.Errorf("%+v lasts for longer than a token may", stays)
		}
	})
}

// A stay that was asked for.
func TestLifetimeWithin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		if now, stays := time.Now(), stay(t, 24*time.Hour, 24*time.Hour); stays.Expired(now.Add(24*time.Hour - time.Millisecond)) {
			t.Errorf("%+v", stays)
		}
	})
}

func TestLifetimeOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		office, _ := setup(t)
		if _, err := office.Issue(t.Context(), ticket.Params{User: "ada", Stay: 24*time.Hour + 1}); err == nil {
			t.Error("a stay for longer than revocations are remembered was granted")
		}
	})
}

// A ticket lives longer or shorter by the difference of the clocks that issue and
// redeem it, and no more.
func TestTicketsOfClocksApart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, skew := range []time.Duration{-storetest.Apart, storetest.Apart} {
			life := time.Minute - skew
			if err := redeemed(t, ticket.Params{Valid: time.Minute}, life-time.Millisecond, skew); err != nil {
				t.Errorf("clocks apart by %v: %v", skew, err)
			}
			if err := redeemed(t, ticket.Params{Valid: time.Minute}, life, skew); !errors.Is(err, ticket.ErrInvalid) {
				t.Errorf("clocks apart by %v: got %v", skew, err)
			}
		}
	})
}
