package broadcast

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/msglog"
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
	rolls     int           // counts reads of the members
	throttled int           // lines that are being refused with 429
	counted   time.Time     // when late lines were last counted
	crowded   bool          // most lines were late: it is the rate, no member
	idle      chan struct{} // closed when running falls to 0
	failure   error         // first failure that is not one member's
	head      uint64        // highest number offered
	late      lateness      // since it was last told of
}

// line is one member's queue.
type line struct {
	member room.Member
	// queue is what has been offered and not dealt with. A letter leaves it
	// when it was posted, or when the member has left or is behind and informed;
	// not when the drain ends before that.
	queue   []letter
	running bool
	stopped bool // behind, or about to be: takes no more
	settled bool // stopped, and the member has left or is informed
	since   int  // the latest read of the members that had begun by then
}

func newCourier(b *Broadcaster, plan planner) *courier {
	idle := make(chan struct{})
	close(idle)
	return &courier{
		Broadcaster: b, plan: plan, epoch: plan.epoch, idle: idle,
		slots: make(chan struct{}, b.config.Width), byID: map[string]*line{},
	}
}

// reads counts a read of the members that begins now, for offer.
func (c *courier) reads() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rolls++
	return c.rolls
}

// offer queues letters, at least one, for the members as a read has found them,
// and returns at once. A member that was behind is served again when a read that
// began later finds it in step: it has joined anew.
func (c *courier) offer(ctx context.Context, reading int, members []room.Member, letters []letter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head = letters[len(letters)-1].seq
	for _, m := range members {
		l := c.byID[m.ConnectionID]
		if l == nil || (l.settled && l.since < reading && m.Behind == room.InStep) {
			// A settled line sends no messages any more, so a new one beside it
			// keeps the order.
			l = &line{member: m, stopped: m.Behind != room.InStep, settled: m.Behind == room.Informed, since: reading}
			c.byID[m.ConnectionID] = l
			if m.Behind == room.Untold {
				l.queue = letters
				c.start(func() { c.inform(ctx, l, false) })
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

// confirmed is up to where every member has been dealt with, if so far was
// offered.
func (c *courier) confirmed(offered uint64) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.byID {
		if len(l.queue) > 0 {
			offered = min(offered, l.queue[0].seq-1)
		}
	}
	return offered
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
		if len(letters) == 0 || l.stopped {
			l.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()

		frames, err := c.plan.frames(letters, l.member.ConnectionID)
		for _, f := range frames {
			if err == nil {
				err = c.send(ctx, l, f)
			}
		}
		if ctx.Err() == nil && !errors.Is(err, connection.ErrGone) {
			c.note(oldest(letters, l.member.ConnectionID))
		}
		if err != nil {
			c.giveUp(ctx, l, err)
			continue
		}
		c.dealt(l, letters[len(letters)-1].seq)
	}
}

// dealt takes what has been dealt with off a line's queue.
func (c *courier) dealt(l *line, upto uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < len(l.queue) && l.queue[n].seq <= upto {
		n++
	}
	l.queue = l.queue[n:]
}

// errLate is returned when a member takes less than comes.
var errLate = errors.New("member takes less than comes")

// send posts one frame, again and again while there is hope that the member
// takes it.
func (c *courier) send(ctx context.Context, l *line, f frame) error {
	const firstPause, longestPause = 25 * time.Millisecond, 400 * time.Millisecond
	refusedSince := time.Time{}
	pause := firstPause
	marked := false
	defer func() {
		if marked {
			c.countThrottled(-1)
		}
	}()
	id := l.member.ConnectionID
	doubted, warned := false, false
	for {
		if c.tooLate(l) {
			return errLate
		}
		err := c.postOnce(ctx, id, f.json)
		switch {
		case err == nil:
			c.dealt(l, f.last)
			return nil
		case ctx.Err() != nil, errors.Is(err, connection.ErrTooLarge):
			return err
		case errors.Is(err, connection.ErrGone):
			_, asked := c.Gateway.Status(ctx, id)
			if doubted || errors.Is(asked, connection.ErrGone) {
				return err
			}
			if asked == nil {
				doubted = true
				continue // the 410 was wrong
			}
			if !warned && ctx.Err() == nil {
				warned = true
				c.Logger.WarnContext(ctx, "connection of a 410 cannot be asked about", "connectionId", id, "error", asked)
			}
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

// rateLimited reports whether the account's rate is used up.
func (c *courier) rateLimited() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.many(c.throttled)
}

// many tells the account's rate from a slow client: what befalls many lines at
// once is the rate, what befalls one is the client. The caller holds mu.
func (c *courier) many(lines int) bool {
	const few = 3
	return lines > few && 2*lines > len(c.byID)
}

// tooLate reports whether a member is to be given up though it takes messages:
// one has waited for it for too long, and not for most others.
func (c *courier) tooLate(l *line) bool {
	now := c.Clock.Now()
	late := func(l *line) bool {
		return len(l.queue) > 0 && now.Sub(l.queue[0].offered) >= c.config.BehindAfter
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !late(l) {
		return false
	}
	// If all are late they all ask, so not each may count.
	if now.Sub(c.counted) >= c.config.Linger {
		n := 0
		for _, other := range c.byID {
			if late(other) {
				n++
			}
		}
		c.counted, c.crowded = now, c.many(n)
	}
	return !c.crowded
}

func (c *courier) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
	}
}

// giveUp stops live delivery to a member: it is behind until it joins again.
func (c *courier) giveUp(ctx context.Context, l *line, cause error) {
	c.mu.Lock()
	l.stopped = true
	c.mu.Unlock()
	if ctx.Err() != nil || c.failed() != nil {
		return // the drain ends; another one serves the member
	}
	err := c.Members.SetBehind(ctx, l.member, room.Untold)
	switch {
	case errors.Is(err, room.ErrNotMember):
		c.settle(l) // it has left
	case errors.Is(err, room.ErrOvertaken):
		// It has joined anew and counts on what the line has just dropped.
		c.fail(errRejoined)
	case err != nil:
		c.fail(err)
	default:
		gone := errors.Is(cause, connection.ErrGone)
		if !gone {
			c.countBehind()
		}
		c.inform(ctx, l, gone)
	}
}

// inform has a member that is behind told so, and settles its line.
func (c *courier) inform(ctx context.Context, l *line, gone bool) {
	c.mu.Lock()
	head := msglog.Position{Epoch: c.epoch, Seq: c.head}
	c.mu.Unlock()
	if err := c.Broadcaster.inform(ctx, l.member, head, gone); err != nil {
		c.fail(err)
		return
	}
	c.settle(l)
}

// settle ends a line: what becomes of its member is on record.
func (c *courier) settle(l *line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.settled, l.since, l.queue = true, c.rolls, nil
}

// errRejoined is returned when a line was given up although its member has
// joined anew. Another drain must serve what this one has dropped.
var errRejoined = errors.New("member joined anew while it was given up")

// temporary reports whether a later attempt may succeed.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &t) && t.Temporary())
}
