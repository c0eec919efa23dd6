package auth

import (
	"context"
	"crypto"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// keySet keeps the keys of one issuer. It is safe for concurrent use.
type keySet struct {
	cached[map[keyID]crypto.PublicKey]
}

func newKeySet(fetch func(context.Context) (map[keyID]crypto.PublicKey, error), c clock.Clock) *keySet {
	return &keySet{cached[map[keyID]crypto.PublicKey]{fetch: fetch, clock: c}}
}

// key returns the key with an id. It returns ErrInvalid if the issuer, asked just
// now, has no such key, and ErrUnavailable if the issuer could not be asked.
func (s *keySet) key(ctx context.Context, id keyID) (crypto.PublicKey, error) {
	key, age := s.find(id)
	if key != nil && age < keysFresh {
		return key, nil
	}
	err := s.refresh(ctx, key != nil && age < keysUsable)
	if key, age = s.find(id); key != nil && age < keysUsable {
		return key, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil, invalid("signed with a key that its issuer does not have")
}

func (s *keySet) find(id keyID) (crypto.PublicKey, time.Duration) {
	keys, at := s.look()
	return keys[id], s.clock.Now().Sub(at)
}
