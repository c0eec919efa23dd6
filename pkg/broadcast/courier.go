package broadcast

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/room"
)

// courier serves the members of one room during one drain. Each member has a
// line of its own: one frame at a time, in order, and what gathers meanwhile
// goes into the next frames. So a member that is slow delays nobody but
// itself.
type courier struct {
	*Broadcaster
	plan  planner
	epoch string
	slots chan struct{}  // bounds posts under way
	lines sync.WaitGroup // counts running lines

	mu        sync.Mutex
	byID      map[string]*line
	running   int
	throttled int           // lines that are being refused with 429
	idle      chan struct{} // closed when running falls to 0
	failure   error         // first failure that is not one member's
	head      uint64        // highest number offered
	late      lateness      // since it was last told of
}

// line is one member's queue.
type line struct {
	member  room.Member
	queue   []letter
	running bool
	stopped bool // behind: takes no more
}

func newCourier(b *Broadcaster, plan planner) *courier {
	idle := make(chan struct{})
	close(idle)
	return &courier{
		Broadcaster: b, plan: plan, epoch: plan.epoch, idle: idle,
		slots: make(chan struct{}, b.config.Width), byID: map[string]*line{},
	}
}

// offer queues letters for the members and returns at once. A member that
// joined anew since it fell behind is served again.
func (c *courier) offer(ctx context.Context, members []room.Member, letters []letter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head = letters[len(letters)-1].seq
	for _, m := range members {
		l := c.byID[m.ConnectionID]
		if l == nil || (l.stopped && m.Behind == room.InStep && !m.JoinedAt.Equal(l.member.JoinedAt)) {
			// A stopped line sends no messages any more, so a new one beside it
			// keeps the order.
			l = &line{member: m, stopped: m.Behind != room.InStep}
			c.byID[m.ConnectionID] = l
			if m.Behind == room.Untold {
				c.start(func() { c.tell(ctx, m) })
			}
		}
		if l.stopped {
			continue
		}
		l.queue = append(l.queue, letters...)
		if !l.running {
			l.running = true
			c.start(func() { c.serve(ctx, l) })
		}
	}
}

// start runs f as a line. The caller holds mu.
func (c *courier) start(f func()) {
	if c.running == 0 {
		c.idle = make(chan struct{})
	}
	c.running++
	c.lines.Go(func() {
		f()
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.running--; c.running == 0 {
			close(c.idle)
		}
	})
}

// wait returns true when every line is done, false after the given time.
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
	timer := c.Clock.AfterFunc(atMost, func() { close(late) })
	defer timer.Stop()
	select {
	case <-idle:
		return true
	case <-late:
	case <-ctx.Done():
	}
	return false
}

