package broadcast

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// Config tunes a Broadcaster. The zero value of a field means its default.
type Config struct {
	// LeaseFor is the time a drain lease lasts without renewal. Default 15 s, at
	// most 30 s: Lambda repeats a failed invocation after a minute, and half of that
	// is left for clocks that disagree, or the retry would find its own lease.
	LeaseFor time.Duration
	// Linger is the least time between two rounds of a busy room. A longer time
	// means fuller frames and later messages. Default 100 ms.
	Linger time.Duration
	// SlowAfter is the time a member may refuse its messages before it counts as
	// behind, while other members accept theirs. Default 2 s.
	SlowAfter time.Duration
	// BehindAfter is the time a message may wait for a member that accepts less
	// than comes, and the time a member may refuse its messages while others
	// refuse theirs as well. Time that posts wait for our own rate does not count.
	// Default five times SlowAfter, at least 10 s.
	BehindAfter time.Duration
	// PostTimeout limits the time of one post. Default 3 s.
	PostTimeout time.Duration
	// Margin is the time before its deadline at which a broadcaster hands over.
	// Default 5 s.
	Margin time.Duration
	// Width limits concurrent posts: one limit for members that accepted their
	// latest frame, another of the same size for all others. Default 256.
	Width int
	// PostsPerSecond is this broadcaster's share of the account's request
	// rate. Default 2,000.
	PostsPerSecond int
	// LateAfter is the age from which a delivered message counts as late in the
	// metrics. Default 1 s: the wait for a hole, and several times what SNS
	// takes.
	LateAfter time.Duration
	// PresenceMembers is the largest number of members for which a room is told
	// who comes and goes. Default 100; negative means never.
	PresenceMembers int
	// EphemeralMembers is the largest number of members for which a room's
	// ephemeral messages are delivered: each costs a post to every member,
	// without batching. Default 100; negative means never.
	EphemeralMembers int
}

// WithDefaults returns c with every zero field set to its default.
func (c Config) WithDefaults() Config {
	durations := map[*time.Duration]time.Duration{
		&c.LeaseFor: 15 * time.Second, &c.Linger: 100 * time.Millisecond,
		&c.LateAfter: time.Second, &c.SlowAfter: 2 * time.Second, &c.PostTimeout: 3 * time.Second, &c.Margin: 5 * time.Second,
	}
	for field, value := range durations {
		if *field == 0 {
			*field = value
		}
	}
	if c.BehindAfter == 0 {
		c.BehindAfter = max(10*time.Second, 5*c.SlowAfter)
	}
	numbers := map[*int]int{&c.Width: 256, &c.PostsPerSecond: 2000, &c.PresenceMembers: 100, &c.EphemeralMembers: 100}
	for field, value := range numbers {
		if *field == 0 {
			*field = value
		}
	}
	return c
}

// longestLease is half of the minute after which Lambda repeats a failed invocation
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
const longestLease = 30 * time.Second

func (c Config) validate() error {
	switch {
	case c.LeaseFor < 0, c.Linger < 0, c.LateAfter < 0, c.SlowAfter < 0, c.BehindAfter < 0, c.PostTimeout < 0, c.Margin < 0, c.Width < 0, c.PostsPerSecond < 0:
		return fmt.Errorf("broadcast configuration has a negative value: %+v", c)
	case c.LeaseFor > longestLease:
		return fmt.Errorf("lease of %v is longer than %v: the retry of a failed invocation could find it live", c.LeaseFor, longestLease)
	}
	return nil
}

// Parts are the dependencies of a Broadcaster; all are required.
type Parts struct {
	Log         *msglog.Log
	Members     room.Store
	Connections Connections
	Gateway     connection.Gateway
	Waker       Waker
	Clock       clock.Clock
	NewID       func() string // returns an id for a lease's owner, never the same twice
	Logger      *slog.Logger
	Metrics     *telemetry.Metrics
}

// Broadcaster handles wake-ups. It is safe for concurrent use.
type Broadcaster struct {
	Parts
	config Config
	poster *poster
}

// New returns a Broadcaster.
func New(parts Parts, config Config) (*Broadcaster, error) {
	config = config.WithDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	return &Broadcaster{parts, config, newPoster(parts.Gateway, parts.Clock, config)}, nil
}

// Handle processes a wake-up. It returns an error only if the same wake-up should
// be delivered again; the caller's invocation must then fail.
func (b *Broadcaster) Handle(ctx context.Context, w Wake) error {
	switch w.Kind {
	case KindDrain:
		return b.drain(ctx, w)
	case KindEphemeral:
		return b.ephemeral(ctx, w)
	case KindPresence:
		return b.presence(ctx, w)
	default:
		b.Logger.WarnContext(ctx, "ignored a wake-up of unknown kind", "kind", string(w.Kind), "room", w.Room)
		return nil
	}
}

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
			return ctx.Err()
		})
	}
	return group.Wait()
}
