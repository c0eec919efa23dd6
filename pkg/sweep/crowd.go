package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// crowd collects the connections of each user as a sweep passes them. It costs no
// read of its own: DynamoDB counts what it filters out as well. It is safe for
// concurrent use.
type crowd struct {
	mu     sync.Mutex
	byUser map[string][]standing
}

type standing struct {
	id                   string
	connectedAt, checkAt time.Time
}

// add takes a connection that may stay. One that is revoked, expired, condemned or
// closing takes nobody's place.
func (w *crowd) add(c connection.Connection, now time.Time) {
	if !c.Authenticated() || c.Closing || c.Sentence != 0 || c.Expired(now) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byUser == nil {
		w.byUser = map[string][]standing{}
	}
	w.byUser[c.Identity.User] = append(w.byUser[c.Identity.User], standing{c.ID, c.ConnectedAt, c.CheckAt})
}

// over returns the connections of each user who has more than limit, the oldest
// first. The users come in any order: a sweep that does not reach them all must
// not leave out the same each time.
func (w *crowd) over(limit int) [][]standing {
	w.mu.Lock()
	defer w.mu.Unlock()
	var users [][]standing
	for _, all := range w.byUser {
		if len(all) <= limit {
			continue
		}
		slices.SortFunc(all, func(a, b standing) int {
			return cmp.Or(a.connectedAt.Compare(b.connectedAt), cmp.Compare(a.id, b.id))
		})
		users = append(users, all)
	}
	return users
}

// asksMost bounds how often one sweep asks API Gateway for connections that are not
// due, because their user has too many: they count against the account's requests a
// second, as deliveries do.
const asksMost = 2000

// excess returns the ids of the connections that one user has beyond the limit: the
// newest, because nobody may drive others out by coming. Those that are dead do not
// count. So API Gateway is asked, from the oldest on, until it is known that no
// more than the limit can be alive, or that so many are: limit calls, and one for
// each that is dead. The dead get a strike; those of which nothing could be learned
// neither count nor end.
func (s *Sweeper) excess(ctx context.Context, all []standing, t *tally) []string {
	limit, alive, most, asked := s.config.MaxConnections, 0, len(all), 0
	for most > limit && alive < limit && asked < len(all) {
		batch := all[asked:min(asked+s.config.Width, asked+limit-alive, len(all))]
		if s.outOfTime(ctx) || t.asks.Add(int64(len(batch))) > asksMost {
			t.unfinished.Store(true)
			return nil
		}
		lives, dead := s.count(ctx, batch)
		alive, most, asked = alive+lives, most-dead, asked+len(batch)
	}
	var ids []string
	if alive == limit {
		for _, one := range all[asked:] {
			ids = append(ids, one.id)
		}
	}
	return ids
}

// count asks API Gateway for connections and tells how many are alive, and how many
// dead.
func (s *Sweeper) count(ctx context.Context, batch []standing) (alive, dead int) {
	var lives, gone atomic.Int64
	var group errgroup.Group
	group.SetLimit(s.config.Width)
	for _, one := range batch {
		group.Go(func() error {
			switch _, err := s.Gateway.Status(ctx, one.id); {
			case err == nil:
				lives.Add(1)
			case errors.Is(err, connection.ErrGone):
				gone.Add(1)
				return s.strike(ctx, one)
			default:
				s.Logger.WarnContext(ctx, "connection of a user who has too many could not be asked for", "connectionId", one.id, "error", err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		s.Logger.WarnContext(ctx, "dead connection left until it is due", "error", err)
	}
	return int(lives.Load()), int(gone.Load())
}

// strike makes a connection that seems to be gone due at the next sweep: one 410
// may be wrong. A look of this very sweep that comes first decides.
func (s *Sweeper) strike(ctx context.Context, one standing) error {
	err := s.Connections.Check(ctx, connection.CheckParams{ID: one.id, Seen: one.checkAt, Strikes: 1, Next: s.Clock.Now()})
	if errors.Is(err, connection.ErrNotFound) {
		return nil
	}
	return err
}

// dismiss ends a connection that is one too many. It is condemned first: from
// then on it gives no commands, whatever becomes of this sweep.
func (s *Sweeper) dismiss(ctx context.Context, id string, t *tally) {
	err := s.Connections.Condemn(ctx, id, protocol.CloseTooMany.Code, s.Clock.Now())
	if errors.Is(err, connection.ErrNotFound) {
		return
	}
	if err != nil {
		s.Logger.ErrorContext(ctx, "connection left for the next sweep", "connectionId", id,
			"error", fmt.Errorf("condemn one too many: %w", err))
		return
	}
	s.visit(ctx, connection.Connection{ID: id, Sentence: protocol.CloseTooMany.Code}, t)
}
