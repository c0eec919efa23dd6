package auth

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

const (
	// keysFresh is for how long fetched keys are used unasked.
	keysFresh = 10 * time.Minute
	// keysUsable is for how long they are used while the issuer cannot be
	// reached. After it nobody gets in: a withdrawn key must not live on
	// because somebody keeps us from learning so.
	keysUsable = time.Hour
	// refetchAfter is between two fetches at least, however many tokens name
	// keys that we do not know; retryAfter is the same after a failure.
	refetchAfter = 10 * time.Second
	retryAfter   = time.Second
)

// errHeldBack is returned in place of a fetch that would come too early.
var errHeldBack = errors.New("keys were fetched a moment ago")

// keySet keeps the keys of one issuer. They are fetched by the request that
// needs them, one fetch at a time: between requests a Lambda function does not
// run. It is safe for concurrent use.
type keySet struct {
	fetch func(ctx context.Context) (map[keyID]crypto.PublicKey, error)
	clock clock.Clock

	mu        sync.Mutex
	keys      map[keyID]crypto.PublicKey
	fetchedAt time.Time
	nextFetch time.Time
	running   *fetching
}

// fetching is a fetch under way. err may be read once done is closed.
type fetching struct {
	done chan struct{}
	err  error
}

// key returns the key of that name. ErrInvalid if the issuer, asked just now,
// has none; ErrUnavailable if it could not be asked.
func (s *keySet) key(ctx context.Context, id keyID) (crypto.PublicKey, error) {
	key, age := s.look(id)
	if key != nil && age < keysFresh {
		return key, nil
	}
	err := s.refresh(ctx, key != nil && age < keysUsable)
	if key, age = s.look(id); key != nil && age < keysUsable {
		return key, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil, invalid("signed with a key that its issuer does not have")
}

func (s *keySet) look(id keyID) (crypto.PublicKey, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[id], s.clock.Now().Sub(s.fetchedAt)
}

// refresh fetches the keys, or waits for whoever does. A caller that can do
// without does not wait for another's fetch.
func (s *keySet) refresh(ctx context.Context, optional bool) error {
	s.mu.Lock()
	if running := s.running; running != nil {
		s.mu.Unlock()
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
	if s.clock.Now().Before(s.nextFetch) {
		s.mu.Unlock()
		return errHeldBack
	}
	running := &fetching{done: make(chan struct{})}
	s.running = running
	s.mu.Unlock()

	keys, err := s.fetch(ctx)

	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	s.nextFetch = now.Add(retryAfter)
	if err == nil {
		s.keys, s.fetchedAt, s.nextFetch = keys, now, now.Add(refetchAfter)
	}
	s.running, running.err = nil, err
	close(running.done)
	return err
}
