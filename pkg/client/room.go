package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Room is one room of a client. It is safe for concurrent use.
type Room struct {
	client  *Client
	name    string
	options joinOptions
	// wake makes follow look at what is to be done.
	wake chan struct{}
	// ready signals that Next may find something.
	ready chan struct{}
	// after, if not nil, is closed once an earlier leave is answered.
	after <-chan struct{}
	// left is closed once follow has ended.
	left chan struct{}
	// life ends with the membership.
	life context.Context
	stop context.CancelFunc

	// sending counts our publishes that are under way: their numbers come by
	// their replies.
	sending atomic.Int32

	// number is the place in the order of joins.
	number uint64

	mu  sync.Mutex
	seq *sequencer
	// on is the link on which the server has answered our join, joining the one
	// on which we asked last.
	on, joining *link
	// refused is the answer if it was no.
	refused error
	// over, once set, is what Next returns after what was received.
	over error
	// joined is closed once a join was answered, well or ill, or over is set.
	joined chan struct{}
	head   Position
	// anew says that entries of another log came, which a join explains.
	anew bool
	// noHistory says that the token grants joining, not reading.
	noHistory bool
	// gapSince is when the gap was seen for which gapWait is waited.
	gapSince time.Time
	gapWait  time.Duration
	gapTries int
	// handed is the position of what Next returned last.
	handed Position
}

func newRoom(c *Client, name string, options []JoinOption) *Room {
	r := &Room{
		client: c, name: name,
		wake: make(chan struct{}, 1), ready: make(chan struct{}, 1),
		left: make(chan struct{}), joined: make(chan struct{}),
		seq: newSequencer(name, c.options.MaxBuffered),
	}
	r.life, r.stop = context.WithCancel(c.ctx)
	for _, option := range options {
		option(&r.options)
	}
	if since := r.options.since; since != nil {
		r.seq.known, r.seq.at, r.handed = true, *since, *since
	}
	signal(r.wake)
	return r
}

// Name is the room's name.
func (r *Room) Name() string { return r.name }

// Position is that of what Next or Messages handed over last, or where they
// begin. To go on after a restart of the program, keep the Position of a message
// after you have handled it, and give it to Since.
func (r *Room) Position() Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seq.out) == 0 && r.seq.known {
		return r.seq.at // beyond voids too
	}
	return r.handed
}

// Ready waits until the server has answered the join and returns the log's head
// then. The error is the server's *Error if it refused.
func (r *Room) Ready(ctx context.Context) (Position, error) {
	for {
		r.mu.Lock()
		joined, head, err := r.joined, r.head, errors.Join(r.refused, r.over)
		answered := r.on != nil
		r.mu.Unlock()
		if err != nil {
			return head, fmt.Errorf("join room %s: %w", r.name, err)
		}
		if answered {
			return head, nil
		}
		select {
		case <-joined:
		case <-ctx.Done():
			return head, fmt.Errorf("join room %s: %w", r.name, context.Cause(ctx))
		}
	}
}

// Next waits for the next message. A *ResetError stands in the place of messages
// that are lost; after it the calls go on. An *Error says that the server refuses
// the room, for as long as it does; ErrLeft and ErrClosed, that nothing comes any
// more. Of concurrent callers each message goes to one.
func (r *Room) Next(ctx context.Context) (Message, error) {
	for {
		r.mu.Lock()
		next, ok := r.seq.pop()
		var end error
		switch {
		case ok && errors.Is(r.over, ErrClosed):
			ok, end = false, r.over
		case ok:
			r.handed = next.at
		case r.over != nil:
			end = r.over
		default:
			end = r.refused
		}
		again := len(r.seq.out) > 0 || r.over != nil || r.refused != nil
		hungry := r.lacksLocked()
		if r.seq.thirsty() {
			halted := false
			if r.on != nil {
				halted, _ = r.on.isHalted(r.name)
			}
			hungry = hungry || halted || r.seq.need
		}
		r.mu.Unlock()
		if again {
			signal(r.ready) // for another caller
		}
		if hungry {
			signal(r.wake)
		}
		switch {
		case ok && next.reset != nil:
			return Message{}, next.reset
		case ok:
			return next.message, nil
		case end != nil:
			return Message{}, end
		}
		select {
		case <-r.ready:
		case <-ctx.Done():
			return Message{}, context.Cause(ctx)
		}
	}
}

