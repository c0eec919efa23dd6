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

// Room is one room of a client, from [Client.Join] or [Client.Room]. It is safe
// for concurrent use.
type Room struct {
	client  *Client
	name    string
	options joinOptions
	// wake makes follow look for work.
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

	// sending counts our publishes that are under way: replies bring their
	// numbers.
	sending atomic.Int32

	// number is the place in the order of joins.
	number uint64

	mu  sync.Mutex
	seq *sequencer
	// on is the link on which the server has answered our join; joining is the
	// link on which we asked last.
	on, joining *link
	// refused is the error of a refused join.
	refused error
	// over, once set, is returned by Next after the received messages.
	over error
	// joined is closed once a join was answered or refused, or over is set.
	joined chan struct{}
	head   Position
	// Entries of another epoch came: a join tells which epoch is current.
	anew bool
	// noHistory is true if the token grants join and not history.
	noHistory bool
	// gapSince is the time at which the gap was seen; it may close by itself
	// until gapWait later.
	gapSince time.Time
	gapWait  time.Duration
	gapTries int
	// handed is the position of the message that Next returned last.
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

// Position returns the position of the last message from Next or Messages, or
// the position at which they begin. To go on after a restart of the program,
// store the Position of each message after handling it, and pass it to [Since].
func (r *Room) Position() Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seq.out) == 0 && r.seq.known {
		return r.seq.at // beyond voids too
	}
	return r.handed
}

// Ready waits until the server has answered the join, and returns the log's head
// at that moment. If the server refused the join, the error wraps its [*Error].
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

// Next waits for the next message. A [*ResetError] stands in place of lost
// messages; the next call goes on after them. While the server refuses the room,
// the error is its [*Error]. After [ErrLeft] or [ErrClosed] no message follows.
// With concurrent callers, each message goes to one of them.
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

// Messages loops over [Room.Next]. It ends silently after Leave or Close. A
// [*ResetError] is yielded and the loop goes on; any other error is yielded and
// ends it. A later loop goes on where an earlier one stopped.
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

// Leave ends the membership. Next and Messages return what was received before,
// and end. Leave waits for the server's answer; an error means that ctx was done
// first. Waiting publishes still go out.
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

// finish ends the room. The first reason counts, except that the client's end
// replaces any other.
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

// Publish appends data, encoded as JSON (at most 30,720 bytes), to the log and
// returns its place there. It repeats under one key, across reconnects, until the
// server acknowledges, so the log holds the message once. Publishes to one room
// go out one at a time, in the order of the calls. If ctx is done first, a message
// that was sent may or may not be in the log: publish again with the same [Key] to
// be sure. A joined room also gets the message from Next, in the order of the log.
//
// Errors are the server's [*Error], [ErrQueueFull], [ErrUnacknowledged],
// [ErrOtherUser], [ErrClosed], or the cause of ctx's end.
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

// Send sends data to the members that are in the room now, at most once and not
// to the log: for cursors and typing indicators. It does not wait for an answer;
// a refusal goes to [Options.OnError]. The error is [ErrDisconnected], or says
// what is wrong with the data. ctx bounds the wait for a connection that accepts
// no frame.
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

// Presence returns who is in the room. It repeats the command until the server
// answers or ctx is done.
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