// failed returns what stops the whole drain.
func (c *courier) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// serve sends a line's queue until it is empty or the member is behind.
func (c *courier) serve(ctx context.Context, l *line) {
	for {
		c.mu.Lock()
		letters := l.queue
		l.queue = nil
		if len(letters) == 0 || l.stopped {
			l.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()

		frames, err := c.plan.frames(letters, l.member.ConnectionID)
		for _, frame := range frames {
			if err == nil {
				err = c.send(ctx, l.member.ConnectionID, frame)
			}
		}
		if ctx.Err() == nil && !errors.Is(err, connection.ErrGone) {
			c.note(oldest(letters, l.member.ConnectionID))
		}
		if err != nil {
			c.giveUp(ctx, l, err)
		}
	}
}

// send posts one frame, again and again while there is hope that the member
// takes it.
func (c *courier) send(ctx context.Context, id string, frame []byte) error {
	const firstPause, longestPause = 25 * time.Millisecond, 400 * time.Millisecond
	refusedSince := time.Time{}
	pause := firstPause
	marked := false
	defer func() {
		if marked {
			c.countThrottled(-1)
		}
	}()
	doubted := false
	for {
		err := c.postOnce(ctx, id, frame)
		switch {
		case err == nil, ctx.Err() != nil, errors.Is(err, connection.ErrTooLarge):
			return err
		case errors.Is(err, connection.ErrGone):
			if doubted {
				return err
			}
			doubted = true
			if _, asked := c.Gateway.Status(ctx, id); asked != nil {
				if !errors.Is(asked, connection.ErrGone) && ctx.Err() == nil {
					c.Logger.WarnContext(ctx, "410 is believed, since its connection cannot be asked about", "connectionId", id, "error", asked)
				}
				return err
			}
			continue // the 410 was wrong
		case errors.Is(err, connection.ErrThrottled):
			if !marked {
				marked = true
				c.countThrottled(+1)
			}
		case !temporary(err):
			c.fail(err)
			return err
		}
		now := c.Clock.Now()
		if refusedSince.IsZero() || (marked && c.rateLimited()) {
			refusedSince = now
		}
		if now.Sub(refusedSince) >= c.config.SlowAfter {
			return err
		}
		if sleep := clock.Sleep(ctx, c.Clock, pause); sleep != nil {
			return sleep
		}
		pause = min(2*pause, longestPause)
	}
}

func (c *courier) postOnce(ctx context.Context, id string, frame []byte) error {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.slots }()
	return c.post(ctx, id, frame)
}

func (c *courier) countThrottled(by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.throttled += by
}

// rateLimited tells the account's rate from a slow client: refusals to many at
// once are the rate, to one they are the client.
func (c *courier) rateLimited() bool {
	const few = 3
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.throttled > few && 2*c.throttled > len(c.byID)
}

func (c *courier) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
	}
}

// giveUp stops live delivery to a member: it is behind until it joins again.
// One that seems to be gone gets a strike, which the sweeper looks into; if its
// connection is over already, what is left of the membership goes.
func (c *courier) giveUp(ctx context.Context, l *line, cause error) {
	c.mu.Lock()
	l.stopped = true
	l.queue = nil
	member := l.member
	c.mu.Unlock()
	if ctx.Err() != nil || c.failed() != nil {
		return // the drain ends without advancing; another one serves the member
	}
	if errors.Is(cause, connection.ErrGone) {
		err := c.Connections.Check(ctx, member.ConnectionID, 1, c.Clock.Now())
		if errors.Is(err, connection.ErrNotFound) {
			if err := c.Members.Delete(ctx, member.Room, member.ConnectionID); err != nil {
				c.fail(err)
			}
			return
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
	err := c.Members.SetBehind(ctx, member, room.Untold)
	switch {
	case errors.Is(err, room.ErrNotMember):
		return // it has left
	case errors.Is(err, room.ErrOvertaken):
		// It has joined anew and counts on what the line has just dropped.
		c.fail(errRejoined)
		return
	case err != nil:
		c.fail(err)
		return
	}
	if !errors.Is(cause, connection.ErrGone) {
		c.countBehind()
		c.tell(ctx, member)
	}
}

// errRejoined is returned when a line was given up although its member has
// joined anew. Another drain must serve what this one has dropped.
var errRejoined = errors.New("member joined anew while it was given up")

// tell lets a member know that it is behind. If it cannot be told now, each
// later drain tries again, and its next sync finds out.
func (c *courier) tell(ctx context.Context, member room.Member) {
	c.mu.Lock()
	head := c.head
	c.mu.Unlock()
	frame, err := protocol.Marshal(protocol.NewBehind(member.Room, c.epoch, head))
	if err != nil || c.postOnce(ctx, member.ConnectionID, frame) != nil {
		return
	}
	err = c.Members.SetBehind(ctx, member, room.Informed)
	if err != nil && !errors.Is(err, room.ErrNotMember) && !errors.Is(err, room.ErrOvertaken) {
		c.Logger.WarnContext(ctx, "member told that it is behind, but not recorded", "room", member.Room, "error", err)
	}
}

// temporary reports whether a later attempt may succeed.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &t) && t.Temporary())
}
