package sns

import (
	"errors"
	"fmt"
	"net/http"
)

var (
	// ErrClosed is returned when the service was closed.
	ErrClosed = errors.New("sns: service is closed")
	// ErrNotFound is returned when a topic or subscription does not exist.
	ErrNotFound = errors.New("sns: not found")
	// ErrInvalidParameter is returned for a request that the service would
	// refuse.
	ErrInvalidParameter = errors.New("sns: invalid parameter")
	// ErrUnsupported is returned for what the service has and this emulator has
	// not.
	ErrUnsupported = errors.New("sns: not supported")
	// ErrInjected is returned for an injected failure.
	ErrInjected = errors.New("sns: injected failure")
)

// Error is a refusal with the shape that the Query API gives it
// (https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html). It wraps one
// of the package's sentinel errors.
type Error struct {
	Status  int
	Code    string
	Message string
	Sender  bool // the caller's fault
	kind    error
}

func (e *Error) Error() string { return fmt.Sprintf("sns: %s: %s", e.Code, e.Message) }

func (e *Error) Unwrap() error { return e.kind }

func senderError(status int, code, message string, kind error) *Error {
	return &Error{Status: status, Code: code, Message: message, Sender: true, kind: kind}
}

func invalidParameter(format string, args ...any) *Error {
	return senderError(http.StatusBadRequest, "InvalidParameter", "Invalid parameter: "+fmt.Sprintf(format, args...), ErrInvalidParameter)
}

func invalidBatch(code, message string) *Error {
	return senderError(http.StatusBadRequest, code, message, ErrInvalidParameter)
}

func notFound(what string) *Error {
	return senderError(http.StatusNotFound, "NotFound", what+" does not exist", ErrNotFound)
}

func invalidAction(action string) *Error {
	return senderError(http.StatusBadRequest, "InvalidAction", fmt.Sprintf("the local AWS does not support the SNS action %q", action), ErrUnsupported)
}

func unsupported(format string, args ...any) *Error {
	return senderError(http.StatusBadRequest, "InvalidParameter",
		"Invalid parameter: the local AWS does not support "+fmt.Sprintf(format, args...), ErrUnsupported)
}

func internalError() *Error {
	return &Error{Status: http.StatusInternalServerError, Code: "InternalError", Message: "Internal failure injected by the local AWS", kind: ErrInjected}
}

func throttledError() *Error {
	return senderError(http.StatusTooManyRequests, "Throttled", "Rate exceeded", ErrInjected)
}
