package service

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"

	"github.com/gapless-rooms/gapless/localdev/clock"
)

// Region and AccountID go into ARNs where a Config names no others.
const (
	Region    = "us-east-1"
	AccountID = "000000000000"
)

// Default sets what a Config leaves open: the wall clock, Region, AccountID. A
// pointer may be nil where the Config has no such field.
func Default(c *clock.Clock, region, accountID *string) {
	if *c == nil {
		*c = clock.System()
	}
	if region != nil && *region == "" {
		*region = Region
	}
	if accountID != nil && *accountID == "" {
		*accountID = AccountID
	}
}

// DefaultLogger sets a logger that discards, unless there is one.
func DefaultLogger(l **slog.Logger) {
	if *l == nil {
		*l = slog.New(slog.DiscardHandler)
	}
}

// IDs makes ids from one source of randomness. It is safe for concurrent use.
type IDs struct {
	mu   sync.Mutex
	rand *rand.Rand
}

// NewIDs takes a source that nothing else may use; nil means a random seed.
func NewIDs(r *rand.Rand) *IDs {
	if r == nil {
		r = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) //nolint:gosec // ids, not secrets
	}
	return &IDs{rand: r}
}

// UUID is a random UUID of version 4.
func (i *IDs) UUID() string {
	var a, b uint64
	i.Use(func(r *rand.Rand) { a, b = r.Uint64(), r.Uint64() })
	a = a&^0xf000 | 0x4000 // version 4
	b = b&^(3<<62) | 1<<63 // variant 10
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}

// Use lends the source to f, alone.
func (i *IDs) Use(f func(*rand.Rand)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f(i.rand)
}
