package auth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

const (
	// keysFresh is the time fetched keys are used without asking again.
	keysFresh = 10 * time.Minute
	// keysUsable is the time they are used while their source cannot be reached.
	// After that nobody gets in: an attacker who blocks the source must not keep
	// a withdrawn key alive.
	keysUsable = time.Hour
	// refetchAfter is the least time between two fetches, however many tokens
	// with unknown keys come; retryAfter is the least time after a failed fetch.
	refetchAfter = 10 * time.Second
	retryAfter   = time.Second
	// fetchTimeout limits one fetch, well below the 10 s that a client has to
	// authenticate.
	fetchTimeout = 3 * time.Second
)

// errHeldBack is returned instead of a fetch that would come too early.
var errHeldBack = errors.New("keys were fetched a moment ago")

// cached keeps what was fetched: an issuer's keys, or a secret. The request that
// needs it fetches it, one fetch at a time, because a Lambda function does not
// run between requests. It is safe for concurrent use.
type cached[T any] struct {
	fetch func(ctx context.Context) (T, error)
	clock clock.Clock

	mu        sync.Mutex
	value     T
	fetchedAt time.Time
	nextFetch time.Time
	running   *fetching
}

// fetching is a fetch in progress. err may be read once done is closed.
type fetching struct {
	done chan struct{}
	err  error
}

// look returns the kept value and the time of its fetch, zero if there is none.
func (c *cached[T]) look() (T, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.fetchedAt
}

// refresh fetches, or waits for the fetch in progress. If optional, it does not
// wait.
func (c *cached[T]) refresh(ctx context.Context, optional bool) error {
	c.mu.Lock()
	if running := c.running; running != nil {
		c.mu.Unlock()
		if optional {
			return nil
		}
		select {
		case <-running.done:
			return running.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if c.clock.Now().Before(c.nextFetch) {
		c.mu.Unlock()
		return errHeldBack
	}
	running := &fetching{done: make(chan struct{})}
	c.running = running
	c.mu.Unlock()

	bounded, cancel := context.WithTimeout(ctx, fetchTimeout)
	value, err := c.fetch(bounded)
	cancel()

	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	c.nextFetch = now.Add(retryAfter)
	if err == nil {
		c.value, c.fetchedAt, c.nextFetch = value, now, now.Add(refetchAfter)
	}
	c.running, running.err = nil, err
	close(running.done)
	return err
}
