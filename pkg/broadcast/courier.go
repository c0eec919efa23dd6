package broadcast

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/room"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// courier serves the members of one room during one drain. Each member has an
// outbox, which sends one frame at a time, in order; messages that come meanwhile
// go into the next frames. A slow member delays only itself, and not for long:
// see serve.go.
type courier struct {
	courierParts
	room, epoch string
	plan        planner
	serving     sync.WaitGroup // goroutines that serve an outbox

	mu      sync.Mutex
	byID    map[string]*outbox
	active  int           // outboxes being served
	idle    chan struct{} // closed when active falls to 0
	failure error         // first failure that affects the whole drain
	head    uint64        // highest number offered
	posts   tally
	lag     lag // since the last report
}

type courierParts struct {
	config   Config
	poster   *poster
	gateway  connection.Gateway
	recorder recorder
	clock    clock.Clock
	logger   *slog.Logger
	metrics  *telemetry.Metrics
}

// tally counts accepted and refused posts to members in good standing: those that
// accepted their latest frame or have not been sent one. Their ratio separates a
// failure that affects everybody from a client that accepts nothing.
type tally struct{ accepted, refused int }

func newCourier(parts courierParts, plan planner) *courier {
	idle := make(chan struct{})
	close(idle)
	return &courier{
		courierParts: parts, room: plan.room, epoch: plan.epoch, plan: plan,
		idle: idle, byID: map[string]*outbox{},
	}
}

// offer queues messages, at least one, for the members and returns at once. The
// members must have been read after the messages. A member that is no longer
// among them is sent nothing more.
func (c *courier) offer(ctx context.Context, members []room.Member, messages []message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head = messages[len(messages)-1].seq
	now := c.clock.Now()
	present := make(map[string]bool, len(members))
	for _, m := range members {
		present[m.ConnectionID] = true
		o := c.byID[m.ConnectionID]
		switch {
		case o == nil:
			o = newOutbox(m)
			c.byID[m.ConnectionID] = o
		case m.JoinedAt.After(o.joinedAt):
			o.joinedAt, o.behind, o.batches, o.refusedSince = m.JoinedAt, false, nil, time.Time{}
		}
		switch {
		case m.Behind:
			o.batches = nil
			continue
		case o.behind: // its queue holds the pointer back until the record is written
			continue
		}
		o.batches = append(o.batches, batch{messages, now, o.waited, c.posts})
		c.start(ctx, o)
	}
	for id, o := range c.byID {
		if !present[id] {
			o.batches = nil
		}
	}
}

// start serves an outbox unless it is being served. The caller holds mu.
func (c *courier) start(ctx context.Context, o *outbox) {
	if o.sending {
		return
	}
	o.sending = true
	if c.active == 0 {
		c.idle = make(chan struct{})
	}
	c.active++
	c.serving.Go(func() {
		c.serve(ctx, o)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.active--; c.active == 0 {
			close(c.idle)
		}
	})
}

// confirmed returns the number, at most offered, up to which every member has
// accepted its messages, has left, has joined again or is on record as behind.
func (c *courier) confirmed(offered uint64) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.byID {
		if len(o.batches) > 0 {
			offered = min(offered, o.batches[0].messages[0].seq-1)
		}
	}
	return offered
}

// wait returns true as soon as nothing is being sent, or false after atMost.
func (c *courier) wait(ctx context.Context, atMost time.Duration) bool {
	c.mu.Lock()
	idle := c.idle
	c.mu.Unlock()
	select {
	case <-idle:
		return true
	default:
	}
	if atMost <= 0 {
		return false
	}
	late := make(chan struct{})
	timer := c.clock.AfterFunc(atMost, func() { close(late) })
	defer timer.Stop()
	select {
	case <-idle:
		return true
	case <-late:
	case <-ctx.Done():
	}
	return false
}

// fail stops the whole drain.
func (c *courier) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
	}
}

// failed returns the error that stopped the whole drain.
func (c *courier) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}
