package connection_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
)

// members records which memberships were deleted, and calls a function meanwhile.
type members struct {
	mu      sync.Mutex
	deleted []string
	during  func()
	err     error
}

func (m *members) Delete(_ context.Context, room, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.during != nil {
		m.during()
	}
	m.deleted = append(m.deleted, room)
	return m.err
}

func put(t *testing.T, s *memory.Connections, c connection.Connection) {
	t.Helper()
	if err := s.Put(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func TestRemoveForgetsAtOnceWhenNoJoinCanBeUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := memory.NewConnections(), &members{}
		put(t, s, connection.Connection{ID: "c", Rooms: map[string]time.Time{"r": {}}, ConnectedAt: time.Now(), JoinedAt: time.Now()})
		time.Sleep(time.Minute)
		if c, err := connection.NewRemover(s, m, clock.System()).Remove(t.Context(), "c"); err != nil || c.ID != "c" {
			t.Fatal(c, err)
		}
		if _, err := s.Get(t.Context(), "c"); !errors.Is(err, connection.ErrNotFound) || !slices.Equal(m.deleted, []string{"r"}) {
			t.Errorf("%v, deleted %v", err, m.deleted)
		}
	})
}

func TestRemoveLeavesTheLastStepWhileAJoinMayBeUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := memory.NewConnections(), &members{}
		put(t, s, connection.Connection{ID: "c", Rooms: map[string]time.Time{"r": {}}, ConnectedAt: time.Now(), JoinedAt: time.Now()})
		remover := connection.NewRemover(s, m, clock.System())
		if _, err := remover.Remove(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		c, err := s.Get(t.Context(), "c")
		if err != nil || !c.Closing || c.CheckAt.Before(time.Now().Add(time.Minute)) {
			t.Fatalf("%+v, %v", c, err)
		}
		// Nobody joins with it any more, and a join that was in progress is
		// found.
		if _, err := s.AddRoom(t.Context(), connection.AddRoomParams{ID: "c", Room: "x", Max: 9, Now: time.Now()}); !errors.Is(err, connection.ErrNotFound) {
			t.Errorf("a closing connection joined: %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := remover.Remove(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), "c"); !errors.Is(err, connection.ErrNotFound) || len(m.deleted) != 2 {
			t.Errorf("%v, deleted %v", err, m.deleted)
		}
	})
}

func TestJoinThatSlipsInDuringRemovalIsNotForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memory.NewConnections()
		put(t, s, connection.Connection{ID: "c", Rooms: map[string]time.Time{"r": {}}, ConnectedAt: time.Now()})
		m := &members{}
		m.during = func() {
			m.during = nil
			if _, err := s.AddRoom(t.Context(), connection.AddRoomParams{ID: "c", Room: "late", Max: 9, Now: time.Now()}); err != nil {
				t.Error(err)
			}
		}
		if _, err := connection.NewRemover(s, m, clock.System()).Remove(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		if c, err := s.Get(t.Context(), "c"); err != nil || !c.Closing || !slices.Contains(m.deleted, "late") {
			t.Errorf("%+v, %v, deleted %v", c, err, m.deleted)
		}
	})
}

// A join ends after its membership was deleted and before the connection is. The
// removal takes so long that by then no join can be in progress.
func TestSlowRemovalDoesNotMissAJoin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := memory.NewConnections(), &members{during: func() { time.Sleep(40 * time.Second) }}
		put(t, s, connection.Connection{ID: "c", Rooms: map[string]time.Time{"r": time.Now()}, ConnectedAt: time.Now(), JoinedAt: time.Now()})
		time.Sleep(25 * time.Second)
		if _, err := connection.NewRemover(s, m, clock.System()).Remove(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		if c, err := s.Get(t.Context(), "c"); err != nil || !c.Closing || !c.In("r") {
			t.Errorf("%+v, %v: what the join has written will not be found", c, err)
		}
	})
}

func TestFailedDeleteKeepsTheListOfRooms(t *testing.T) {
	t.Parallel()
	s, broken := memory.NewConnections(), errors.New("broken")
	put(t, s, connection.Connection{ID: "c", Rooms: map[string]time.Time{"r": {}}, ConnectedAt: time.Now()})
	if _, err := connection.NewRemover(s, &members{err: broken}, clock.System()).Remove(t.Context(), "c"); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if c, err := s.Get(t.Context(), "c"); err != nil || !c.In("r") {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := connection.NewRemover(s, &members{}, clock.System()).Remove(t.Context(), "unknown"); !errors.Is(err, connection.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

// undeletable refuses every deletion, like a connection that changes all the time
// or whose latest join cannot be read.
type undeletable struct{ connection.Store }

func (undeletable) Delete(context.Context, string, time.Time) (bool, error) { return false, nil }

func TestRemoveGivesUpRatherThanTryForEver(t *testing.T) {
	t.Parallel()
	s := memory.NewConnections()
	put(t, s, connection.Connection{ID: "c", ConnectedAt: time.Now()})
	remover := connection.NewRemover(undeletable{s}, &members{}, clock.System())
	if _, err := remover.Remove(t.Context(), "c"); err == nil || errors.Is(err, connection.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
