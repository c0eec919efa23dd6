package memory

import (
	"context"
	"sync"

	"github.com/gapless-rooms/gapless/pkg/limit"
)

var _ limit.Store = (*Limits)(nil)

// Limits keeps counts. The zero value has none. It is safe for concurrent use.
type Limits struct {
	mu  sync.Mutex
	sum map[window]int
}

type window struct {
	key   string
	start int64
}

// Add adds to a count.
func (s *Limits) Add(ctx context.Context, p limit.AddParams) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sum == nil {
		s.sum = map[window]int{}
	}
	w := window{p.Key, p.Start.UnixMilli()}
	s.sum[w] += p.N
	return s.sum[w], nil
}
