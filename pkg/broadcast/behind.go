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
// messages until it joins again, and must be told so, or it would believe that
// there are none. One conditional write to its connection puts that on record.
// From then on it is the concern of the sweeper, which tells it within a minute of
// the moment from which it accepts anything, and of its own next join; the drain
// and the pointer go on without it.

// Connections is what a broadcaster may do to a connection: record that it is
// behind in a room. It never deletes one.
type Connections interface {
	// MarkBehind is connection.Store's.
	MarkBehind(ctx context.Context, id, room string, joinedAt, now time.Time) error
}

// recorder puts members on record as behind. It is safe for concurrent use.
type recorder struct {
	connections Connections
	members     room.Store
	clock       clock.Clock
}

// record notes that a member is behind. Only the first write counts: the sweeper
// finds what it says. The second saves later drains a post that would be refused.
// The membership of a connection that is over goes.
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

// tell lets a member know at once that it is behind, if it accepts that. If not,
// the sweeper will.
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
