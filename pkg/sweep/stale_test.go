package sweep_test

import (
	"context"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/sweep"
)

// stale returns due connections as they were a while ago.
type stale struct {
	connection.Store
	due []connection.Connection
}

func (s stale) Due(_ context.Context, p connection.DueParams) ([]connection.Connection, string, error) {
	if p.Partition != 0 {
		return nil, "", nil
	}
	return s.due, "", nil
}

func TestStaleReadEndsNobody(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.add(t, "renewed", func(c *connection.Connection) { c.Identity.Expires = time.Now().Add(time.Minute) })
		w.add(t, "cleared", func(c *connection.Connection) { c.Strikes = 1 })
		w.gone["cleared"] = true // wrong, and the first after the last good check
		sweeper := w.sweeper(sweep.Config{})
		old := stale{Store: w.Connections}
		for _, id := range []string{"renewed", "cleared"} {
			c, err := w.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			old.due = append(old.due, c)
		}
		sweeper.Connections = old

		time.Sleep(2 * time.Minute)
		_, err := w.Authenticate(t.Context(), connection.AuthenticateParams{
			ID: "renewed", Identity: auth.Identity{User: "u", Expires: time.Now().Add(time.Hour)},
			Now: time.Now(), CheckAt: time.Now().Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Check(t.Context(), connection.CheckParams{ID: "cleared", Next: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		w.active["renewed"] = time.Now()
		if _, err := sweeper.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"renewed", "cleared"} {
			if !w.there(t, id) {
				t.Errorf("%s was removed", id)
			}
		}
		if len(w.closed) > 0 || len(w.posted) > 0 {
			t.Errorf("closed %v, posted %v", w.closed, w.posted)
		}
	})
}