// Messages is a loop of Next. It ends silently once the room was left or Close
// was called, and after any other error but a *ResetError. The loop may be left
// and another begun, which goes on where the first one stopped.
func (r *Room) Messages() iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			m, err := r.Next(context.WithoutCancel(r.client.ctx)) // the room's end ends it
			var reset *ResetError
			switch {
			case errors.Is(err, ErrLeft), err == ErrClosed: //nolint:errorlint // wrapped, it was not the application's wish
				return
			case !yield(m, err):
				return
			case err != nil && !errors.As(err, &reset):
				return
			}
		}
	}
}

// Leave ends the membership, and Messages once what was received is handed over.
// It waits for the server's answer; an error means that ctx was done before.
// Publishes that wait still go out.
func (r *Room) Leave(ctx context.Context) error {
	c := r.client
	c.mu.Lock()
	if c.rooms[r.name] != r {
		c.mu.Unlock()
		return nil
	}
	delete(c.rooms, r.name)
	c.leaving[r.name] = r.left
	c.mu.Unlock()
	r.finish(ErrLeft)
	select {
	case <-r.left:
		return nil
	case <-c.ctx.Done():
		return nil // the end of the connection does the same
	case <-ctx.Done():
		return fmt.Errorf("leave room %s: %w", r.name, context.Cause(ctx))
	}
}

// finish makes the room end; the first reason counts, but for the client's end.
func (r *Room) finish(why error) {
	r.mu.Lock()
	if r.over == nil || errors.Is(why, ErrClosed) && errors.Is(r.over, ErrLeft) {
		if r.over == nil && r.on == nil && r.refused == nil {
			close(r.joined)
		}
		r.over = why
	}
	r.mu.Unlock()
	r.stop()
	signal(r.ready)
	signal(r.wake)
}

// Publish appends data, encoded as JSON, to the log and returns its place there.
// Until the server has acknowledged, it is repeated under one key, over
// reconnects, so that it is one message. Publishes of one room go out in the
// order of the calls, one at a time. When ctx is done first, the message may or
// may not be in the log if it was sent before. A room that is joined gets it back
// by Next, in the order of the log.
func (r *Room) Publish(ctx context.Context, data any, options ...PublishOption) (Published, error) {
	p, err := r.encode(data)
	if err != nil {
		return Published{}, fmt.Errorf("publish: %w", err)
	}
	for _, option := range options {
		option(p)
	}
	if p.Key == "" {
		p.Key = r.client.keys.next()
	}
	published, err := r.client.outbox.publish(ctx, p)
	if err != nil {
		return Published{}, fmt.Errorf("publish: %w", err)
	}
	return published, nil
}

// Send hands data to those who are in the room now, at most once, past the log:
// for cursors and typing marks. It does not wait for an answer; a refusal goes to
// Options.OnError. The error is ErrDisconnected, or says what is wrong with the
// data. ctx bounds the wait for a line that takes no frame.
func (r *Room) Send(ctx context.Context, data any) error {
	p, err := r.encode(data)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	p.Ephemeral = true
	frame, err := protocol.EncodeCommand(nil, p)
	if err != nil {
		return fmt.Errorf("send: %w", local(err))
	}
	l := r.client.current()
	if l == nil {
		return fmt.Errorf("send: %w", ErrDisconnected)
	}
	if err := l.send(ctx, frame); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

func (r *Room) encode(data any) (*protocol.Publish, error) {
	b, err := protocol.Marshal(data)
	if err != nil {
		return nil, err
	}
	return &protocol.Publish{Room: r.name, Data: b}, nil
}

// Presence asks who is in the room, repeating until there is an answer or ctx is
// done.
func (r *Room) Presence(ctx context.Context) (Presence, error) {
	result, err := r.client.command(ctx, &protocol.Presence{Room: r.name})
	if err != nil {
		return Presence{}, fmt.Errorf("presence: %w", err)
	}
	answer, err := decode[protocol.PresenceResult](result)
	if err != nil {
		return Presence{}, fmt.Errorf("presence: %w", err)
	}
	p := Presence{Count: answer.Count, Users: make([]PresenceUser, len(answer.Users))}
	for i, u := range answer.Users {
		p.Users[i] = PresenceUser(u)
	}
	return p, nil
}
