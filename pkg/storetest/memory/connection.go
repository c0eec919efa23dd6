package memory

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/room"
)

var _ connection.Store = (*Connections)(nil)

// partitions and duePage are small, so that tests use more than one of each.
const (
	partitions = 4
	duePage    = 10
)

// Connections keeps connections. It is safe for concurrent use.
type Connections struct {
	mu   sync.Mutex
	byID map[string]*connection.Connection
}

// NewConnections returns empty Connections.
func NewConnections() *Connections {
	return &Connections{byID: map[string]*connection.Connection{}}
}

// Partitions returns the number of partitions that hold the connections.
func (s *Connections) Partitions() int { return partitions }

// Put registers a connection.
func (s *Connections) Put(ctx context.Context, c connection.Connection) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c = clone(c)
	c.Identity.Expires = stored(c.Identity.Expires)
	c.ConnectedAt, c.TokenAt = stored(c.ConnectedAt), stored(c.TokenAt)
	c.JoinedAt, c.CheckAt = stored(c.JoinedAt), stored(c.CheckAt)
	for name, at := range c.Rooms {
		c.Rooms[name] = stored(at)
	}
	if s.byID[c.ID] == nil {
		s.byID[c.ID] = &c
	}
	return nil
}

// Peek is Get, because the reference has one copy.
func (s *Connections) Peek(ctx context.Context, id string) (connection.Connection, error) {
	return s.Get(ctx, id)
}

