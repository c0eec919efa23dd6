package memory

import (
	"context"
	"sync"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

var _ ticket.Store = (*Tickets)(nil)

// Tickets keeps tickets. Its zero value is empty. It is safe for concurrent use.
type Tickets struct {
	mu    sync.Mutex
	all   map[string]ticket.Ticket // key: digest
	taken map[string]string        // connection that used it, by digest
}

// Put stores a ticket.
func (s *Tickets) Put(ctx context.Context, t ticket.Ticket) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all, s.taken = map[string]ticket.Ticket{}, map[string]string{}
	}
	t.Identity = identity(t.Identity)
	t.Identity.Issued, t.Identity.Expires, t.Expires = stored(t.Identity.Issued), stored(t.Identity.Expires), stored(t.Expires)
	if _, kept := s.all[t.Digest]; !kept {
		s.all[t.Digest] = t
	}
	return ctx.Err()
}

// Take uses a ticket.
func (s *Tickets) Take(ctx context.Context, p ticket.TakeParams) (auth.Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.all[p.Digest]
	by, taken := s.taken[p.Digest]
	if !ok || !stored(p.Now).Before(t.Expires) || taken && by != p.ConnectionID {
		return auth.Identity{}, ticket.ErrInvalid
	}
	s.taken[p.Digest] = p.ConnectionID
	return identity(t.Identity), ctx.Err()
}
