package memory

import (
	"context"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/revocation"
)

var _ revocation.Store = (*Revocations)(nil)

// Revocations keeps revocations. Its zero value is empty. It is safe for
// concurrent use.
type Revocations struct {
	mu  sync.Mutex
	all map[[2]string]time.Time
}

// Revoke adds a revocation.
func (s *Revocations) Revoke(ctx context.Context, r revocation.Revocation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[[2]string]time.Time{}
	}
	if who := [2]string{r.User, r.Session}; s.all[who].Before(r.At) {
		s.all[who] = r.At.Truncate(time.Millisecond)
	}
	return ctx.Err()
}

// Revocations returns those of a shard since a time.
func (s *Revocations) Revocations(ctx context.Context, shard int, since time.Time) (revocation.List, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list revocation.List
	for who, at := range s.all {
		if revocation.Shard(who[0]) == shard && !at.Before(since) {
			list = append(list, revocation.Revocation{User: who[0], Session: who[1], At: at})
		}
	}
	return list, ctx.Err()
}
