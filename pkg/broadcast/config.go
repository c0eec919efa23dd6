package broadcast

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
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
