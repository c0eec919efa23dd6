package connection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// joinBound is longer than any join can take: a route's function is stopped
// after 29 s at the latest
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html),
// and 30 s are left for clocks that disagree.
const joinBound = time.Minute

// removeTries bounds how often a removal begins again because a join came in
// between. What cannot be removed then, or is broken, waits for the next sweep:
// it must not keep this one from all others.
const removeTries = 5

// errUnsettled is returned when all tries have met another join.
var errUnsettled = errors.New("its latest join keeps changing, or cannot be read")

// removeWidth bounds how many memberships are deleted at once.
const removeWidth = 8

// Members is what a removal needs of the rooms.
type Members interface {
	// Delete ends a membership, if there is one.
	Delete(ctx context.Context, room, connectionID string) error
}

// Remover forgets connections. It is the only way in which one is deleted, and
// has two callers: the $disconnect function, and the sweeper after a second
// strike or after it closed the connection itself.
type Remover struct {
	store   Store
	members Members
	clock   clock.Clock
}

// NewRemover returns a Remover.
func NewRemover(store Store, members Members, c clock.Clock) *Remover {
	return &Remover{store, members, c}
}

// Remove deletes all memberships of a connection and then the connection, and
// returns what it was. ErrNotFound if there is nothing to remove.
//
// A join that runs at the same time could write its membership after the
// deletes. So while one may be under way, the connection is only marked as
// closing, and the sweeper comes back when every join must have ended. A crash
// at any point leaves the connection's item, and with it the list of rooms, to
// the sweeper.
func (r *Remover) Remove(ctx context.Context, id string) (Connection, error) {
	for range removeTries {
		// The time before anything is deleted: a join that is over by then has
		// been found. A delete may take long, and a join may end meanwhile.
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
