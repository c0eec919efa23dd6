package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/room"
)

var _ room.Store = (*Rooms)(nil)

// Rooms keeps memberships. It is safe for concurrent use.
type Rooms struct {
	mu      sync.Mutex
	members map[memberKey]member
}

type memberKey struct{ room, connectionID string }

type member struct {
	room.Member
	expires time.Time
}

// NewRooms returns empty Rooms.
func NewRooms() *Rooms { return &Rooms{members: map[memberKey]member{}} }

// Put writes a membership.
func (r *Rooms) Put(ctx context.Context, m room.Member, expires time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.Shard != 0 {
		return fmt.Errorf("write membership: shard %d: a room has one shard", m.Shard)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m.JoinedAt, m.Behind = stored(m.JoinedAt), room.InStep
	r.members[memberKey{m.Room, m.ConnectionID}] = member{m, expires}
	return nil
}

// Delete ends a membership.
func (r *Rooms) Delete(ctx context.Context, name, connectionID string, upto time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at := memberKey{name, connectionID}
	m, was := r.members[at]
	if !was || (!upto.IsZero() && m.JoinedAt.After(stored(upto))) {
		return false, nil
	}
	delete(r.members, at)
	return true, nil
}

// Members reads a shard.
func (r *Rooms) Members(ctx context.Context, name string, shard int, now time.Time) ([]room.Member, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []room.Member
	for k, m := range r.members {
		if k.room == name && m.Shard == shard && !gone(m.expires, now) {
			found = append(found, m.Member)
		}
	}
	slices.SortFunc(found, func(a, b room.Member) int { return strings.Compare(a.ConnectionID, b.ConnectionID) })
	return found, nil
}

// SetBehind records how far a member is behind.
func (r *Rooms) SetBehind(ctx context.Context, m room.Member, state room.Behind) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := memberKey{m.Room, m.ConnectionID}
	now, ok := r.members[k]
	if !ok || !now.JoinedAt.Equal(stored(m.JoinedAt)) {
		return room.ErrNotMember
	}
	now.Behind = state
	r.members[k] = now
	return nil
}
