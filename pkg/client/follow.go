package client

import (
	"context"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// follow joins the room on each connection and reads from the log what did not
// come by itself, until the room is left or the client ends.
func (r *Room) follow() {
	defer close(r.left)
	c := r.client
	if r.after != nil {
		select {
		case <-r.after:
		case <-c.ctx.Done():
		}
	}
	patience := newAlarm(c.clock)
	defer patience.stop()
	for tries := 0; ; {
		l := c.current()
		params, asked, wait := r.next(l)
		switch {
		case c.ctx.Err() != nil:
			return
		case r.isLeft():
			r.sayLeave(l)
			return
		case params == nil:
			if wait > 0 {
				patience.set(wait)
			}
			select {
			case <-r.wake:
			case <-patience.C:
			case <-c.ctx.Done():
			}
			continue
		}
		err := r.ask(l, params, asked)
		if err == nil {
			tries = 0
			continue
		}
		_ = c.rest(r.life, l, err, tries) // whatever ended it, the loop sees it
		tries++
	}
}

func (r *Room) isLeft() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over != nil
}

// sayLeave tells the server, if l is where we have joined; the end of the
// connection would do the same. On another, a later Join of the name may have
// come before.
func (r *Room) sayLeave(l *link) {
	c := r.client
	r.mu.Lock()
	joined := l != nil && (l == r.on || l == r.joining)
	r.mu.Unlock()
	if joined {
		if _, err := l.call(c.ctx, &protocol.Leave{Room: r.name}); err != nil {
			c.options.Logger.DebugContext(c.ctx, "leave not answered", "room", r.name, "error", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving[r.name] == (<-chan struct{})(r.left) {
		delete(c.leaving, r.name)
	}
}

// next returns the next command on a link: a join, a page of history, or nil for
// now. wait is the time after which to look again, if it is known.
func (r *Room) next(l *link) (params protocol.Params, asked Position, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l == nil || r.over != nil || r.on == l && r.refused != nil {
		return nil, asked, 0
	}
	from, asked := r.fromLocked()
	join := &protocol.Join{Room: r.name, From: from}
	history := protocol.Params(join)
	if !r.noHistory && from.Since != nil {
		history = &protocol.History{Room: r.name, Since: from.Since, Epoch: from.Epoch}
	}
	halted, joinNext := l.isHalted(r.name)
	switch {
	case r.on != l:
		r.joining = l
		l.resume(r.name)
		return join, asked, 0
	case r.seq.need:
		if r.seq.thirsty() {
			r.seq.need = false // what is found missing from now on is another need
			return history, asked, 0
		}
		return nil, asked, 0
	case halted && !joinNext && r.seq.thirsty():
		l.halt(r.name, true)
		return history, asked, 0
	case halted && !joinNext:
		return nil, asked, 0
	case halted || r.anew:
		l.resume(r.name)
		return join, asked, 0
	case !r.lacksLocked():
		r.gapSince = time.Time{}
		return nil, asked, 0
	}
	now := r.client.clock.Now()
	if r.gapSince.IsZero() {
		r.gapSince, r.gapWait, r.gapTries = now, 0, 0
		if r.sending.Load() > 0 || r.seq.ownFirst() {
			r.gapWait = patience
		}
	}
	if left := r.gapSince.Add(r.gapWait).Sub(now); left > 0 {
		return nil, asked, left
	}
	return history, asked, 0
}

// lacksLocked reports whether the log is known to hold more than what has come:
// there are entries above a gap, or own messages that will not be pushed on this
// connection.
func (r *Room) lacksLocked() bool {
	return r.seq.gap() || r.on != nil && r.seq.short(r.on.own(r.name, r.seq.at.Epoch))
}

// ask sends what next has found and takes the answer.
func (r *Room) ask(l *link, params protocol.Params, asked Position) error {
	c := r.client
	_, join := params.(*protocol.Join)
	result, err := l.call(c.ctx, params)
	var p page
	if err == nil {
		p, err = decode[page](result)
	}
	stale := c.current() != l // what it says of us there is nobody's concern any more
	if err == nil {
		r.answer(l, p, asked, join && !stale)
		return nil
	}
	if stale {
		return nil
	}
	if join {
		r.mu.Lock()
		if r.on == l {
			l.halt(r.name, true)
		}
		r.mu.Unlock()
	} else {
		r.mu.Lock()
		r.seq.need = true
		r.noHistory = r.noHistory || hasCode(err, protocol.Forbidden)
		tryJoin := hasCode(err, protocol.Forbidden)
		r.mu.Unlock()
		if tryJoin {
			return nil // a join with our position tells the same
		}
	}
	if !c.mayRepeat(l, err) && c.ctx.Err() == nil {
		c.complain(fmt.Errorf("room %s: %w", r.name, err))
		r.refuse(l, err)
		return nil
	}
	return err
}

// answer takes what join, history, hello or sync said.
func (r *Room) answer(l *link, p page, asked Position, join bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seq.unusable(p) {
		if !join {
			return
		}
		p.Messages, p.More = nil, false // nothing fits, not even alone: begin at the head
	}
	before := r.seq.at
	r.seq.page(p, asked)
	if join {
		r.joinedLocked(l, Position{p.Epoch, p.Head}, nil)
		r.anew = false
	}
	r.anew = r.anew || r.seq.anew // there is another question to ask
	r.seq.anew = false
	if r.seq.at != before {
		r.gapSince = time.Time{}
	} else if r.lacksLocked() {
		// The log does not have it yet either: its writer is still at work, or
		// dead. Ask again after a while.
		if r.gapSince.IsZero() {
			r.gapTries = 0
		}
		r.gapSince, r.gapWait = r.client.clock.Now(), gapPause+r.client.options.backoff(r.gapTries)
		r.gapTries++
	}
	signal(r.ready)
}

// joinedLocked notes the server's answer to a join on a link.
func (r *Room) joinedLocked(l *link, head Position, refused error) {
	if r.on == nil && r.refused == nil && r.over == nil {
		close(r.joined)
	}
	r.on, r.refused, r.head = l, refused, head
}

// refuse notes that the server does not want us in the room. The next connection
// asks again.
func (r *Room) refuse(l *link, why error) {
	r.mu.Lock()
	r.joinedLocked(l, Position{}, why)
	r.seq.need = false
	r.mu.Unlock()
	l.resume(r.name)
	signal(r.ready)
}

// welcome takes what hello said of the room, if anything. The caller holds the
// client's lock.
func (r *Room) welcome(l *link, p page, asked Position) {
	switch {
	case p.Error != nil:
		err := wireError(p.Error)
		if !err.temporary && err.Code != protocol.TokenExpired {
			r.refuse(l, err)
		} // else follow joins alone
	case p.absent(): // follow joins alone
	default:
		r.mu.Lock()
		alone := r.seq.unusable(p)
		r.mu.Unlock()
		if !alone {
			r.answer(l, p, asked, true)
		}
	}
	signal(r.wake)
}

// synced takes what sync said.
func (r *Room) synced(l *link, p page, asked Position) {
	switch {
	case p.Error == nil && !p.absent():
		r.answer(l, p, asked, false)
	case p.Error != nil && p.Error.Code == protocol.Conflict:
		r.mu.Lock()
		if r.on == l {
			l.halt(r.name, true) // the server does not see us there
		}
		r.mu.Unlock()
	}
	signal(r.wake)
}

// syncable is the position to ask about; false if the room is not live on the
// link, or not read by the application.
func (r *Room) syncable(l *link) (Position, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq.at, r.on == l && r.refused == nil && r.over == nil && r.seq.known && !r.seq.full()
}

// from is where a join begins.
func (r *Room) from() (protocol.From, Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fromLocked()
}

func (r *Room) fromLocked() (protocol.From, Position) {
	at := r.seq.at
	switch {
	case r.seq.known:
		return protocol.From{Since: &at.Seq, Epoch: at.Epoch}, at
	case r.options.last > 0:
		return protocol.From{Last: &r.options.last}, at
	}
	return protocol.From{}, at
}

// push takes what came by itself.
func (r *Room) push(l *link, f frame) {
	switch f.Push {
	case protocol.PushMessages:
		r.take(f.Epoch, false, f.Messages...)
	case protocol.PushBehind:
		l.halt(r.name, false) // it may overtake the answer to the join that made us a member
		signal(r.wake)
	case protocol.PushEphemeral:
		if handle := r.options.onEphemeral; handle != nil {
			r.client.events.hint(func() { handle(Ephemeral{r.name, f.User, []byte(f.Data)}) })
		}
	case protocol.PushPresence:
		if handle := r.options.onPresence; handle != nil {
			r.client.events.hint(func() { handle(PresenceChange{r.name, f.Joined, f.Left, f.Count}) })
		}
	}
}

func (r *Room) take(epoch string, own bool, entries ...protocol.Entry) {
	r.mu.Lock()
	if r.over == nil {
		before := r.seq.at
		r.seq.take(epoch, own, entries...)
		if r.seq.at != before {
			r.gapSince = time.Time{}
		}
		if r.seq.anew && r.on != nil {
			r.anew = true // a join says what became of the log
		}
		r.seq.anew = false
	}
	found := len(r.seq.out) > 0
	r.mu.Unlock()
	if found {
		signal(r.ready)
	}
	signal(r.wake)
}

// own takes the place of a message that we have published: on the connection
// that sent it, it comes by no other way.
func (r *Room) own(published Published, user string, p *protocol.Publish) {
	if !published.Duplicate {
		r.take(published.Epoch, true, protocol.Entry{
			Seq: published.Seq, User: user, At: r.client.clock.Now().UnixMilli(), Key: p.Key, Data: p.Data,
		})
		return
	}
	// What an earlier attempt wrote is the log's to tell.
	r.mu.Lock()
	r.seq.begun(published.Epoch)
	r.mu.Unlock()
	r.take(published.Epoch, true)
}

// placeless reports whether a message that is published now might get no place
// in what the application sees: the room is being joined for the first time.
func (r *Room) placeless() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.seq.known && r.refused == nil && r.over == nil
}

// waitPlace waits until a publish may go out.
func (r *Room) waitPlace(ctx context.Context) error {
	for r.placeless() {
		r.mu.Lock()
		joined := r.joined
		r.mu.Unlock()
		select {
		case <-joined:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
