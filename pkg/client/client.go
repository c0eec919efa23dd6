package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Client is a connection that reconnects by itself, and the rooms on it. It is
// safe for concurrent use. The caller of [Dial] must call [Client.Close].
type Client struct {
	url     string
	options Options
	clock   clock.Clock
	events  *events
	outbox  *outbox
	keys    keys

	// ctx is the client's life. Calls return its cause after its end.
	ctx  context.Context
	stop context.CancelCauseFunc
	// links counts the connections made.
	links atomic.Uint64
	// hurry ends a pause between attempts.
	hurry chan struct{}
	done  chan struct{}

	mu sync.Mutex
	// group counts the goroutines; none starts once sealed.
	group  sync.WaitGroup
	sealed bool
	state  State
	why    error
	link   *link
	// rotating is true while a replacement is being opened and link is in use.
	rotating bool
	// changed is closed, and replaced, when link changes.
	changed chan struct{}
	user    string
	rooms   map[string]*Room
	joins   uint64
	// leaving holds the rooms whose leave is under way: a new join waits for it.
	leaving map[string]<-chan struct{}
}

// Dial connects and authenticates. ctx bounds only that: the client lives until
// [Client.Close], or until the server ends it for good. The error is a
// [*DialError], [*TokenError], [*CloseError] or [*Error], or the cause of ctx's
// end. Without [Options.RetryDial] there is one attempt.
func Dial(ctx context.Context, url string, options Options) (*Client, error) {
	options = options.WithDefaults()
	if err := options.validate(); err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	c := newClient(ctx, url, options)
	first, err := c.dial(ctx)
	if err != nil {
		c.finish(err)
		_ = c.Close()
		<-c.done
		return nil, fmt.Errorf("dial: %w", err)
	}
	c.begin(first) //nolint:contextcheck // it outlives the dial
	return c, nil
}

// newClient returns a client without a connection.
func newClient(ctx context.Context, url string, options Options) *Client {
	life, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	c := &Client{
		url: url, options: options, clock: options.Clock, events: newEvents(), keys: newKeys(),
		ctx: life, stop: stop, hurry: make(chan struct{}, 1), done: make(chan struct{}),
		state: Connecting, changed: make(chan struct{}),
		rooms: map[string]*Room{}, leaving: map[string]<-chan struct{}{},
	}
	c.outbox = newOutbox(c)
	go c.settle()
	return c
}

// begin adopts the first connection, and keeps the client connected from then on.
func (c *Client) begin(first *opened) {
	c.adopt(first)
	c.spawn(func() { c.supervise(first.link) })
}

// settle runs handlers until everything has ended.
func (c *Client) settle() {
	defer close(c.done)
	c.events.run(c.options.OnState, func(n int) {
		c.options.Logger.WarnContext(c.ctx, "handlers are too slow: presence changes or ephemeral messages dropped", "count", n)
	})
	c.group.Wait()
}

// Close ends the connection and every call; waiting publishes return
// [ErrClosed]. It waits for the client's goroutines, except for a running
// handler, so a handler may call it; [Client.Done] waits for the handler too.
func (c *Client) Close() error {
	c.finish(nil)
	c.group.Wait()
	return nil
}

// Done is closed once the client has ended and its last handler has returned.
func (c *Client) Done() <-chan struct{} { return c.done }

// State returns the state of the connection and its reason. The error is nil in
// the state [Connected].
func (c *Client) State() (State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state, c.why
}

// User returns the user that the server took from the token.
func (c *Client) User() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user
}

// Session returns [Options.Session] or its default: this client's name, which
// stays across reconnects.
func (c *Client) Session() string { return c.options.Session }

// Check checks at once that the connection is alive and that nothing was missed.
// Without a connection it ends the pause before the next attempt, except for a
// pause that the server asked for. Call it after the machine slept or changed
// its network.
func (c *Client) Check() {
	if l := c.current(); l != nil {
		c.spawn(func() { l.ping(doubtTimeout, true) })
		return
	}
	signal(c.hurry)
}

// Join makes the client a member of a room, now and after each reconnect. It
// returns at once: [Room.Next] and [Room.Ready] return the error if the name is
// invalid or the token does not permit the join. Until [Room.Leave], another Join
// of the name returns the same Room and ignores its options.
func (c *Client) Join(name string, options ...JoinOption) *Room {
	c.mu.Lock()
	if r := c.rooms[name]; r != nil {
		c.mu.Unlock()
		return r
	}
	r := newRoom(c, name, options)
	r.after = c.leaving[name]
	c.joins++
	r.number = c.joins
	c.rooms[name] = r
	c.mu.Unlock()
	if !c.spawn(r.follow) {
		r.finish(c.over())
	}
	return r
}

