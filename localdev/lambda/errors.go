package lambda

import (
	"errors"
	"fmt"
	"net/http"
)

var (
	// ErrClosed is returned when the service was shut down.
	ErrClosed = errors.New("lambda: service is closed")
	// ErrFunctionNotFound is returned when no function has the given name.
	ErrFunctionNotFound = errors.New("lambda: function not found")
	// ErrThrottled is returned when no concurrency is left for the function.
	ErrThrottled = errors.New("lambda: rate exceeded")
	// ErrPayloadTooLarge is returned when a request is over its size limit.
	ErrPayloadTooLarge = errors.New("lambda: payload too large")
	// ErrInvalidPayload is returned when a request's payload is not JSON.
	ErrInvalidPayload = errors.New("lambda: payload is not JSON")
	// ErrInvalidFunction is returned by Register for a definition that the
	// service would refuse.
	ErrInvalidFunction = errors.New("lambda: invalid function")
	// ErrUnsupported is returned for what this emulator does not have.
	ErrUnsupported = errors.New("lambda: not supported")
	// ErrServiceFault is returned for an injected failure of the service itself.
	ErrServiceFault = errors.New("lambda: service fault")
	// ErrInvocationTimedOut is the cause of an invocation context's end when the
	// function's time-out passed.
	ErrInvocationTimedOut = errors.New("lambda: invocation timed out")
	// ErrInvocationKilled is the cause of an invocation context's end when Kill,
	// a fault or the service's end stopped it.
	ErrInvocationKilled = errors.New("lambda: invocation killed")
)

// Error is a refusal by the service, as opposed to an error of the function,
// with the shape that the Invoke API gives it
// (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors).
// It wraps one of the package's sentinel errors.
type Error struct {
	Status  int    // HTTP status
	Code    string // exception name, e.g. "TooManyRequestsException"
	Type    string // "User" or "Server"
	Message string
	Reason  string // only of TooManyRequestsException
	kind    error
}

func (e *Error) Error() string { return fmt.Sprintf("lambda: %s: %s", e.Code, e.Message) }

func (e *Error) Unwrap() error { return e.kind }

func notFound(arn string) *Error {
	return &Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Type: "User",
		Message: "Function not found: " + arn, kind: ErrFunctionNotFound}
}

func throttled(reason string) *Error {
	return &Error{Status: http.StatusTooManyRequests, Code: "TooManyRequestsException", Type: "User",
		Message: "Rate Exceeded.", Reason: reason, kind: ErrThrottled}
}

func tooLarge(limit int) *Error {
	return &Error{Status: http.StatusRequestEntityTooLarge, Code: "RequestTooLargeException", Type: "User",
		Message: fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", limit),
		kind:    ErrPayloadTooLarge}
}

func invalidPayload(err error) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "InvalidRequestContentException", Type: "User",
		Message: "Could not parse request body into json: " + err.Error(), kind: ErrInvalidPayload}
}

func serviceFault() *Error {
	return &Error{Status: http.StatusInternalServerError, Code: "ServiceException", Type: "Server",
		Message: "An internal error occurred.", kind: ErrServiceFault}
}

func unsupported(what string) *Error {
	return &Error{Status: http.StatusNotImplemented, Code: "UnsupportedByLocalAWSException", Type: "User",
		Message: "the local AWS does not support " + what, kind: ErrUnsupported}
}
