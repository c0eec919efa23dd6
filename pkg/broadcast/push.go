package broadcast

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// ephemeral pushes data that is not in the log, once to each member, without a
// guarantee.
func (b *Broadcaster) ephemeral(ctx context.Context, w Wake) error {
	frame, err := protocol.Marshal(protocol.NewEphemeral(w.Room, w.User, w.Data))
	if err != nil {
		b.Logger.WarnContext(ctx, "ignored an ephemeral message", "room", w.Room, "error", err)
		return nil
	}
	roll, err := b.Members.Members(ctx, w.Room, 0, b.Clock.Now())
	if err != nil {
		return fmt.Errorf("read members: %w", err)
	}
	if len(roll.Members) > b.config.EphemeralMembers {
		return nil
	}
	return b.pushAll(ctx, roll.Members, w.Origin, frame)
}

// presence tells the members that may see presence who came or went, if it was
// the user's only connection in the room.
func (b *Broadcaster) presence(ctx context.Context, w Wake) error {
	roll, err := b.Members.Members(ctx, w.Room, 0, b.Clock.Now())
	if err != nil {
		return fmt.Errorf("read members: %w", err)
	}
	members := roll.Members
	if len(members) > b.config.PresenceMembers || !room.Alone(members, w.User, w.Origin) {
		return nil
	}
	var joined, left []string
	if w.Left {
		left = []string{w.User}
	} else {
		joined = []string{w.User}
	}
	frame, err := protocol.Marshal(protocol.NewPresenceChange(w.Room, joined, left, len(room.Users(members))))
	if err != nil {
		return err
	}
	told := slices.DeleteFunc(members, func(m room.Member) bool { return m.NoPresence })
	return b.pushAll(ctx, told, w.Origin, frame)
}

// pushAll posts one frame once to each member except the origin. It ignores
// failed posts: messages that must arrive are in the log.
func (b *Broadcaster) pushAll(ctx context.Context, members []room.Member, origin string, frame []byte) error {
	var group errgroup.Group
	group.SetLimit(b.config.Width)
	for _, m := range members {
		if m.ConnectionID == origin || m.Behind {
			continue
		}
		group.Go(func() error {
			_, _ = b.poster.post(ctx, m.ConnectionID, frame, false)
			if err := ctx.Err(); errors.Is(err, context.Canceled) {
				return err
			}
			return nil // what is late by then is stale, and not sent again
		})
	}
	return group.Wait()
}
