package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/sweep"
)

// counting counts how often API Gateway is asked about a connection, and fails
// for some.
type counting struct {
	*world
	asked   atomic.Int64
	unknown string // prefix of the ids for which it fails
}

func (g *counting) Status(ctx context.Context, id string) (connection.Status, error) {
	g.asked.Add(1)
	if g.unknown != "" && strings.HasPrefix(id, g.unknown) {
		return connection.Status{}, errors.New("not now")
	}
	return g.world.Status(ctx, id)
}

// crowd adds n connections of a user, each a second younger than the one before,
// none of them due soon.
func (w *world) crowd(t *testing.T, user, name string, n int) {
	t.Helper()
	for i := range n {
		w.add(t, fmt.Sprintf("%s-%03d", name, i), func(c *connection.Connection) {
			c.Identity = auth.Identity{User: user, Issued: time.Now(), Expires: time.Now().Add(time.Hour)}
			c.ConnectedAt = time.Now().Add(time.Duration(i) * time.Second)
			c.CheckAt = time.Now().Add(10 * time.Minute)
		})
	}
}

// counted sweeps and returns how often API Gateway was asked.
func counted(t *testing.T, w *world, unknown string) (sweep.Report, int64) {
	t.Helper()
	g := &counting{world: w, unknown: unknown}
	parts := w.sweeper(sweep.Config{}).Parts
	parts.Gateway = g
	report, err := sweep.New(parts, sweep.Config{}).Sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report, g.asked.Load()
}

// A network fails, and with it 60 connections, without a $disconnect. All
// reconnect.
func TestDeadConnectionsTakeNobodysPlace(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.crowd(t, "fleet", "old", 60)
		time.Sleep(time.Minute + time.Second)
		for i := range 60 {
			w.gone[fmt.Sprintf("old-%03d", i)] = true
		}
		w.crowd(t, "fleet", "new", 60)
		if _, asked := counted(t, w, ""); asked > 32 {
			t.Errorf("20 of the oldest are dead, and %d were asked for", asked)
		}
		if dead := c(t, w, "old-000"); dead.Strikes != 1 || dead.CheckAt.After(time.Now()) {
			t.Errorf("a dead one that was found by the way: %+v", dead)
		}
		time.Sleep(time.Minute)
		run(t, w)
		if w.there(t, "old-000") {
			t.Error("it is there after two sweeps")
		}
		for range 9 {
			time.Sleep(time.Minute)
			for i := range 60 {
				w.active[fmt.Sprintf("new-%03d", i)] = time.Now()
			}
			run(t, w)
		}
		for i := range 60 {
			if !w.there(t, fmt.Sprintf("new-%03d", i)) {
				t.Errorf("new-%03d was ended", i)
			}
		}
		if len(w.closed) > 0 || len(w.posted) > 0 {
			t.Errorf("closed %v, posted %v", w.closed, w.posted)
		}
	})
}

func TestOneWrong410InACrowdEndsNobody(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.crowd(t, "ada", "c", 101)
		w.gone["c-000"] = true
		run(t, w)
		w.gone["c-000"] = false
		time.Sleep(time.Minute)
		run(t, w)
		if one := c(t, w, "c-000"); one.Strikes != 0 {
			t.Errorf("%+v", one)
		}
		// It is alive after all, so the newest is ended.
		if !slices.Equal(w.closed, []string{"c-100"}) {
			t.Errorf("closed %v", w.closed)
		}
	})
}

// A thief opens connections with a token that was revoked or has expired.
func TestWhoMayNotStayTakesNobodysPlace(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.crowd(t, "ada", "revoked", 100)
		if err := w.revocations.Revoke(t.Context(), revocation.Revocation{User: "ada", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		w.crowd(t, "ada", "fresh", 1)
		for i := range 100 {
			w.add(t, fmt.Sprintf("expired-%03d", i), func(c *connection.Connection) {
				c.Identity = auth.Identity{User: "bob", Expires: time.Now()}
			})
		}
		time.Sleep(time.Second)
		w.crowd(t, "bob", "valid", 1)
		if report, asked := counted(t, w, ""); report.Ended != 200 || asked != 0 {
			t.Errorf("%+v, %d were asked for", report, asked)
		}
		if !w.there(t, "fresh-000") || !w.there(t, "valid-000") {
			t.Errorf("a connection that may stay was ended: %v", w.posted)
		}
	})
}

// Without the list, connections that are really revoked could drive others out.
func TestNobodyIsOneTooManyWithoutTheListOfRevocations(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.crowd(t, "ada", "c", 101)
		s := w.sweeper(sweep.Config{})
		s.Revocations = revocation.NewGuard(unreadableList{}, s.Clock, time.Hour, 0)
		if report, err := s.Sweep(t.Context()); err == nil || report.Ended != 0 || report.Checked != 0 {
			t.Errorf("%+v, %v", report, err)
		}
		if report := run(t, w); report.Ended != 1 {
			t.Errorf("%+v", report)
		}
	})
}

type unreadableList struct{ revocation.Store }

func (unreadableList) Revocations(context.Context, int, time.Time) (revocation.List, error) {
	return nil, errors.New("not now")
}

func TestConnectionsOfWhichNothingIsKnownNeitherCountNorEnd(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.crowd(t, "ada", "a", 50)
		time.Sleep(time.Minute)
		w.crowd(t, "ada", "b", 52)
		if report, asked := counted(t, w, "a-"); report.Ended != 0 || asked != 102 {
			t.Errorf("%+v, %d were asked for", report, asked)
		}
		if one := c(t, w, "a-000"); one.Strikes != 0 {
			t.Errorf("%+v", one)
		}
		if report, _ := counted(t, w, "a-00"); report.Ended != 0 {
			t.Errorf("92 are alive, and %+v", report)
		}
		if report, _ := counted(t, w, "a-000"); report.Ended != 1 || !slices.Equal(w.closed, []string{"b-051"}) {
			t.Errorf("101 are alive, and %+v, closed %v", report, w.closed)
		}
	})
}

// For one user, no more connections are asked about than may stay, however many
// there are; for many users, no more than leaves deliveries their rate.
func TestCrowdsAreAskedForInBounds(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		w.crowd(t, "ada", "many", 300)
		if report, asked := counted(t, w, ""); report.Ended != 200 || asked != 100 {
			t.Errorf("%+v, %d were asked for", report, asked)
		}
		for i := range 21 {
			w.crowd(t, fmt.Sprint("user", i), fmt.Sprint("c", i), 101)
		}
		ended, sweeps := int64(0), 0
		for ; ended < 21 && sweeps < 10; sweeps++ {
			report, asked := counted(t, w, "")
			if asked > 2000 || report.Unfinished != (ended+report.Ended < 21) {
				t.Errorf("%+v, %d were asked for", report, asked)
			}
			ended += report.Ended
		}
		if ended != 21 || sweeps != 2 {
			t.Errorf("%d ended in %d sweeps", ended, sweeps)
		}
	})
}
