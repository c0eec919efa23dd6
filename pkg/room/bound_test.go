package room_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/storetest"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
)

// leave ends the membership that a join of the given time has not written yet, on
// a function whose clock is wrong by skew.
func leave(t *testing.T, rooms *memory.Rooms, at time.Time, skew time.Duration) {
	t.Helper()
	leaver := connection.NewLeaver(memory.NewConnections(), rooms, storetest.Skewed(clock.System(), skew))
	if _, err := leaver.Leave(t.Context(), connection.Connection{ID: "c"}, "r", at); err != nil {
		t.Fatal(err)
	}
}

// join writes the membership of a join taken at the given time.
func join(t *testing.T, rooms *memory.Rooms, at time.Time) error {
	t.Helper()
	return rooms.Put(t.Context(), room.Member{Room: "r", ConnectionID: "c", JoinedAt: at}, at.Add(time.Hour))
}

// tidy deletes the tombstone if it has expired for a function whose clock is
// wrong by skew, as a drain does that reads the members.
func tidy(t *testing.T, rooms *memory.Rooms, skew time.Duration) (expired int) {
	t.Helper()
	now := time.Now().Add(skew)
	roll, err := rooms.Members(t.Context(), "r", 0, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := rooms.DropTombstone(t.Context(), "r", "c", now); err != nil {
		t.Fatal(err)
	}
	return len(roll.Expired)
}

// A join begins as late and takes as long as API Gateway and Lambda allow, 29 s
// each. The clock that deletes the tombstone may be ahead of the clock that wrote
// it, or behind.
func TestMarkForWithin(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-storetest.Apart, 0, storetest.Apart} {
		synctest.Test(t, func(t *testing.T) {
			rooms, at := memory.NewRooms(), time.Now()
			leave(t, rooms, at.Add(time.Millisecond), 0)
			time.Sleep(29*time.Second + 29*time.Second)
			tidy(t, rooms, skew)
			if err := join(t, rooms, at); !errors.Is(err, room.ErrOvertaken) {
				t.Errorf("clocks apart by %v: the join came through: %v", skew, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		rooms, at := memory.NewRooms(), time.Now()
		leave(t, rooms, at, 0)
		time.Sleep(2*time.Minute - time.Millisecond)
		if n := tidy(t, rooms, 0); n != 0 {
			t.Error("the mark has expired before two minutes")
		}
	})
}

// Readers do not pay for a tombstone that no join needs any more.
func TestMarkForOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rooms, at := memory.NewRooms(), time.Now()
		leave(t, rooms, at, 0)
		time.Sleep(2 * time.Minute)
		if n := tidy(t, rooms, 0); n != 1 {
			t.Errorf("%d marks have expired after two minutes", n)
		}
		if err := join(t, rooms, at); err != nil {
			t.Errorf("the mark is still there: %v", err)
		}
	})
}
