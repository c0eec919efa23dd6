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

// crowd collects each user's connections while a sweep reads them all. It costs
// no reads of its own, because DynamoDB charges for filtered items as well. It is
// safe for concurrent use.
type crowd struct {
	mu     sync.Mutex
	byUser map[string][]candidate
}

type candidate struct {
	id                   string
	connectedAt, checkAt time.Time
}

// add adds a connection that may stay. Connections that are revoked, expired,
// condemned or closing do not count towards their user's limit.
func (w *crowd) add(c connection.Connection, now time.Time) {
	if !c.Authenticated() || c.Closing || c.Sentence != 0 || c.Expired(now) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byUser == nil {
		w.byUser = map[string][]candidate{}
	}
	w.byUser[c.Identity.User] = append(w.byUser[c.Identity.User], candidate{c.ID, c.ConnectedAt, c.CheckAt})
}

// over returns the connections of each user who has more than limit, oldest
// first. The order of the users is random, so that sweeps that run out of time do
// not always skip the same ones.
func (w *crowd) over(limit int) [][]candidate {
	w.mu.Lock()
	defer w.mu.Unlock()
	var users [][]candidate
	for _, all := range w.byUser {
		if len(all) <= limit {
			continue
		}
		slices.SortFunc(all, func(a, b candidate) int {
			return cmp.Or(a.connectedAt.Compare(b.connectedAt), cmp.Compare(a.id, b.id))
		})
		users = append(users, all)
	}
	return users
}

// asksMost limits how often one sweep asks API Gateway about connections that are
// not due, because their user has too many. These requests use the same account
// rate as deliveries.
const asksMost = 2000

// excess returns the ids of one user's connections beyond the limit: the newest,
// so that nobody can drive others out by connecting. Dead connections do not
// count. excess asks API Gateway, oldest first, until it knows that at most limit
// can be alive or that limit are: limit calls, and one more for each dead
// connection. Dead connections get a strike; those whose state is unknown neither
// count nor end.
func (s *Sweeper) excess(ctx context.Context, all []candidate, t *tally) []string {
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

// count asks API Gateway about connections and returns how many are alive, and
// how many dead.
func (s *Sweeper) count(ctx context.Context, batch []candidate) (alive, dead int) {
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
				s.Logger.WarnContext(ctx, "could not ask about a connection of a user who has too many", "connectionId", one.id, "error", err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		s.Logger.WarnContext(ctx, "could not strike a dead connection, which stays until it is due", "error", err)
	}
	return int(lives.Load()), int(gone.Load())
}

// strike makes a connection that seems to be gone due at the next sweep, because
// one 410 may be wrong. If this sweep has already checked the connection, that
// check decides.
func (s *Sweeper) strike(ctx context.Context, one candidate) error {
	err := s.Connections.Check(ctx, connection.CheckParams{ID: one.id, Seen: one.checkAt, Strikes: 1, Next: s.Clock.Now()})
	if errors.Is(err, connection.ErrNotFound) {
		return nil
	}
	return err
}

// dismiss ends a connection beyond the limit. It condemns the connection first,
// so that no further commands are accepted even if this sweep fails.
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