// Room returns a room without joining it, for [Room.Publish], [Room.Send],
// [Room.History] and [Room.Presence]; [Room.Next] returns [ErrNotJoined]. If the
// room is joined, Room returns the joined one.
func (c *Client) Room(name string) *Room {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.rooms[name]; r != nil {
		return r
	}
	r := newRoom(c, name, nil)
	r.finish(ErrNotJoined)
	return r
}

// spawn runs f on a goroutine that Close waits for; it reports false once the
// client is closed.
func (c *Client) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sealed {
		return false
	}
	c.group.Go(f)
	return true
}

// finish ends the client; why is nil if the application closes it. The first
// call decides the cause.
func (c *Client) finish(why error) {
	c.mu.Lock()
	if c.state == Closed {
		c.mu.Unlock()
		return
	}
	cause := ErrClosed
	if why != nil {
		cause = fmt.Errorf("%w: %w", ErrClosed, why)
	} else {
		why = ErrClosed
	}
	c.state, c.why = Closed, why
	l := c.link
	c.link = nil
	rooms := make([]*Room, 0, len(c.rooms))
	for _, r := range c.rooms {
		rooms = append(rooms, r)
	}
	c.mu.Unlock()
	c.options.Logger.InfoContext(c.ctx, "closed", "reason", why)
	if l != nil {
		l.end(ErrClosed, true)
	}
	c.stop(cause)
	for _, r := range rooms {
		r.finish(cause)
	}
	c.mu.Lock()
	c.sealed = true
	c.mu.Unlock()
	c.events.state(StateChange{State: Closed, Err: why})
	c.events.close()
}

// over returns the error of all calls after the client's end.
func (c *Client) over() error { return context.Cause(c.ctx) }

// current returns the connection in use, or nil if there is none or it has
// ended.
func (c *Client) current() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil || c.link.over() {
		return nil
	}
	return c.link
}

// connected waits for a connection.
func (c *Client) connected(ctx context.Context) (*link, error) {
	for {
		c.mu.Lock()
		l, changed := c.link, c.changed
		c.mu.Unlock()
		if l != nil && !l.over() {
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-c.ctx.Done():
			return nil, c.over()
		}
	}
}

// command sends a command, and repeats it after temporary failures until ctx is
// done.
func (c *Client) command(ctx context.Context, params protocol.Params) (jsontext.Value, error) {
	for tries := 0; ; tries++ {
		l, err := c.connected(ctx)
		if err != nil {
			return nil, err
		}
		result, err := l.call(ctx, params)
		if err == nil {
			return result, nil
		}
		if c.ctx.Err() != nil {
			return nil, c.over()
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !c.mayRepeat(l, err) {
			return nil, err
		}
		if err := c.rest(ctx, l, err, tries); err != nil {
			return nil, err
		}
	}
}

// mayRepeat reports whether a command that failed on a link with err should be
// sent again. If a fresh token or another connection is needed first, it asks
// for that.
func (c *Client) mayRepeat(l *link, err error) bool {
	switch {
	case c.ctx.Err() != nil:
		return false
	case hasCode(err, protocol.TokenExpired) && c.options.GetToken != nil:
		signal(l.renew)
	case hasCode(err, protocol.Unauthenticated):
		l.end(err, true) // the server does not know this connection any more
	default:
		return passing(err)
	}
	return true
}

// rest waits before a repetition, or until l has ended.
func (c *Client) rest(ctx context.Context, l *link, err error, tries int) error {
	if errors.Is(err, ErrDisconnected) || hasCode(err, protocol.Unauthenticated) {
		return ctx.Err()
	}
	wake := newAlarm(c.clock)
	defer wake.stop()
	wake.set(pause(err) + c.options.backoff(tries))
	select {
	case <-wake.C:
	case <-l.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.ctx.Done():
		return c.over()
	}
	return nil
}

// complain reports an error that ends nothing.
func (c *Client) complain(err error) {
	c.options.Logger.WarnContext(c.ctx, "went wrong", "error", err)
	if c.options.OnError != nil {
		c.events.hint(func() { c.options.OnError(err) })
	}
}

// set changes the state, unless the client has ended.
func (c *Client) set(state State, why error, retry time.Duration) {
	c.mu.Lock()
	if c.state == Closed {
		c.mu.Unlock()
		return
	}
	c.setLocked(state, why, retry)
	c.mu.Unlock()
	c.options.Logger.InfoContext(c.ctx, string(state), "reason", why, "retryIn", retry)
}

// setLocked changes the state and queues its event under one lock, so that
// events keep the order of the changes.
func (c *Client) setLocked(state State, why error, retry time.Duration) {
	c.state, c.why = state, why
	c.events.state(StateChange{state, why, retry})
}
