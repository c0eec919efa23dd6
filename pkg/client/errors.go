package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Errors of this package have the method Temporary() bool, to be found by
// errors.As: true says that the same call may succeed later.
var (
	// ErrClosed is returned by every call once the client has ended, by Close
	// or because the server does not want it back; in the second case it wraps
	// the *CloseError or *Error that says why.
	ErrClosed error = &condition{text: "client is closed"}
	// ErrLeft is returned by Next once the room was left and everything that
	// had been received is handed over.
	ErrLeft error = &condition{text: "room was left"}
	// ErrNotJoined is returned by Next and Ready of a room that came from
	// Client.Room.
	ErrNotJoined error = &condition{text: "room was not joined"}
	// ErrQueueFull is returned by Publish when Options.MaxPending publishes wait
	// for their acknowledgement.
	ErrQueueFull error = &condition{text: "too many publishes wait", temporary: true}
	// ErrUnacknowledged is returned by Publish when no acknowledgement came
	// within Options.KeyWindow: the message may or may not be in the log, and a
	// repetition may be a second one.
	ErrUnacknowledged error = &condition{text: "publish was not acknowledged in time"}
	// ErrOtherUser is returned by Publish when the client has connected as another
	// user meanwhile: the message may or may not be in the log, as the first
	// user's.
	ErrOtherUser error = &condition{text: "another user now"}
	// ErrDisconnected is returned by Send while there is no connection, and is
	// what ended commands on a lost one.
	ErrDisconnected error = &condition{text: "not connected", temporary: true}
	// ErrNoAnswer is why a connection ended on which no frame came after a
	// ping, or why a command is repeated.
	ErrNoAnswer error = &condition{text: "no answer in time", temporary: true}
)

// condition is a sentinel that knows whether it passes.
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
	// RetryAfter is how long to wait at least; 0 if the server did not say.
	RetryAfter time.Duration

	temporary bool
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Temporary reports whether the same command may succeed later.
func (e *Error) Temporary() bool { return e.temporary }

func wireError(e *protocol.Error) *Error {
	return &Error{e.Code, e.Message, time.Duration(e.RetryAfterMs) * time.Millisecond, e.Temporary}
}

// CloseError is why a connection ended: the server's bye, or a close frame.
type CloseError struct {
	// Code is a close code of the protocol, or one of WebSocket (RFC 6455,
	// section 7.4.1); 1006 if the line was lost without any.
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

// Temporary reports whether the client comes back by itself.
func (e *CloseError) Temporary() bool { return !e.final }

// DialError is a connection that could not be opened.
type DialError struct {
	// Status is the HTTP status that refused the handshake, 0 if none came.
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

// Temporary reports whether another attempt may succeed: not after a status
// that blames the request.
func (e *DialError) Temporary() bool {
	return e.Status < 400 || e.Status >= 500 || e.Status == 408 || e.Status == 429
}

// TokenError is a token that GetToken, or a URL that GetURL could not bring.
type TokenError struct{ Err error }

func (e *TokenError) Error() string { return fmt.Sprintf("get token or URL: %v", e.Err) }
func (e *TokenError) Unwrap() error { return e.Err }

// Temporary is true: the next attempt asks again.
func (e *TokenError) Temporary() bool { return true }

// ResetError stands in the place of entries that are lost: the log began anew,
// or they have expired. Forget what you know of the room and load it anew; what
// follows begins after To.
type ResetError struct {
	Room string
	// From is the last position that was reached, To where it goes on.
	From, To Position
	// Oldest is the lowest number of To's epoch that History can still read; 0
	// if there is none.
	Oldest uint64
}

func (e *ResetError) Error() string {
	return fmt.Sprintf("messages of room %s are lost between %s and %s", e.Room, e.From, e.To)
}

// Temporary is false: what is lost does not come back.
func (e *ResetError) Temporary() bool { return false }

// hopeless reports whether an attempt to connect that failed so would fail
// again.
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

// badToken reports whether err says that the token was not taken, so that a
// fresh one may be.
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

// pause is how long the server asked to wait.
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

// passing reports whether a command that failed so may be repeated.
func passing(err error) bool {
	var e interface{ Temporary() bool }
	return errors.As(err, &e) && e.Temporary()
}
