package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// link is one connection: commands and their replies, pushes, and whether the
// line is alive.
type link struct {
	client *Client
	conn   Conn
	// ctx ends with the link and bounds everything that is done on it.
	ctx  context.Context
	stop context.CancelFunc
	// done is closed when the link has ended; reason is set before.
	done chan struct{}
	// poke wakes the watch after a change of when it is due.
	poke chan struct{}
	// renew asks for a fresh token.
	renew chan struct{}
	// rotateIn is rotateInMs of hello; set before the link is adopted.
	rotateIn time.Duration
	// number counts the client's links.
	number uint64

	mu     sync.Mutex
	ended  bool
	why    error
	nextID int64
	calls  map[int64]chan frame
	// heard and spoke are the times of the last frame in and out.
	heard, spoke time.Time
	// deadline ends the wait for the ping under way; zero without one.
	deadline time.Time
	// doubted says that a sync is to follow the sign of life.
	doubted bool
	// published holds the highest number of each log that was acknowledged here.
	published map[logID]uint64
	// halted holds the rooms whose live messages have stopped here until the next
	// join: true once the log was asked for what was missed, and a join is next.
	halted map[string]bool
	// user is who the server said we are here; set before the link is adopted.
	user string
	// since is the time of the answer to hello, synced that of the last sync.
	since, synced time.Time
}

func newLink(c *Client, conn Conn) *link {
	ctx, stop := context.WithCancel(context.WithoutCancel(c.ctx)) // it outlives the client by a goodbye
	now := c.clock.Now()
	return &link{
		client: c, conn: conn, ctx: ctx, stop: stop, done: make(chan struct{}),
		poke: make(chan struct{}, 1), renew: make(chan struct{}, 1),
		number: c.links.Add(1),
		calls:  map[int64]chan frame{}, published: map[logID]uint64{}, halted: map[string]bool{}, heard: now, spoke: now,
	}
}

// end ends the link; the first reason counts. A goodbye is said if the line is
// believed to be alive.
func (l *link) end(why error, goodbye bool) {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	l.ended, l.why = true, why
	l.mu.Unlock()
	close(l.done)
	l.client.lost(l, why)
	finish := func() {
		if goodbye {
			_ = l.conn.Close() // the peer may have closed first
		}
		l.stop()
		_ = l.conn.CloseNow()
	}
	if !goodbye || !l.client.spawn(finish) {
		finish()
	}
}

// over reports whether the link has ended.
func (l *link) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

func (l *link) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

// read takes frames until the link ends.
func (l *link) read() {
	for {
		b, err := l.conn.Read(l.ctx)
		if err != nil {
			var closed *CloseError
			if !errors.As(err, &closed) {
				closed = &CloseError{Code: 1006, Reason: err.Error()}
			}
			closed.final = closed.Code >= 3500 && closed.Code < 4000
			l.end(closed, false)
			return
		}
		l.receive(b)
	}
}

func (l *link) receive(b []byte) {
	var f frame
	err := json.Unmarshal(b, &f)
	l.mu.Lock()
	if !l.deadline.IsZero() {
		signal(l.poke) // the next ping may be due before this one would have been given up
	}
	l.heard, l.deadline = l.client.clock.Now(), time.Time{}
	revived := l.doubted
	l.doubted = false
	var replies []chan frame
	if err == nil && f.Push == "" {
		replies = l.callsOf(f)
	}
	l.mu.Unlock()
	switch {
	case err != nil:
		l.client.complain(fmt.Errorf("read frame: %w", err))
	case f.Push == protocol.PushBye:
		l.end(f.bye(), true)
	case f.Push != "":
		l.client.push(l, f)
	case len(replies) > 0:
		for _, reply := range replies {
			reply <- f
		}
	case f.Error != nil:
		l.client.complain(wireError(f.Error))
	}
	if revived {
		l.client.sync(l)
	}
}

// callsOf takes out the call that a frame answers. If it is the gateway that has
// failed, it does not say which command: that is all of them, and all are
// repeated. The caller holds mu.
func (l *link) callsOf(f frame) []chan frame {
	if id, err := strconv.ParseInt(string(f.ID), 10, 64); err == nil {
		reply := l.calls[id]
		if reply == nil {
			return nil
		}
		delete(l.calls, id)
		return []chan frame{reply}
	}
	if f.Error != nil || f.Message == "" {
		return nil
	}
	replies := slices.Collect(maps.Values(l.calls))
	clear(l.calls)
	return replies
}