// Get reads a connection.
func (s *Connections) Get(ctx context.Context, id string) (connection.Connection, error) {
	if err := ctx.Err(); err != nil {
		return connection.Connection{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.byID[id]; c != nil {
		return clone(*c), nil
	}
	return connection.Connection{}, connection.ErrNotFound
}

// Authenticate sets the identity of a connection.
func (s *Connections) Authenticate(ctx context.Context, p connection.AuthenticateParams) (connection.Connection, error) {
	var now connection.Connection
	err := s.change(ctx, p.ID, func(c *connection.Connection) error {
		if c.Authenticated() && c.Identity.User != p.Identity.User {
			return connection.ErrOtherUser
		}
		if !c.Authenticated() && p.Late {
			return connection.ErrTooLate
		}
		if len(p.Rooms) > 0 && len(c.Rooms)+added(c, p.Rooms) > p.Max {
			return connection.ErrTooManyRooms
		}
		if !c.TokenAt.After(stored(p.TokenAt)) {
			renew(c, p)
		}
		if p.Session != "" {
			c.Session = p.Session
		}
		for _, name := range p.Rooms {
			add(c, name, p.At, p.Now)
		}
		now = clone(*c)
		return nil
	})
	return now, err
}

// renew sets identity and next check.
func renew(c *connection.Connection, p connection.AuthenticateParams) {
	if c.Authenticated() && len(c.Rooms) > 0 && !reflect.DeepEqual(c.Identity.Permissions, p.Identity.Permissions) {
		c.Regrants++
	}
	c.Identity = identity(p.Identity)
	c.Identity.Expires = stored(p.Identity.Expires)
	c.TokenAt = stored(p.TokenAt)
	if c.Sentence == 0 {
		c.CheckAt = stored(p.CheckAt)
	}
}

// AddRoom adds a room.
func (s *Connections) AddRoom(ctx context.Context, p connection.AddRoomParams) (connection.Connection, error) {
	var now connection.Connection
	err := s.change(ctx, p.ID, func(c *connection.Connection) error {
		if !c.In(p.Room) && len(c.Rooms) >= p.Max {
			return connection.ErrTooManyRooms
		}
		add(c, p.Room, p.At, p.Now)
		now = clone(*c)
		return nil
	})
	return now, err
}

// DropRoom removes a room.
func (s *Connections) DropRoom(ctx context.Context, id, name string, upto time.Time) error {
	return s.change(ctx, id, func(c *connection.Connection) error {
		if !c.Rooms[name].After(stored(upto)) {
			delete(c.Rooms, name)
		}
		return nil
	})
}

// added returns how many of the rooms the connection is not in yet.
func added(c *connection.Connection, rooms []string) (n int) {
	for _, name := range rooms {
		if !c.In(name) {
			n++
		}
	}
	return n
}

// add begins a join that was taken at the given time.
func add(c *connection.Connection, name string, at, now time.Time) {
	if c.Rooms == nil {
		c.Rooms = map[string]time.Time{}
	}
	if was, in := c.Rooms[name]; !in || was.Before(stored(at)) {
		c.Rooms[name] = stored(at)
	}
	if began := stored(now); began.After(c.JoinedAt) {
		c.JoinedAt = began
	}
}

// Carry records that memberships follow the permissions.
func (s *Connections) Carry(ctx context.Context, id string, upto int) error {
	return s.change(ctx, id, func(c *connection.Connection) error {
		c.Carried = max(c.Carried, upto)
		return nil
	})
}

// Check records a check.
func (s *Connections) Check(ctx context.Context, p connection.CheckParams) error {
	return s.change(ctx, p.ID, func(c *connection.Connection) error {
		seen := p.Seen.IsZero() || c.CheckAt.Equal(stored(p.Seen))
		if !seen || c.Sentence != 0 {
			return nil
		}
		c.Strikes, c.CheckAt = p.Strikes, stored(p.Next)
		return nil
	})
}

// MarkBehind records that a connection is behind in a room.
func (s *Connections) MarkBehind(ctx context.Context, id, name string, joinedAt, now time.Time) error {
	return s.change(ctx, id, func(c *connection.Connection) error {
		if was, ok := c.Behind[name]; ok && !was.JoinedAt.Before(stored(joinedAt)) {
			return nil
		}
		if c.Behind == nil {
			c.Behind = map[string]connection.Behind{}
		}
		c.Behind[name] = connection.Behind{JoinedAt: stored(joinedAt), At: stored(now)}
		return nil
	})
}

// ClearBehind removes the record that a connection is behind in a room.
func (s *Connections) ClearBehind(ctx context.Context, id, name string, upto time.Time) error {
	return s.change(ctx, id, func(c *connection.Connection) error {
		if !c.Behind[name].JoinedAt.After(stored(upto)) {
			delete(c.Behind, name)
		}
		if len(c.Behind) == 0 {
			c.Behind = nil
		}
		return nil
	})
}

// Condemn makes a connection due.
func (s *Connections) Condemn(ctx context.Context, id string, code int, now time.Time) error {
	return s.change(ctx, id, func(c *connection.Connection) error {
		if code > c.Sentence {
			c.CheckAt, c.Sentence = stored(now), code
		}
		return nil
	})
}

// MarkClosing marks a connection as over.
func (s *Connections) MarkClosing(ctx context.Context, id string, next time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.byID[id]
	if c == nil {
		return connection.ErrNotFound
	}
	c.Closing, c.CheckAt = true, stored(next)
	return nil
}

// Delete deletes a connection.
func (s *Connections) Delete(ctx context.Context, id string, joinedAt time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.byID[id]; c != nil && !c.JoinedAt.Equal(stored(joinedAt)) {
		return false, nil
	}
	delete(s.byID, id)
	return true, nil
}

// Due reads connections to check.
func (s *Connections) Due(ctx context.Context, p connection.DueParams) ([]connection.Connection, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []connection.Connection
	for i, id := range slices.Sorted(maps.Keys(s.byID)) {
		c := s.byID[id]
		if strings.Compare(id, p.Cursor) <= 0 || room.Shard(id, partitions) != p.Partition || c.CheckAt.After(p.Now) {
			continue
		}
		due = append(due, clone(*c))
		if len(due) == duePage && i < len(s.byID)-1 {
			return due, id, nil
		}
	}
	return due, "", nil
}

// change runs f on a connection that is not over. If f fails, nothing changes.
func (s *Connections) change(ctx context.Context, id string, f func(*connection.Connection) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.byID[id]
	if c == nil || c.Closing {
		return connection.ErrNotFound
	}
	return f(c)
}

func clone(c connection.Connection) connection.Connection {
	c.Identity = identity(c.Identity)
	c.Rooms = maps.Clone(c.Rooms)
	return c
}

func identity(id auth.Identity) auth.Identity {
	if id.Permissions != nil {
		permissions := auth.Permissions{}
		for pattern, actions := range id.Permissions {
			permissions[pattern] = slices.Clone(actions)
		}
		id.Permissions = permissions
	}
	return id
}
