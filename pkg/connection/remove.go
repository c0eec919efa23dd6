package connection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// joinBound is longer than any join can take: a route's function is stopped after
// 29 s at the latest
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html), and
// 30 s are left for clocks that disagree.
const joinBound = time.Minute

// removeTries limits how often a removal starts again because a join came in
// between. If that does not help, the connection waits for the next sweep, so
// that it does not keep this sweep from the others.
const removeTries = 5

// errUnsettled is returned when every try met another join.
var errUnsettled = errors.New("its latest join keeps changing, or cannot be read")

// removeWidth limits how many memberships are deleted concurrently.
const removeWidth = 8

// Members is the part of room.Store that a Remover needs.
type Members interface {
	// Delete ends a membership, if there is one.
	Delete(ctx context.Context, room, connectionID string) error
}

// Remover deletes connections. Nothing else does. It has two callers: the
// $disconnect function, and the sweeper, after a second strike or after it closed
// the connection itself.
type Remover struct {
	store   Store
	members Members
	clock   clock.Clock
}

// NewRemover returns a Remover.
func NewRemover(store Store, members Members, c clock.Clock) *Remover {
	return &Remover{store, members, c}
}

// Remove deletes all memberships of a connection and then the connection, which
// it returns. It returns ErrNotFound if there is none.
//
// A concurrent join could write its membership after the deletes. So while a join
// may be in progress, Remove only marks the connection as closing, and the
// sweeper comes back when every join must have ended. After a crash at any point,
// the connection's item, with its list of rooms, is left to the sweeper.
func (r *Remover) Remove(ctx context.Context, id string) (Connection, error) {
	for range removeTries {
		// The time must be from before the first delete: the deletes find what a
		// join wrote that was over by then. They may take long, and a join may
		// end meanwhile.
		began := r.clock.Now()
		c, err := r.store.Get(ctx, id)
		if err != nil {
			return Connection{}, fmt.Errorf("remove connection: %w", err)
		}
		if err := r.deleteMemberships(ctx, c); err != nil {
			return Connection{}, err
		}
		if c.Joining(began) {
			if err := r.store.MarkClosing(ctx, id, r.clock.Now().Add(joinBound)); err != nil && !errors.Is(err, ErrNotFound) {
				return Connection{}, fmt.Errorf("mark connection as closing: %w", err)
			}
			return c, nil
		}
		deleted, err := r.store.Delete(ctx, id, c.JoinedAt)
		if err != nil {
			return Connection{}, fmt.Errorf("delete connection: %w", err)
		}
		if deleted {
			return c, nil
		}
	}
	return Connection{}, fmt.Errorf("delete connection: %w", errUnsettled)
}

func (r *Remover) deleteMemberships(ctx context.Context, c Connection) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(removeWidth)
	for room := range c.Rooms {
		group.Go(func() error { return r.members.Delete(ctx, room, c.ID) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("delete memberships: %w", err)
	}
	return nil
}
