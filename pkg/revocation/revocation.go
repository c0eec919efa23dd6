// Package revocation ends what tokens have granted before they expire: of a
// user, or of one session of a user.
//
// A revocation holds against every token that was issued before it, on
// connections that live and on those that come; a token issued later is as good
// as ever. Commands are refused within Every of the revocation. The sweeper
// closes the connections at its next sweep, with bye 3503, and until then
// nothing new can be joined with them.
//
// The list is cut into Shards by the hash of the user. A function reads the shard
// of whoever gives a command, whole, when what it has is older than Every: no
// message pays for a read of its own, and a command for one at most. Each shard
// is read from one key of DynamoDB, which gives 3,000 read units a second, and
// 4 KB take half a one: with N environments at work, a shard may have 72,000/N KB.
// At 1,000 environments that is 1.1 MB in all, some 11,000 revocations in force.
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

// Shards is into how many parts the list is cut.
const Shards = 16

// Shard is the part of the list in which the revocations of a user stand.
func Shard(user string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(user))
	return int(h.Sum32() % Shards)
}

// Every is how old the list may be by which a command is judged.
const Every = 3 * time.Second

// ErrFull is returned when a shard of the list holds as many revocations in force
// as it can. Until some of them have passed the memory, none can be added there.
var ErrFull = errors.New("list of revocations is full")

// Revocation takes back all tokens that were issued to a user before At, by the
// issuer's clock as far as it may go wrong: one that a clock ahead of ours has
// dated after At is taken back as well. A token that is to be good at once, such
// as after a change of password, is asked for after the leeway, or At is set so
// much earlier by whoever knows that the issuer's clock is right.
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
	// Revoke adds a revocation or moves it, never back in time. ErrFull if there
	// is no room for it.
	Revoke(ctx context.Context, r Revocation) error
	// Revocations returns those of one shard since a time, in no order. It may
	// be eventually consistent.
	Revocations(ctx context.Context, shard int, since time.Time) (List, error)
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
	leeway time.Duration

	mu    sync.Mutex
	parts [Shards]part
}

// part is a shard as it was read.
type part struct {
	list   List
	readAt time.Time
}

// NewGuard returns a Guard. Revocations older than memory are forgotten; it must
// be no shorter than a token lives after the last moment at which one takes it
// back. Leeway is how far the clocks of those who issue tokens may be ahead.
func NewGuard(store Store, c clock.Clock, memory, leeway time.Duration) *Guard {
	return &Guard{store: store, clock: c, memory: memory, leeway: leeway}
}

// Revoked reports whether the token that was issued to a user then is taken
// back. If that cannot be learned, it is an error: who cannot be judged does
// not get in.
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

// readWidth bounds how many shards are read at once.
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
	now := g.clock.Now() // before the read: the list is at least as old
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
