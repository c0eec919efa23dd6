package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// crowd counts the connections of each user as a sweep passes them. It costs no
// read of its own: DynamoDB counts what it filters out as well. It is safe for
// concurrent use.
type crowd struct {
	mu     sync.Mutex
	byUser map[string][]standing
}

type standing struct {
	id          string
	connectedAt time.Time
}

// add counts a connection that is somebody's and is to stay.
func (w *crowd) add(c connection.Connection) {
	if !c.Authenticated() || c.Closing || c.Sentence != 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byUser == nil {
		w.byUser = map[string][]standing{}
	}
	w.byUser[c.Identity.User] = append(w.byUser[c.Identity.User], standing{c.ID, c.ConnectedAt})
}

// excess returns the ids of the connections beyond so many of each user: the
// newest, since nobody may drive others out by coming.
func (w *crowd) excess(limit int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for _, all := range w.byUser {
		if len(all) <= limit {
			continue
		}
		slices.SortFunc(all, func(a, b standing) int {
			return cmp.Or(a.connectedAt.Compare(b.connectedAt), cmp.Compare(a.id, b.id))
		})
		for _, s := range all[limit:] {
			ids = append(ids, s.id)
		}
	}
	return ids
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
