package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// opened is a connection on which hello was answered.
type opened struct {
	link    *link
	welcome welcome
	// asked is where each room of the hello was then.
	asked map[*Room]Position
}

// dial makes the first connection, in one attempt or in several.
func (c *Client) dial(ctx context.Context) (*opened, error) {
	first, err := c.connect(ctx, false)
	if err == nil || !c.options.RetryDial {
		return first, err
	}
	if hopeless(err) && !badToken(err) {
		return nil, err
	}
	attempt := 0
	return c.retry(ctx, Connecting, err, &attempt)
}

// supervise keeps the client connected until its end, beginning with a link
// that was adopted.
func (c *Client) supervise(l *link) {
	attempt := 0
	for {
		if replaced := c.hold(l, &attempt); replaced != nil {
			l = replaced
			continue
		}
		why := l.reason()
		if c.ctx.Err() != nil {
			return
		}
		if closed := (*CloseError)(nil); errors.As(why, &closed) && closed.final {
			c.finish(why)
			return
		}
		if c.clock.Now().Sub(l.born()) >= held {
			attempt = 0
		}
		next, err := c.retry(c.ctx, Reconnecting, why, &attempt)
		if err != nil {
			c.finish(err)
			return
		}
		c.adopt(next)
		l = next.link
	}
}

func (l *link) born() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.since
}

// hold waits for the end of a link, and replaces it before the platform ends
// it: make, then break. It returns the replacement, or nil if the link has ended.
func (c *Client) hold(l *link, attempt *int) *link {
	rotate := newAlarm(c.clock)
	defer rotate.stop()
	if l.rotateIn > 0 {
		rotate.set(max(l.rotateIn, rotateSoonest))
	}
	for {
		select {
		case <-l.done:
			return nil
		case <-c.ctx.Done():
			<-l.done
			return nil
		case <-rotate.C:
		}
		c.rotate(true)
		next, err := c.connect(c.ctx, false)
		c.rotate(false)
		if closed := (*CloseError)(nil); errors.As(l.reason(), &closed) && closed.final {
			if next != nil {
				next.link.end(ErrClosed, true)
			}
			return nil
		}
		if err == nil {
			*attempt = 0
			c.adopt(next)
			return next.link
		}
		// The connection in use is as good as before.
		c.complain(fmt.Errorf("replace connection: %w", err))
		rotate.set(pause(err) + time.Second + c.options.backoff(*attempt))
		*attempt++
	}
}

func (c *Client) rotate(under bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rotating = under
}

// retry makes attempts with growing pauses, until one succeeds, another is
// without hope, or ctx is done.
func (c *Client) retry(ctx context.Context, state State, why error, attempt *int) (*opened, error) {
	for {
		fresh := badToken(why)
		if closed := (*CloseError)(nil); errors.As(why, &closed) {
			fresh = closed.Code == protocol.CloseTokenExpired.Code || closed.Code == protocol.CloseUnauthenticated.Code
		}
		least, more := pause(why), c.options.backoff(*attempt)
		*attempt++
		c.set(state, why, least+more)
		if err := c.doze(ctx, least, more); err != nil {
			return nil, err
		}
		next, err := c.connect(ctx, fresh)
		switch {
		case err == nil:
			return next, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case badToken(err):
			if fresh && !hasCode(err, protocol.TokenExpired) {
				return nil, err // a fresh one was refused too
			}
		case hopeless(err):
			return nil, err
		}
		why = err
	}
}

