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
	left    bool // a tombstone: JoinedAt is when the leave was taken
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
	m.JoinedAt, m.Behind = stored(m.JoinedAt), false
	k := memberKey{m.Room, m.ConnectionID}
	switch was, ok := r.members[k]; {
	case !ok || was.JoinedAt.Before(m.JoinedAt):
	case was.left || was.JoinedAt.After(m.JoinedAt):
		return room.ErrOvertaken
	case was.Behind:
		return room.ErrBehind
	default:
		return nil
	}
	r.members[k] = member{Member: m, expires: expires}
	return nil
}

// Leave turns a membership into a tombstone.
func (r *Rooms) Leave(ctx context.Context, name, connectionID string, at, expires time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := memberKey{name, connectionID}
	was, ok := r.members[k]
	if ok && was.JoinedAt.After(stored(at)) {
		return false, nil
	}
	r.members[k] = member{Member: room.Member{JoinedAt: stored(at)}, left: true, expires: expires}
	return ok && !was.left, nil
}

// Delete deletes a membership.
func (r *Rooms) Delete(ctx context.Context, name, connectionID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := (memberKey{name, connectionID}); !r.members[k].left {
		delete(r.members, k)
	}
	return nil
}

// DropTombstone deletes a tombstone.
func (r *Rooms) DropTombstone(ctx context.Context, name, connectionID string, now time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := memberKey{name, connectionID}
	if m, ok := r.members[k]; ok && m.left && gone(m.expires, now) {
		delete(r.members, k)
	}
	return nil
}

// Members reads a shard.
func (r *Rooms) Members(ctx context.Context, name string, shard int, now time.Time) (room.Roll, error) {
	if err := ctx.Err(); err != nil {
		return room.Roll{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var roll room.Roll
	for k, m := range r.members {
		switch past := gone(m.expires, now); {
		case k.room != name || m.Shard != shard:
		case past && m.left:
			roll.Expired = append(roll.Expired, k.connectionID)
		case !past && !m.left:
			roll.Members = append(roll.Members, m.Member)
		}
	}
	slices.SortFunc(roll.Members, func(a, b room.Member) int { return strings.Compare(a.ConnectionID, b.ConnectionID) })
	return roll, nil
}

// SetPresence sets whether a member is told who comes and goes.
func (r *Rooms) SetPresence(ctx context.Context, m room.Member) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := memberKey{m.Room, m.ConnectionID}
	if now, ok := r.members[k]; ok && !now.left && now.Regrants <= m.Regrants {
		now.NoPresence, now.Regrants = m.NoPresence, m.Regrants
		r.members[k] = now
	}
	return nil
}

// Member reads one membership.
func (r *Rooms) Member(ctx context.Context, name, connectionID string, now time.Time) (room.Member, error) {
	if err := ctx.Err(); err != nil {
		return room.Member{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.members[memberKey{name, connectionID}]
	if !ok || m.left || gone(m.expires, now) {
		return room.Member{}, room.ErrNotMember
	}
	return m.Member, nil
}

// SetBehind records that a member is behind.
func (r *Rooms) SetBehind(ctx context.Context, m room.Member) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := memberKey{m.Room, m.ConnectionID}
	now, ok := r.members[k]
	switch {
	case !ok || now.left:
		return room.ErrNotMember
	case !now.JoinedAt.Equal(stored(m.JoinedAt)):
		return room.ErrOvertaken
	}
	now.Behind = true
	r.members[k] = now
	return nil
}
