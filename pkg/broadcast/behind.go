package broadcast

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// A member that cannot be served is put behind: it gets no live messages until
// it joins again, and must be told so, or it would believe that there are none.
// The pointer waits until it is told, or until its connection is marked: the
// sweeper finds the mark within a minute, and has the rooms of a connection that
// is alive tell it, also when no message comes.

// inform tells a member that it is behind, or marks its connection. One that
// seems to be gone gets a strike, which the sweeper looks into; if its
// connection is over already, what is left of the membership goes.
func (b *Broadcaster) inform(ctx context.Context, member room.Member, head msglog.Position, gone bool) error {
	if !gone {
		err := b.tell(ctx, member, head)
		if err == nil {
			return nil
		}
		gone = errors.Is(err, connection.ErrGone)
	}
	err := b.Connections.MarkUntold(ctx, member.ConnectionID, gone, b.Clock.Now())
	if errors.Is(err, connection.ErrNotFound) {
		return b.Members.Delete(ctx, member.Room, member.ConnectionID)
	}
	return err
}

// tell lets a member know that it is behind. An error says that it could not.
func (b *Broadcaster) tell(ctx context.Context, member room.Member, head msglog.Position) error {
	frame, err := protocol.Marshal(protocol.NewBehind(member.Room, head.Epoch, head.Seq))
	if err != nil {
		return err
	}
	if err := b.post(ctx, member.ConnectionID, frame); err != nil {
		return err
	}
	err = b.Members.SetBehind(ctx, member, room.Informed)
	if err != nil && !errors.Is(err, room.ErrNotMember) && !errors.Is(err, room.ErrOvertaken) {
		b.Logger.WarnContext(ctx, "member told that it is behind, but not recorded", "room", member.Room, "error", err)
	}
	return nil
}

// behind informs one member that it is behind, if it is and was not told.
func (b *Broadcaster) behind(ctx context.Context, w Wake) error {
	roll, err := b.Members.Members(ctx, w.Room, 0, b.Clock.Now())
	if err != nil {
		return fmt.Errorf("read members: %w", err)
	}
	i := slices.IndexFunc(roll.Members, func(m room.Member) bool { return m.ConnectionID == w.Origin && m.Behind == room.Untold })
	if i < 0 {
		return nil
	}
	page, err := b.Log.Read(ctx, w.Room, msglog.Start{}, msglog.Budget{})
	if err != nil {
		return err
	}
	return b.inform(ctx, roll.Members[i], msglog.Position{Epoch: page.Epoch, Seq: page.Head}, false)
}
