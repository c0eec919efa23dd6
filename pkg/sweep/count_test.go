package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/sweep"
)

// unreadable fails to read one partition.
type unreadable struct{ connection.Store }

func (u unreadable) Due(ctx context.Context, p connection.DueParams) ([]connection.Connection, string, error) {
	if p.Partition == 3 {
		return nil, "", errors.New("not now")
	}
	return u.Store.Due(ctx, p)
}

func TestOpenConnectionsAreCounted(t *testing.T) {
	inTime(t, func(t *testing.T, w *world) {
		for i := range 30 {
			w.add(t, fmt.Sprint("c", i), func(c *connection.Connection) {
				c.CheckAt = time.Now().Add(time.Hour)
				c.Closing = i == 7 // its socket is closed, and its item waits for removal
			})
		}
		if report := run(t, w); report.Open != 29 || !report.Counted {
			t.Errorf("%+v", report)
		}
		s := w.sweeper(sweep.Config{})
		s.Connections = unreadable{w.Connections}
		if report, err := s.Sweep(t.Context()); err == nil || report.Counted {
			t.Errorf("a partition cannot be read, yet all are counted: %+v", report)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // less than the margin
		defer cancel()
		if report, err := w.sweeper(sweep.Config{}).Sweep(ctx); err != nil || report.Counted {
			t.Errorf("there was no time, yet all are counted: %+v, %v", report, err)
		}
	})
}
