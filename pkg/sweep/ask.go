package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/hook"
)

// failuresMost is the number of failed hooks after which a sweep stops asking:
// asking again does not help a hook that is down, and one that hangs would use up
// the time.
const failuresMost = 10

// ask lets the application decide for each live connection whether it may stay in
// its rooms. It comes last and uses the time that is left, because hooks may be
// slow and nothing else waits for them. A member stays if its hook fails or does
// not refuse for good: a failure of the application's directory must not empty
// its rooms. Members that were not asked about are asked about when they are due
// again.
func (s *Sweeper) ask(ctx context.Context, t *tally) {
	var group errgroup.Group
	group.SetLimit(s.config.Width)
	for _, c := range t.alive {
		for _, name := range slices.Sorted(maps.Keys(c.Rooms)) {
			group.Go(func() error {
				if s.outOfTime(ctx) || t.failures.Load() >= failuresMost {
					t.unasked.Add(1)
					return nil
				}
				err := s.askOne(ctx, c, name, t)
				if err != nil && !errors.Is(err, connection.ErrNotFound) {
					s.Logger.ErrorContext(ctx, "member stays: the application's hook failed",
						"connectionId", c.ID, "room", name, "error", err)
				}
				return nil
			})
		}
	}
	_ = group.Wait() // one member's error does not affect the others
}

// askOne ends a membership if the application refuses. It asks again with the
// current state before it ends anything: the sweep's read may be older than a
// fresh token or a leave.
func (s *Sweeper) askOne(ctx context.Context, c connection.Connection, name string, t *tally) error {
	if refused, err := s.refused(ctx, c, name, t); !refused {
		return err
	}
	// The time must be from before the read: a join that is taken later is asked
	// about by itself.
	began := s.Clock.Now()
	c, err := s.Connections.Get(ctx, c.ID)
	if err != nil {
		return fmt.Errorf("read connection again: %w", err)
	}
	if c.Closing || !c.In(name) {
		return nil
	}
	if refused, err := s.refused(ctx, c, name, t); !refused {
		return err
	}
	return s.leave(ctx, c, name, began)
}

func (s *Sweeper) refused(ctx context.Context, c connection.Connection, name string, t *tally) (bool, error) {
	err := s.Hooks.AuthorizeJoin(ctx, hook.Reading{
		Caller: hook.Caller{Identity: c.Identity, Session: c.Session, ConnectionID: c.ID},
		Room:   name, Action: auth.Join, Staying: true,
	})
	if hook.Refused(err) {
		return true, nil
	}
	var failed *hook.Failure
	if errors.As(err, &failed) {
		t.failures.Add(1)
		return false, err
	}
	return false, nil // allowed, or refused only for now
}
