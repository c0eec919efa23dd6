package broadcast

import (
	"context"
	"errors"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

// serve sends what is in an outbox until it is empty or the member is behind.
func (c *courier) serve(ctx context.Context, o *outbox) {
	for {
		messages, joinedAt := c.next(o)
		if len(messages) == 0 {
			return
		}
		frames, err := c.plan.frames(messages, o.connectionID)
		for _, f := range frames {
			if err == nil {
				err = c.send(ctx, o, joinedAt, f)
			}
		}
		if ctx.Err() == nil && err == nil {
			c.note(oldest(messages, o.connectionID))
		}
		switch {
		case err == nil:
			c.accept(o, joinedAt, messages[len(messages)-1].seq)
		case errors.Is(err, errSuperseded):
		default:
			if !c.giveUp(ctx, o, joinedAt, err) {
				return
			}
		}
	}
}

// next returns the messages of an outbox and the join that they are for. If there
// is nothing to send, it returns nothing and the outbox is no longer being
// served.
func (c *courier) next(o *outbox) ([]message, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(o.batches) == 0 || o.behind {
		o.sending = false
		return nil, time.Time{}
	}
	return o.messages(), o.joinedAt
}

// accept removes the messages up to a number that a member has accepted or
// published itself.
func (c *courier) accept(o *outbox, joinedAt time.Time, upto uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.joinedAt.Equal(joinedAt) {
		o.drop(upto)
	}
}

var (
	// errSuperseded is returned when a member has joined again or left, so that
	// the rest need not be sent.
	errSuperseded = errors.New("member joined again or left")
	// errLate is returned when a member accepts less than comes.
	errLate = errors.New("member accepts less than comes")
)

const (
	firstPause   = 25 * time.Millisecond
	longestPause = 400 * time.Millisecond
)

// send posts one frame, and repeats it while the member may still accept it.
func (c *courier) send(ctx context.Context, o *outbox, joinedAt time.Time, f frame) error {
	pause := firstPause
	var peer doubt
	for {
		failing, err := c.mayPost(o, joinedAt)
		if err != nil {
			return err
		}
		began := c.clock.Now()
		waited, err := c.poster.post(ctx, o.connectionID, f.json, failing)
		switch {
		case err == nil:
			c.posted(o, joinedAt, f.last, waited, failing)
			return nil
		case ctx.Err() != nil, errors.Is(err, errOutOfTime), errors.Is(err, connection.ErrTooLarge):
			return err
		case errors.Is(err, connection.ErrGone):
			if peer.gone(ctx, c, o.connectionID) {
				return err
			}
		case errors.Is(err, connection.ErrThrottled), errors.Is(err, context.Canceled): // post gave up on it
		case !temporary(err):
			c.fail(err)
			return err
		}
		if c.refused(o, began, waited, failing) {
			return err
		}
		if sleep := clock.Sleep(ctx, c.clock, pause); sleep != nil {
			return sleep
		}
		pause = min(2*pause, longestPause)
	}
}

// mayPost reports whether the member refused its latest frame. It returns an
// error if the member must be sent nothing more.
func (c *courier) mayPost(o *outbox, joinedAt time.Time) (failing bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(o.batches) == 0 || !o.joinedAt.Equal(joinedAt):
		return false, errSuperseded
	case o.lateness(c.clock.Now()) >= c.config.BehindAfter:
		return false, errLate
	}
	return o.failing, nil
}

// posted records that a member has accepted a frame.
func (c *courier) posted(o *outbox, joinedAt time.Time, last uint64, waited time.Duration, failing bool) {
	c.accept(o, joinedAt, last)
	c.mu.Lock()
	defer c.mu.Unlock()
	o.waited += waited
	o.refusedSince, o.failing = time.Time{}, false
	if !failing {
		c.posts.accepted++
	}
}

// refused records that a member has not accepted a frame whose post began at the
// given time. It reports whether to give the member up: after SlowAfter, or after
// BehindAfter while the cause may not be the member.
//
// A 429 may mean the account's rate or a client whose buffer is full, and a
// time-out may mean our network or a client that is gone. Failures that are not
// the member's fault affect members in good standing as well: if those accepted
// most of their posts while this member's oldest message waited, the cause is the
// member.
func (c *courier) refused(o *outbox, began time.Time, waited time.Duration, failing bool) (giveUp bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o.waited += waited
	o.failing = true
	if !failing {
		c.posts.refused++
	}
	if o.refusedSince.IsZero() {
		o.refusedSince = began.Add(waited)
	}
	patience := c.config.SlowAfter
	if len(o.batches) > 0 {
		then := o.batches[0].posts
		accepted, refused := c.posts.accepted-then.accepted, c.posts.refused-then.refused
		if accepted == 0 || accepted < refused {
			patience = max(patience, c.config.BehindAfter)
		}
	}
	return c.clock.Now().Sub(o.refusedSince) >= patience
}

// doubt records what is known about a connection whose post returned 410.
type doubt struct{ asked, warned bool }

// gone reports whether to believe a 410. API Gateway must answer 410 twice, or
// once and confirm it when asked about the connection
// (https://github.com/aws/aws-sdk-js/issues/3773).
func (d *doubt) gone(ctx context.Context, c *courier, id string) bool {
	_, err := c.gateway.Status(ctx, id)
	switch {
	case d.asked, errors.Is(err, connection.ErrGone):
		return true
	case err == nil:
		d.asked = true
	case !d.warned && ctx.Err() == nil:
		d.warned = true
		c.logger.WarnContext(ctx, "could not ask about the connection of a 410", "connectionId", id, "error", err)
	}
	return false
}

// giveUp records that a member is behind, for its outbox's join, and reports
// whether there may be more to send. It writes the record before it empties the
// outbox: until then the pointer stays below the messages.
func (c *courier) giveUp(ctx context.Context, o *outbox, joinedAt time.Time, cause error) bool {
	if errors.Is(cause, errOutOfTime) {
		c.fail(cause)
	}
	if ctx.Err() != nil || c.failed() != nil {
		c.stop(o)
		return false // the drain ends; another one serves the member
	}
	c.mu.Lock()
	current := o.joinedAt.Equal(joinedAt)
	o.behind = current
	c.mu.Unlock()
	if !current {
		return true
	}
	c.note(oldest(c.queued(o), o.connectionID))
	if err := c.recorder.record(ctx, c.room, o.connectionID, joinedAt); err != nil {
		c.fail(err)
		c.stop(o)
		return false
	}
	gone := errors.Is(cause, connection.ErrGone)
	c.mu.Lock()
	current = o.joinedAt.Equal(joinedAt)
	if current {
		o.batches = nil
	}
	if !gone {
		c.lag.behind++
	}
	head := c.head
	c.mu.Unlock()
	if !gone && current { // a member that has joined again is not behind
		c.tell(ctx, o.connectionID, head)
	}
	return true
}

// stop leaves an outbox as it is: its messages hold the pointer back.
func (c *courier) stop(o *outbox) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o.sending = false
}

func (c *courier) queued(o *outbox) []message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return o.messages()
}

// temporary reports whether a later attempt may succeed.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &t) && t.Temporary())
}
