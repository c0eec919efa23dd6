package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// All errors of this package have the method Temporary() bool (find it with
// errors.As). True means that the same call may succeed later.
var (
	// ErrClosed is returned by every call after the client has ended: by
	// Close, or because the server refuses it for good. In the second case it
	// wraps the *CloseError or *Error with the reason.
	ErrClosed error = &condition{text: "client is closed"}
	// ErrLeft is returned by Next after Leave, once it has returned all messages
	// that were received before.
	ErrLeft error = &condition{text: "room was left"}
	// ErrNotJoined is returned by Next and Ready of a room that came from
	// Client.Room.
	ErrNotJoined error = &condition{text: "room was not joined"}
	// ErrQueueFull is returned by Publish when Options.MaxPending publishes
	// wait already.
	ErrQueueFull error = &condition{text: "too many publishes wait", temporary: true}
	// ErrUnacknowledged is returned by Publish when no acknowledgement came
	// within Options.KeyWindow. The message may or may not be in the log, and
	// publishing it again may write it twice.
	ErrUnacknowledged error = &condition{text: "publish was not acknowledged in time"}
	// ErrOtherUser is returned by Publish when the client has connected as
	// another user meanwhile. The message may or may not be in the log, under
	// the first user's name.
	ErrOtherUser error = &condition{text: "another user now"}
	// ErrDisconnected is returned by Send while there is no connection. It is
	// also the error of commands whose connection was lost.
	ErrDisconnected error = &condition{text: "not connected", temporary: true}
	// ErrNoAnswer is the reason of a connection that ended because no frame came
	// after a ping, and of a command that is repeated.
	ErrNoAnswer error = &condition{text: "no answer in time", temporary: true}
)

// condition is a sentinel error with a Temporary method.
type condition struct {
	text      string
	temporary bool
}

func (c *condition) Error() string   { return c.text }
func (c *condition) Temporary() bool { return c.temporary }

// Error is the server's refusal of a command.
type Error struct {
	Code protocol.Code
	// Message is a sentence for the developer; do not parse it.
	Message string
	// RetryAfter is the least time to wait; 0 if the server did not say.
	RetryAfter time.Duration

	temporary bool
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Temporary reports whether the same command may succeed later.
func (e *Error) Temporary() bool { return e.temporary }

func wireError(e *protocol.Error) *Error {
	return &Error{e.Code, e.Message, time.Duration(e.RetryAfterMs) * time.Millisecond, e.Temporary}
}

// CloseError is the reason of a connection's end: the server's bye, or a close
// frame.
type CloseError struct {
	// Code is a close code of the protocol or of WebSocket (RFC 6455, section
	// 7.4.1); 1006 if the connection was lost without a close frame.
	Code   int
	Reason string
	// After is the pause that the server asked for.
	After time.Duration

	final bool
}

func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("connection closed with %d", e.Code)
	}
	return fmt.Sprintf("connection closed with %d: %s", e.Code, e.Reason)
}

// Temporary reports whether the client reconnects by itself.
func (e *CloseError) Temporary() bool { return !e.final }

// DialError is returned when a connection cannot be opened.
type DialError struct {
	// Status is the HTTP status of a refused handshake, or 0 without an answer.
	Status int
	Err    error
}

func (e *DialError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("handshake refused with status %d", e.Status)
	}
	return fmt.Sprintf("open connection: %v", e.Err)
}

func (e *DialError) Unwrap() error { return e.Err }

// Temporary reports whether another attempt may succeed: false for statuses 400
// to 499, except 408 and 429.
func (e *DialError) Temporary() bool {
	return e.Status < 400 || e.Status >= 500 || e.Status == 408 || e.Status == 429
}

// TokenError is returned when [Options.GetToken] or [Options.GetURL] fails.
type TokenError struct{ Err error }

func (e *TokenError) Error() string { return fmt.Sprintf("get token or URL: %v", e.Err) }
func (e *TokenError) Unwrap() error { return e.Err }

// Temporary is true: the next attempt asks again.
func (e *TokenError) Temporary() bool { return true }

// ResetError stands in place of messages that are lost, because they have expired
// or the room's log started over. Discard what you know of the room and load it
// again; the messages that follow begin after To.
type ResetError struct {
	Room string
	// From is the last position before the loss. Messages go on after To.
	From, To Position
	// Oldest is the lowest number of To's epoch that History can still read, or
	// 0 if it can read none.
	Oldest uint64
}

func (e *ResetError) Error() string {
	return fmt.Sprintf("messages of room %s are lost between %s and %s", e.Room, e.From, e.To)
}

// Temporary is false: what is lost does not come back.
func (e *ResetError) Temporary() bool { return false }

// hopeless reports whether another attempt to connect would fail like the one
// that failed with err.
func hopeless(err error) bool {
	var refused *Error
	var closed *CloseError
	var dial *DialError
	switch {
	case errors.As(err, &refused):
		return !refused.temporary && refused.Code != protocol.TokenExpired
	case errors.As(err, &closed):
		return closed.final
	case errors.As(err, &dial):
		return !dial.Temporary()
	}
	return false
}

// badToken reports whether the server refused the token, so that a fresh one may
// help.
func badToken(err error) bool {
	var refused *Error
	var dial *DialError
	switch {
	case errors.As(err, &refused):
		return refused.Code == protocol.Unauthenticated || refused.Code == protocol.TokenExpired
	case errors.As(err, &dial):
		return dial.Status == 401
	}
	return false
}

// hasCode reports whether err is the server's refusal with the given code.
func hasCode(err error, code protocol.Code) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Code == code
}

// pause returns the time that the server asked to wait.
func pause(err error) time.Duration {
	var refused *Error
	var closed *CloseError
	switch {
	case errors.As(err, &refused):
		return refused.RetryAfter
	case errors.As(err, &closed):
		return closed.After
	}
	return 0
}

// passing reports whether a command that failed with err may be repeated.
func passing(err error) bool {
	var e interface{ Temporary() bool }
	return errors.As(err, &e) && e.Temporary()
}
