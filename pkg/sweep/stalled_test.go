package sweep_test

import (
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

func (w *world) take(t *testing.T, name string) msglog.Head {
	t.Helper()
	head, err := w.log.TakeNumber(t.Context(), msglog.TakeParams{Room: name, FreshEpoch: "e" + name, Now: time.Now(), Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// Lambda may delete an event without a trace: when a member is due, its rooms are
// checked.
func TestRoomWhoseWakeUpVanishedIsWoken(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		// Each room has two members, and its head is read once.
		for _, id := range []string{"x", "y"} {
			w.enter(t, id, "quiet", "waiting", "drained", "fresh")
		}
		w.take(t, "waiting")
		w.take(t, "drained")
		time.Sleep(9*time.Minute - time.Second)
		w.take(t, "fresh")
		now := time.Now()
		lease := msglog.LeaseParams{Room: "drained", Epoch: "edrained", Owner: "o", Now: now, Until: now.Add(15 * time.Second)}
		if _, acquired, err := w.log.AcquireLease(t.Context(), lease); err != nil || !acquired {
			t.Fatal(acquired, err)
		}
		if report := run(t, w); report.Checked != 0 || len(w.wakes) != 0 {
			t.Fatalf("nobody is due: %+v, wakes %+v", report, w.wakes)
		}
		time.Sleep(time.Second)
		w.active["x"], w.active["y"] = time.Now(), time.Now()
		report := run(t, w)
		if len(w.wakes) != 1 || w.wakes[0].Kind != broadcast.KindDrain || w.wakes[0].Room != "waiting" || report.Woken != 1 {
			t.Errorf("report %+v, wakes %+v", report, w.wakes)
		}
	})
}

// A room waits a minute before the sweeper wakes it.
func TestRoomIsWokenWhenItHasWaitedAMinute(t *testing.T) {
	for _, tt := range []struct {
		waited time.Duration
		woken  int
	}{{time.Minute - time.Millisecond, 0}, {time.Minute, 1}} {
		t.Run(tt.waited.String(), func(t *testing.T) {
			inTime(t, func(t *testing.T, w *world) {
				w.enter(t, "x", "r")
				w.take(t, "r")
				time.Sleep(tt.waited)
				if err := w.Check(t.Context(), connection.CheckParams{ID: "x", Next: time.Now()}); err != nil {
					t.Fatal(err)
				}
				if run(t, w); len(w.wakes) != tt.woken {
					t.Errorf("wakes %+v", w.wakes)
				}
			})
		})
	}
}
