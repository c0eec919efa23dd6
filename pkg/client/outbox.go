package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// outbox holds the publishes that wait for their acknowledgement. In one room
// one is under way at a time: the platform handles the commands of a connection
// concurrently, so that two could change places.
type outbox struct {
	client *Client

	mu     sync.Mutex
	count  int
	queues map[string][]*letter
}

// letter is one publish that waits.
type letter struct {
	params *protocol.Publish
	// ctx is the caller's.
	ctx context.Context
	// result takes what became of it; capacity one.
	result chan outcome
	// user is who says it: keys are the user's, so that a repetition by another
	// one would be a second message. Empty before the first connection.
	user string
}

type outcome struct {
	published Published
	err       error
}

func newOutbox(c *Client) *outbox {
	return &outbox{client: c, queues: map[string][]*letter{}}
}

// publish queues one and waits for what becomes of it.
func (o *outbox) publish(ctx context.Context, p *protocol.Publish) (Published, error) {
	if _, err := protocol.EncodeCommand(nil, p); err != nil {
		return Published{}, local(err)
	}
	if ctx.Err() != nil {
		return Published{}, context.Cause(ctx)
	}
	l := &letter{params: p, ctx: ctx, result: make(chan outcome, 1), user: o.client.User()}
	if err := o.add(l); err != nil { //nolint:contextcheck // the runner serves all callers, each letter carries its own
		return Published{}, err
	}
	select {
	case r := <-l.result:
		return r.published, r.err
	case <-ctx.Done():
	case <-o.client.ctx.Done():
	}
	o.giveUp(l)
	select {
	case r := <-l.result: // it came in the same moment
		return r.published, r.err
	default:
	}
	if ctx.Err() != nil {
		return Published{}, context.Cause(ctx)
	}
	return Published{}, o.client.over()
}

func (o *outbox) add(l *letter) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client.ctx.Err() != nil {
		return o.client.over()
	}
	if o.count >= o.client.options.MaxPending {
		return ErrQueueFull
	}
	room := l.params.Room
	// A room has an entry as long as it has a runner, even when its queue is empty:
	// two runners would send one publish twice, out of order.
	_, running := o.queues[room]
	o.queues[room] = append(o.queues[room], l)
	if !running && !o.client.spawn(func() { o.run(room) }) {
		delete(o.queues, room)
		return o.client.over()
	}
	o.count++
	return nil
}

// bind makes what was queued before there was a user that of the first one.
func (o *outbox) bind(user string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, queue := range o.queues {
		for _, l := range queue {
			l.user = cmp.Or(l.user, user)
		}
	}
}

// saidBy reports whether a letter is a user's.
func (o *outbox) saidBy(l *letter, user string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	l.user = cmp.Or(l.user, user) // added while bind ran
	return l.user == user
}

// giveUp takes a letter out that was never sent. One that is under way stays
// until its attempt has ended, to keep its place before the next.
func (o *outbox) giveUp(l *letter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	queue := o.queues[l.params.Room]
	for i, other := range queue {
		if other == l && i > 0 {
			o.queues[l.params.Room] = append(queue[:i:i], queue[i+1:]...)
			o.count--
			return
		}
	}
}

// run sends the letters of one room until there is none.
func (o *outbox) run(room string) {
	for {
		o.mu.Lock()
		queue := o.queues[room]
		if len(queue) == 0 {
			delete(o.queues, room)
			o.mu.Unlock()
			return
		}
		l := queue[0]
		o.mu.Unlock()
		published, err := o.deliver(l)
		l.result <- outcome{published, err}
		o.mu.Lock()
		o.queues[room] = o.queues[room][1:]
		o.count--
		o.mu.Unlock()
		if o.client.ctx.Err() != nil {
			o.mu.Lock()
			delete(o.queues, room) // the callers have seen it themselves
			o.mu.Unlock()
			return
		}
	}
}

// deliver repeats a letter until it is acknowledged, refused or given up.
func (o *outbox) deliver(l *letter) (Published, error) {
	c, ctx := o.client, l.ctx
	var first time.Time
	for tries := 0; ; tries++ {
		link, err := c.connected(ctx)
		if err != nil {
			return Published{}, err
		}
		room := c.joinedRoom(l.params.Room)
		if room != nil {
			if err := room.waitPlace(ctx); err != nil {
				return Published{}, err
			}
		}
		if ctx.Err() != nil {
			return Published{}, context.Cause(ctx)
		}
		// Also by the time of day, which Round is for: timers, and a monotonic
		// clock, may stand still while the machine sleeps.
		now := c.clock.Now().Round(0)
		if tries == 0 {
			first = now
			var cancel context.CancelFunc
			ctx, cancel = within(ctx, c.clock, c.options.KeyWindow, ErrUnacknowledged)
			defer cancel()
		}
		if now.Sub(first) >= c.options.KeyWindow {
			return Published{}, ErrUnacknowledged
		}
		if !o.saidBy(l, link.user) {
			return Published{}, ErrOtherUser
		}
		published, err := o.attempt(link, room, l.params)
		if err == nil {
			return published, nil
		}
		if c.ctx.Err() != nil {
			return Published{}, c.over()
		}
		if ctx.Err() != nil {
			return Published{}, context.Cause(ctx)
		}
		if !c.mayRepeat(link, err) {
			return Published{}, err
		}
		if err := c.rest(ctx, link, err, tries); err != nil {
			return Published{}, err
		}
	}
}

// attempt sends a letter once. It waits for the answer even if the caller does
// not any more: the message is the room's then, and comes by no other way.
func (o *outbox) attempt(link *link, room *Room, p *protocol.Publish) (Published, error) {
	if room != nil {
		room.sending.Add(1)
		defer signal(room.wake)
	}
	result, err := link.call(o.client.ctx, p)
	if room != nil {
		room.sending.Add(-1)
	}
	if err != nil {
		return Published{}, err
	}
	answer, err := decode[protocol.PublishResult](result)
	if err != nil {
		return Published{}, err
	}
	published := Published{Position{answer.Epoch, answer.Seq}, answer.Duplicate}
	link.acknowledged(p.Room, published.Position)
	if room := o.client.joinedRoom(p.Room); room != nil { // it may have been joined, or left and joined again, meanwhile
		room.own(published, link.user, p)
	}
	return published, nil
}

func (c *Client) joinedRoom(name string) *Room {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rooms[name]
}

// keys makes idempotency keys: random for each client, counted in it.
type keys struct {
	prefix string
	count  *atomic.Uint64
}

func newKeys() keys { return keys{rand.Text(), new(atomic.Uint64)} }

func (k keys) next() string { return k.prefix + "." + strconv.FormatUint(k.count.Add(1), 36) }
