package auth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

const (
	// keysFresh is for how long fetched keys are used unasked.
	keysFresh = 10 * time.Minute
	// keysUsable is for how long they are used while their source cannot be
	// reached. After it nobody gets in: a withdrawn key must not live on
	// because somebody keeps us from learning so.
	keysUsable = time.Hour
	// refetchAfter is between two fetches at least, however many tokens were
	// signed with keys that we do not know; retryAfter is the same after a
	// failure.
	refetchAfter = 10 * time.Second
	retryAfter   = time.Second
	// fetchTimeout bounds one fetch, well below the 10 s that a client may take
	// to authenticate.
	fetchTimeout = 3 * time.Second
)

// errHeldBack is returned in place of a fetch that would come too early.
var errHeldBack = errors.New("keys were fetched a moment ago")

// cached keeps what was fetched: an issuer's keys, or a secret. It is fetched
// by the request that needs it, one fetch at a time: between requests a Lambda
// function does not run. It is safe for concurrent use.
type cached[T any] struct {
	fetch func(ctx context.Context) (T, error)
	clock clock.Clock

	mu        sync.Mutex
	value     T
	fetchedAt time.Time
	nextFetch time.Time
	running   *fetching
}

// fetching is a fetch under way. err may be read once done is closed.
type fetching struct {
	done chan struct{}
	err  error
}

// look returns what is kept, and since when: the zero time if nothing is.
func (c *cached[T]) look() (T, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.fetchedAt
}

// refresh fetches, or waits for whoever does. A caller that can do without does
// not wait for another's fetch.
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
