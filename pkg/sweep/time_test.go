package sweep_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/sweep"
)

// hanging is a Gateway that never answers for some connections.
type hanging struct{ connection.Gateway }

func (g hanging) Status(ctx context.Context, id string) (connection.Status, error) {
	if strings.HasPrefix(id, "hangs") {
		<-ctx.Done()
		return connection.Status{}, ctx.Err()
	}
	return g.Gateway.Status(ctx, id)
}

// More connections hang than are checked concurrently.
func TestCallsThatHangDoNotStopASweep(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		for i := range 64 {
			w.add(t, fmt.Sprintf("hangs-%02d", i), nil)
		}
		w.add(t, "sound", nil)
		w.active["sound"] = time.Now()
		s := w.sweeper(sweep.Config{MaxConnections: -1})
		s.Gateway = hanging{w}
		s = sweep.New(s.Parts, sweep.Config{MaxConnections: -1})
		began := time.Now()
		ctx, cancel := context.WithDeadline(t.Context(), began.Add(time.Minute))
		defer cancel()
		report, err := s.Sweep(ctx)
		if err != nil || report.Checked != 65 || report.Unfinished || time.Since(began) > 10*time.Second {
			t.Errorf("%+v after %v, %v", report, time.Since(began), err)
		}
		if c, err := w.Get(t.Context(), "sound"); err != nil || !c.CheckAt.After(time.Now()) {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

// long has partitions that take long to read.
type long struct {
	connection.Store
	mu   sync.Mutex
	read map[int]bool
}

func (s *long) Partitions() int { return 16 }

func (s *long) Due(ctx context.Context, p connection.DueParams) ([]connection.Connection, string, error) {
	if err := clock.Sleep(ctx, clock.System(), 26*time.Second); err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read[p.Partition] = true
	return nil, "", nil
}

// Sweeps do not all begin at the same partition.
func TestSweepsThatRunOutOfTimeReachAllInTheEnd(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		store := &long{Store: w.Connections, read: map[int]bool{}}
		parts := w.sweeper(sweep.Config{}).Parts
		parts.Connections = store
		s := sweep.New(parts, sweep.Config{})
		for range 16 {
			ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(30*time.Second))
			if report, err := s.Sweep(ctx); err != nil || !report.Unfinished {
				t.Errorf("%+v, %v", report, err)
			}
			cancel()
			time.Sleep(time.Minute - 26*time.Second)
		}
		if len(store.read) != 16 {
			t.Errorf("%d of 16 partitions were read", len(store.read))
		}
	})
}