// call sends a command and waits for its result. The error is the server's
// *Error, ErrNoAnswer, or wraps ErrDisconnected; ctx only ends the wait.
func (l *link) call(ctx context.Context, params protocol.Params) (jsontext.Value, error) {
	reply := make(chan frame, 1)
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", ErrDisconnected, l.why)
	}
	l.nextID++
	id := l.nextID
	l.calls[id] = reply
	l.mu.Unlock()
	defer l.forget(id)
	b, err := protocol.EncodeCommand(strconv.AppendInt(nil, id, 10), params)
	if err != nil {
		return nil, local(err)
	}
	if err := l.send(ctx, b); err != nil {
		return nil, err
	}
	timeout := newAlarm(l.client.clock)
	timeout.set(callTimeout)
	defer timeout.stop()
	select {
	case f := <-reply:
		return f.result()
	case <-timeout.C:
		return nil, ErrNoAnswer
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-l.done:
	}
	select {
	case f := <-reply: // it came before the end
		return f.result()
	default:
		return nil, fmt.Errorf("%w: %w", ErrDisconnected, l.reason())
	}
}

func (f frame) result() (jsontext.Value, error) {
	switch {
	case f.Error != nil:
		return nil, wireError(f.Error)
	case f.OK == nil:
		return nil, &Error{Code: protocol.Unavailable, Message: f.Message, temporary: true}
	}
	return f.OK, nil
}

// logID names one incarnation of a room's log.
type logID struct{ room, epoch string }

// acknowledged notes the place of a publish of ours. Its entry will not be pushed
// on this connection.
func (l *link) acknowledged(room string, at Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	log := logID{room, at.Epoch}
	l.published[log] = max(l.published[log], at.Seq)
}

// own is the highest number that was acknowledged here; 0 if none was.
func (l *link) own(room, epoch string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.published[logID{room, epoch}]
}

// halt notes that live messages of a room have stopped. joinNext says that
// nothing need be asked before the join.
func (l *link) halt(room string, joinNext bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halted[room] = l.halted[room] || joinNext
}

// isHalted reports whether live messages of a room have stopped, and whether a
// join is next.
func (l *link) isHalted(room string) (halted, joinNext bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	joinNext, halted = l.halted[room]
	return halted, joinNext
}

// resume forgets that live messages of a room have stopped. What stops them after
// a join was sent is another cause, so this comes before.
func (l *link) resume(room string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.halted, room)
}

// forget drops a call.
func (l *link) forget(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.calls, id)
}

// retire ends the link a while after another took its place, or with the client.
func (l *link) retire() {
	defer l.end(errReplaced, true)
	timeout := newAlarm(l.client.clock)
	timeout.set(overlap)
	defer timeout.stop()
	select {
	case <-timeout.C:
	case <-l.client.ctx.Done():
	case <-l.done:
	}
}

var errReplaced = &CloseError{Code: 1000, Reason: "replaced by another connection"}

// send writes a frame and waits for that, or for ctx: half a frame would end
// the connection, so ctx only ends the wait.
func (l *link) send(ctx context.Context, b []byte) error {
	sent := make(chan struct{})
	if !l.client.spawn(func() { defer close(sent); l.write(b) }) { //nolint:contextcheck // see above
		return l.client.over()
	}
	select {
	case <-sent:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// write sends a frame; a line that does not take it is dead.
func (l *link) write(b []byte) {
	l.mu.Lock()
	l.spoke = l.client.clock.Now()
	l.mu.Unlock()
	ctx, cancel := within(l.ctx, l.client.clock, writeTimeout, ErrNoAnswer)
	defer cancel()
	if err := l.conn.Write(ctx, b); err != nil {
		l.end(&CloseError{Code: 1006, Reason: err.Error()}, false)
	}
}

// local is a refusal that needed no server.
func local(err error) error {
	var refused *protocol.Error
	if errors.As(err, &refused) {
		return wireError(refused)
	}
	return err
}
