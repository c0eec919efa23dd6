// Package revocation ends what tokens have granted before they expire: of a
// user, or of one session of a user.
//
// A revocation holds against every token that was issued before it, on
// connections that live and on those that come; a token issued later is as good
// as ever. Commands are refused within Every of the revocation. The sweeper
// closes the connections at its next sweep, with bye 3503, and until then
// nothing new can be joined with them. The list is read whole, so that it costs
// a function half a read unit per 4 KB once per Every and nothing per message.
package revocation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// Every is how old the list may be by which a command is judged.
const Every = 3 * time.Second

// Revocation takes back all tokens that were issued to a user before At, or
// not later in the same second: the time of a token's issue has no more digits.
type Revocation struct {
	User string
	// Session restricts it to connections of that session. A session's name is
	// the client's own choice: this stops a device that was lost, while a token
	// that was stolen takes a revocation of the user.
	Session string
	At      time.Time
}

// Store keeps revocations. It is safe for concurrent use.
type Store interface {
	// Revoke adds a revocation or moves it, never back in time.
	Revoke(ctx context.Context, r Revocation) error
	// Revocations returns those since a time, in no order. It may be
	// eventually consistent.
	Revocations(ctx context.Context, since time.Time) (List, error)
}

// List is revocations in force.
type List []Revocation

// Holds reports whether the list takes back what was issued to the user, as
// used in the session. A token whose issue is not known is taken back by any.
func (l List) Holds(user, session string, issued time.Time) bool {
	for _, r := range l {
		if r.User == user && (r.Session == "" || r.Session == session) && !issued.After(r.At) {
			return true
		}
	}
	return false
}

// Guard answers from a list that it reads again when it is older than Every.
// It is safe for concurrent use.
type Guard struct {
	store  Store
	clock  clock.Clock
	memory time.Duration

	mu     sync.Mutex
	list   List
	readAt time.Time
}

// NewGuard returns a Guard. Revocations older than memory are forgotten; it
// must be no shorter than tokens live.
func NewGuard(store Store, c clock.Clock, memory time.Duration) *Guard {
	return &Guard{store: store, clock: c, memory: memory}
}

// Revoked reports whether the token that was issued to a user then is taken
// back. If that cannot be learned, it is an error: who cannot be judged does
// not get in.
func (g *Guard) Revoked(ctx context.Context, user, session string, issued time.Time) (bool, error) {
	g.mu.Lock()
	list, age := g.list, g.clock.Now().Sub(g.readAt)
	g.mu.Unlock()
	if age >= Every {
		var err error
		if list, err = g.Read(ctx); err != nil {
			return false, err
		}
	}
	return list.Holds(user, session, issued), nil
}

// Read reads the list, whatever its age.
func (g *Guard) Read(ctx context.Context) (List, error) {
	now := g.clock.Now() // before the read: the list is at least as old
	list, err := g.store.Revocations(ctx, now.Add(-g.memory))
	if err != nil {
		return nil, fmt.Errorf("read revocations: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.After(g.readAt) {
		g.list, g.readAt = list, now
	}
	return list, nil
}
