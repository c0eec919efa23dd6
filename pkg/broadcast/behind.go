package broadcast

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// A member that does not accept its messages is put behind: it gets no live
// messages until it joins again. It must be told, or it would believe that there
// are none. One conditional write to its connection records that it is behind.
// The drain and the pointer then continue without the member; the sweeper tells
// it within a minute after it starts to accept anything, and its next join reads
// what it missed.

// Connections lets a broadcaster record that a connection is behind in a room.
type Connections interface {
	// MarkBehind does what connection.Store.MarkBehind does.
	MarkBehind(ctx context.Context, id, room string, joinedAt, now time.Time) error
}

// recorder records that members are behind. It is safe for concurrent use.
type recorder struct {
	connections Connections
	members     room.Store
	clock       clock.Clock
}

// record records that a member is behind. The sweeper needs only the first write;
// the second saves later drains a post that would be refused. If the connection
// is over, record deletes its membership.
func (r recorder) record(ctx context.Context, name, connectionID string, joinedAt time.Time) error {
	err := r.connections.MarkBehind(ctx, connectionID, name, joinedAt, r.clock.Now())
	if errors.Is(err, connection.ErrNotFound) {
		err = r.members.Delete(ctx, name, connectionID)
		if err != nil {
			return fmt.Errorf("delete membership of a connection that is over: %w", err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("record that a member is behind: %w", err)
	}
	m := room.Member{Room: name, ConnectionID: connectionID, JoinedAt: joinedAt}
	err = r.members.SetBehind(ctx, m)
	if err != nil && !errors.Is(err, room.ErrNotMember) && !errors.Is(err, room.ErrOvertaken) {
		return fmt.Errorf("stop live delivery to a member: %w", err)
	}
	return nil
}

// tell pushes "behind" to a member. If the member refuses it, the sweeper tells
// it later.
func (c *courier) tell(ctx context.Context, connectionID string, head uint64) {
	frame, err := BehindFrame(c.room, msglog.Position{Epoch: c.epoch, Seq: head})
	if err != nil {
		c.logger.ErrorContext(ctx, "push of a member that is behind not encoded", "room", c.room, "error", err)
		return
	}
	_, _ = c.poster.post(ctx, connectionID, frame, true)
}

// BehindFrame is the push that tells a member that it is behind.
func BehindFrame(name string, head msglog.Position) ([]byte, error) {
	return protocol.Marshal(protocol.NewBehind(name, head.Epoch, head.Seq))
}