// doze waits for least, which the server asked for, and then for more, unless a
// Check ends that.
func (c *Client) doze(ctx context.Context, least, more time.Duration) error {
	if err := clock.Sleep(ctx, c.clock, least); err != nil {
		return context.Cause(ctx)
	}
	select {
	case <-c.hurry: // from before
	default:
	}
	wake := newAlarm(c.clock)
	wake.set(more)
	defer wake.stop()
	select {
	case <-wake.C:
	case <-c.hurry:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// connect opens a connection and says hello.
func (c *Client) connect(ctx context.Context, fresh bool) (*opened, error) {
	token, err := c.token(ctx, fresh)
	if err != nil {
		return nil, err
	}
	header := c.options.Header.Clone()
	if token != "" {
		if header == nil {
			header = map[string][]string{}
		}
		header.Set("Authorization", "Bearer "+token)
	}
	url := c.url
	if get := c.options.GetURL; get != nil {
		if url, err = c.fetch(ctx, get); err != nil {
			return nil, err
		}
	}
	ctx, cancel := within(ctx, c.clock, connectTimeout, &DialError{Err: ErrNoAnswer})
	defer cancel()
	conn, err := c.options.Transport.Dial(ctx, url, header)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	l := newLink(c, conn)
	if !c.spawn(l.read) {
		l.end(ErrClosed, true)
		return nil, c.over()
	}
	hello, asked := c.hello(token)
	result, err := l.call(ctx, hello)
	if err == nil {
		var w welcome
		if w, err = decode[welcome](result); err == nil {
			l.rotateIn = time.Duration(w.RotateInMs) * time.Millisecond
			l.user = w.User
			return &opened{l, w, asked}, nil
		}
	}
	l.end(err, true)
	var closed *CloseError
	if errors.As(l.reason(), &closed) {
		return nil, closed // a bye says more than a lost answer
	}
	return nil, err
}

// hello names as many rooms as it may; the others join by themselves.
func (c *Client) hello(token string) (*protocol.Hello, map[*Room]Position) {
	c.mu.Lock()
	joined := slices.SortedFunc(maps.Values(c.rooms), func(a, b *Room) int { return cmp.Compare(a.number, b.number) })
	c.mu.Unlock()
	hello := &protocol.Hello{Token: token, Session: c.options.Session, Rooms: map[string]protocol.From{}}
	asked := map[*Room]Position{}
	for _, room := range joined {
		if len(asked) < protocol.MaxRoomsPerCommand && protocol.ValidRoom(room.name) {
			hello.Rooms[room.name], asked[room] = room.from()
		}
	}
	return hello, asked
}

// token asks the application for one.
func (c *Client) token(ctx context.Context, fresh bool) (string, error) {
	if c.options.GetToken == nil {
		return "", nil
	}
	return c.fetch(ctx, func(ctx context.Context) (string, error) { return c.options.GetToken(ctx, fresh) })
}

// fetch runs what the application brings its token or its URL with.
func (c *Client) fetch(ctx context.Context, get func(context.Context) (string, error)) (string, error) {
	ctx, cancel := within(ctx, c.clock, tokenTimeout, ErrNoAnswer)
	defer cancel()
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	// On a goroutine that nobody waits for: it may call Close, and may ignore
	// that its context has ended.
	go func() {
		text, err := get(ctx)
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		if a.err != nil {
			return "", &TokenError{a.err}
		}
		return a.text, nil
	case <-ctx.Done():
		return "", &TokenError{context.Cause(ctx)}
	}
}

// refresh presents a fresh token on a live connection and returns for how long
// it is valid.
func (c *Client) refresh(l *link) (time.Duration, error) {
	if c.options.GetToken == nil {
		return 0, nil
	}
	token, err := c.token(l.ctx, true)
	if err != nil {
		return 0, err
	}
	result, err := l.call(l.ctx, &protocol.Auth{Token: token})
	if hasCode(err, protocol.Conflict) || hasCode(err, protocol.Unauthenticated) {
		l.end(err, true) // another user: a connection of its own
	}
	if err != nil {
		return 0, fmt.Errorf("refresh token: %w", err)
	}
	answer, err := decode[protocol.AuthResult](result)
	return time.Duration(answer.TokenExpiresInMs) * time.Millisecond, err
}

// adopt makes a connection the one in use, and retires the one before.
func (c *Client) adopt(o *opened) {
	l := o.link
	l.mu.Lock()
	l.since = c.clock.Now()
	l.synced = l.since
	l.mu.Unlock()
	heartbeat := time.Duration(o.welcome.HeartbeatMs) * time.Millisecond
	if heartbeat <= 0 {
		heartbeat = defaultHeartbeat
	}
	c.spawn(func() { l.watch(heartbeat) })
	c.spawn(func() { l.tend(time.Duration(o.welcome.TokenExpiresInMs) * time.Millisecond) })
	c.mu.Lock()
	if c.state == Closed {
		c.mu.Unlock()
		l.end(ErrClosed, true)
		return
	}
	old := c.link
	c.link, c.user = l, l.user
	came := c.state != Connected
	if came {
		c.setLocked(Connected, nil, 0)
	}
	close(c.changed)
	c.changed = make(chan struct{})
	rooms := maps.Clone(c.rooms)
	var left []func()
	for room, at := range o.asked {
		// Under the lock, so that no room sees the link before its answer.
		switch rooms[room.name] {
		case room:
			room.welcome(l, o.welcome.Rooms[room.name], at)
		case nil:
			left = append(left, c.leaveLocked(l, room.name))
		default: // joined again meanwhile, as the server believes
		}
	}
	c.mu.Unlock()
	c.outbox.bind(l.user)
	if came {
		c.options.Logger.InfoContext(c.ctx, string(Connected))
	}
	if l.over() { // between hello and now; lost could not see it
		c.lost(l, l.reason())
	}
	for _, leave := range left {
		c.spawn(leave)
	}
	for _, room := range rooms {
		signal(room.wake)
	}
	if old != nil && !c.spawn(old.retire) {
		old.end(errReplaced, true)
	}
}

// leaveLocked tells the server, once it is run, that a room was left after the
// hello that named it. A join that comes meanwhile follows it. The caller holds
// mu.
func (c *Client) leaveLocked(l *link, name string) func() {
	before, done := c.leaving[name], make(chan struct{})
	c.leaving[name] = done
	return func() {
		defer close(done)
		_, _ = l.call(c.ctx, &protocol.Leave{Room: name}) // the link's end would do the same
		if before != nil {
			select {
			case <-before:
			case <-c.ctx.Done():
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.leaving[name] == (<-chan struct{})(done) {
			delete(c.leaving, name)
		}
	}
}

// lost forgets a link that has ended; supervise does the rest.
func (c *Client) lost(l *link, why error) {
	c.mu.Lock()
	current := c.link == l
	if current {
		c.link = nil
	}
	tell := current && c.rotating && c.state != Closed
	if tell {
		c.setLocked(Reconnecting, why, 0)
	}
	c.mu.Unlock()
	if tell {
		c.options.Logger.InfoContext(c.ctx, string(Reconnecting), "reason", why)
	}
}

// sync asks for the joined rooms whether anything was missed.
func (c *Client) sync(l *link) {
	if !l.maySync() {
		return
	}
	c.mu.Lock()
	rooms := slices.SortedFunc(maps.Values(c.rooms), func(a, b *Room) int { return cmp.Compare(a.name, b.name) })
	c.mu.Unlock()
	for some := range slices.Chunk(rooms, protocol.MaxRoomsPerCommand) {
		c.spawn(func() { c.syncSome(l, some) })
	}
}

// syncSome asks for some rooms, until it is answered or the link has ended.
func (c *Client) syncSome(l *link, rooms []*Room) {
	for tries := 0; ; tries++ {
		from, asked := map[string]protocol.From{}, map[*Room]Position{}
		for _, room := range rooms {
			if at, ok := room.syncable(l); ok {
				from[room.name], asked[room] = protocol.From{Since: &at.Seq, Epoch: at.Epoch}, at
			}
		}
		if len(asked) == 0 {
			return
		}
		result, err := l.call(l.ctx, &protocol.Sync{Rooms: from})
		if err == nil {
			answer, err := decode[syncResult](result)
			if err != nil {
				c.complain(err)
				return
			}
			for room, at := range asked {
				room.synced(l, answer.Rooms[room.name], at)
			}
			return
		}
		if !c.mayRepeat(l, err) || l.over() || c.rest(l.ctx, l, err, tries) != nil {
			return
		}
	}
}

// maySync reports whether the last sync is long enough ago, and counts this one.
func (l *link) maySync() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.client.clock.Now()
	if now.Sub(l.synced).Abs() < syncPause {
		return false
	}
	l.synced = now
	return true
}

// push hands a frame to its room. While one connection replaces another, both
// bring what has no number: it is taken from the one in use.
func (c *Client) push(l *link, f frame) {
	c.mu.Lock()
	r, live := c.rooms[f.Room], c.link == nil || c.link == l
	c.mu.Unlock()
	if r != nil && (live || f.Push == protocol.PushMessages || f.Push == protocol.PushBehind) {
		r.push(l, f)
	}
}
