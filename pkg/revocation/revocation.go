// Package revocation ends what tokens have granted before they expire, for a user
// or for one session of a user.
//
// A revocation applies to every token issued before it, on existing and on new
// connections; tokens issued later are not affected. Commands are refused within
// Every of the revocation. The next sweep closes the connections, with bye 3503;
// until then they can join nothing new.
//
// The list is divided into Shards by the hash of the user. A function reads the
// whole shard of a command's user if its copy is older than Every: no message
// pays for a read, and a command for one at most. Each shard is read from one key
// of DynamoDB, which allows 3,000 read units a second, and 4 KB take half a unit:
// with N environments at work, a shard may have 72,000/N KB. At 1,000
// environments that is 1.1 MB in all, about 11,000 active revocations.
package revocation

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// Shards is the number of parts of the list.
const Shards = 16

// Shard returns the part of the list that holds a user's revocations.
func Shard(user string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(user))
	return int(h.Sum32() % Shards)
}

// Every is the greatest age of the list that decides about a command.
const Every = 3 * time.Second

// ErrFull is returned when a shard of the list is full of active revocations.
// None can be added there until some of them are older than the memory.
var ErrFull = errors.New("list of revocations is full")

// Revocation revokes all tokens that were issued to a user before At. It includes
// tokens that a clock ahead of ours, within the leeway, has dated after At. To
// issue a token that is valid at once, as after a change of password, wait for
// the leeway first; or, if you know that the issuer's clock is right, set At
// earlier by the leeway.
type Revocation struct {
	User string
	// Session restricts the revocation to connections of that session. Clients
	// choose their session's name: this stops a lost device, but a stolen token
	// requires a revocation of the user.
	Session string
	At      time.Time
}

// Store keeps revocations. It is safe for concurrent use.
type Store interface {
	// Revoke adds a revocation or moves it to a later time, never back. It
	// returns ErrFull if there is no room for it.
	Revoke(ctx context.Context, r Revocation) error
	// Revocations returns those of one shard since a time, in no order. It may be
	// eventually consistent.
	Revocations(ctx context.Context, shard int, since time.Time) (List, error)
}

// List is a list of active revocations.
type List []Revocation

// Holds reports whether the list revokes what was issued to the user, as used in
// the session. If issued is zero, any revocation applies.
func (l List) Holds(user, session string, issued time.Time) bool {
	for _, r := range l {
		if r.User == user && (r.Session == "" || r.Session == session) && !issued.After(r.At) {
			return true
		}
	}
	return false
}

// Guard answers from a list that it reads again when it is older than Every. It
// is safe for concurrent use.
type Guard struct {
	store  Store
	clock  clock.Clock
	memory time.Duration
	leeway time.Duration

	mu    sync.Mutex
	parts [Shards]part
}

// part is a shard as it was last read.
type part struct {
	list   List
	readAt time.Time
}

// NewGuard returns a Guard. It ignores revocations older than memory, which must
// be at least the time for which a revoked token may still be valid after the
// revocation. Leeway is the time by which the issuers' clocks may be ahead.
func NewGuard(store Store, c clock.Clock, memory, leeway time.Duration) *Guard {
	return &Guard{store: store, clock: c, memory: memory, leeway: leeway}
}

// Revoked reports whether a user's token with that time of issue is revoked. It
// returns an error if it cannot find out; then do not let the client in.
func (g *Guard) Revoked(ctx context.Context, user, session string, issued time.Time) (bool, error) {
	shard := Shard(user)
	g.mu.Lock()
	known := g.parts[shard]
	g.mu.Unlock()
	list := known.list
	if g.clock.Now().Sub(known.readAt) >= Every {
		var err error
		if list, err = g.read(ctx, shard); err != nil {
			return false, err
		}
	}
	return list.Holds(user, session, issued), nil
}

// readWidth limits how many shards are read concurrently.
const readWidth = 4

// Read reads the whole list, whatever its age.
func (g *Guard) Read(ctx context.Context) (List, error) {
	var parts [Shards]List
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readWidth)
	for shard := range parts {
		group.Go(func() (err error) {
			parts[shard], err = g.read(ctx, shard)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(parts[:]...), nil
}

func (g *Guard) read(ctx context.Context, shard int) (List, error) {
	now := g.clock.Now() // before the read, so that the list is not taken for newer than it is
	list, err := g.store.Revocations(ctx, shard, now.Add(-g.memory))
	if err != nil {
		return nil, fmt.Errorf("read revocations: %w", err)
	}
	for i := range list {
		list[i].At = list[i].At.Add(g.leeway)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.After(g.parts[shard].readAt) {
		g.parts[shard] = part{list, now}
	}
	return list, nil
}
