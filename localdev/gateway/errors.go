package gateway

import (
	"errors"
	"fmt"
)

var (
	// ErrUnsupported is returned by New when the API uses something that the
	// emulator does not have; the error names it.
	ErrUnsupported = errors.New("not supported by the gateway emulator")
	// ErrInvalid is returned by New when AWS would refuse the API too.
	ErrInvalid = errors.New("invalid API definition")
	// ErrShutdown is returned by Dial, and met by every handshake, once
	// Shutdown has begun.
	ErrShutdown = errors.New("gateway is shut down")
	// ErrNoConnection is returned by a fault for a connection that is not
	// open.
	ErrNoConnection = errors.New("no such connection")
	// ErrCut is returned by a Conn whose transport was dropped without a
	// close frame.
	ErrCut = errors.New("connection was cut")

	// errBufferFull is returned when a message does not fit what already
	// waits for the client.
	errBufferFull = errors.New("client-side buffer is full")
	// errNotOpen is returned for a message to a connection that is closing or
	// gone.
	errNotOpen = errors.New("connection is not open")
	// errTimeout is returned when an integration did not answer in time.
	errTimeout = errors.New("integration timed out")
	// errMalformed is returned when a function's answer is no proxy response.
	errMalformed = errors.New("malformed proxy response")
	// errFunction is returned when a function threw or could not be invoked.
	errFunction = errors.New("function failed")
)

// HandshakeError is returned by Dial when the handshake was refused.
type HandshakeError struct {
	// StatusCode is the HTTP status of the refusal.
	StatusCode int
	// Body is the text that came with it, possibly empty.
	Body string
}

func (e *HandshakeError) Error() string {
	return fmt.Sprintf("handshake refused with status %d: %s", e.StatusCode, e.Body)
}

// CloseError is returned by a Conn after a close frame of the server.
type CloseError struct {
	// Code is the status code, 1005 if the frame had none.
	Code int
	// Reason is the text of the frame.
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("connection closed with %d %q", e.Code, e.Reason)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrInvalid)
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrUnsupported)
}
