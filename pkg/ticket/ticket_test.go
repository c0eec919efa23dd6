package ticket_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

// watched records the tickets that were stored.
type watched struct {
	memory.Tickets
	put []ticket.Ticket
	err error
}

func (w *watched) Put(ctx context.Context, t ticket.Ticket) error {
	w.put = append(w.put, t)
	return errors.Join(w.err, w.Tickets.Put(ctx, t))
}

func setup(t *testing.T) (*ticket.Office, *watched) {
	t.Helper()
	n, store := 0, new(watched)
	return ticket.NewOffice(store, clock.System(), func() string { n++; return strings.Repeat(strconv.Itoa(n%10), 16) }, 24*time.Hour), store
}

func TestTicketWorksOnceWithinSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		office, store := setup(t)
		issue := func(p ticket.Params) string {
			t.Helper()
			text, err := office.Issue(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		text := issue(ticket.Params{User: "ada", Rooms: auth.Permissions{"a": {auth.Join}}})
		if !strings.HasPrefix(text, ticket.Prefix) || len(text) != 36 {
			t.Errorf("ticket %q", text)
		}
		if put := store.put[0]; strings.Contains(put.Digest, text[4:]) || put.Digest == "" {
			t.Errorf("the ticket itself is kept: %+v", put)
		}
		id, err := office.Redeem(t.Context(), text, "a=")
		if err != nil || id.User != "ada" || !slices.Equal(id.Permissions["a"], []auth.Action{auth.Join}) ||
			!id.Issued.Equal(time.Now()) || !id.Expires.Equal(time.Now().Add(ticket.DefaultStay)) {
			t.Errorf("%+v, %v", id, err)
		}
		late := issue(ticket.Params{User: "ada"})
		long := issue(ticket.Params{User: "ada", Valid: ticket.MaxValid, Stay: 24 * time.Hour})
		time.Sleep(ticket.DefaultValid)
		for name, bad := range map[string]string{
			"used": text, "expired": late, "never made": ticket.Prefix + strings.Repeat("x", 32), "empty": "", "without prefix": long[4:],
			"longer": long + "1", "other case": strings.ToUpper(long), "huge": ticket.Prefix + strings.Repeat("1", 1<<20),
		} {
			if _, err := office.Redeem(t.Context(), bad, "b="); !errors.Is(err, ticket.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if id, err := office.Redeem(t.Context(), long, "b="); err != nil || !id.Expires.Equal(id.Issued.Add(24*time.Hour)) {
			t.Errorf("longer: %+v, %v", id, err)
		}
	})
}

func TestTicketsThatAreNotMade(t *testing.T) {
	t.Parallel()
	office, store := setup(t)
	for name, p := range map[string]ticket.Params{
		"no user":            {},
		"user with a break":  {User: "ada\nroot"},
		"valid for too long": {User: "ada", Valid: ticket.MaxValid + 1},
		"valid for less":     {User: "ada", Valid: -1},
		"stay too long":      {User: "ada", Stay: 24*time.Hour + 1},
		"negative stay":      {User: "ada", Stay: -1},
	} {
		if text, err := office.Issue(t.Context(), p); err == nil || text != "" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if len(store.put) != 0 {
		t.Errorf("kept %v", store.put)
	}
	store.err = errors.New("broken")
	if text, err := office.Issue(t.Context(), ticket.Params{User: "ada"}); !errors.Is(err, store.err) || text != "" {
		t.Errorf("%q, %v", text, err)
	}
}
