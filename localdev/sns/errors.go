package sns

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gapless-rooms/gapless/localdev/service"
)

var (
	// ErrClosed is returned when the service was closed.
	ErrClosed = errors.New("sns: service is closed")
	// ErrNotFound is returned when a topic or subscription does not exist.
	ErrNotFound = errors.New("sns: not found")
	// ErrInvalidParameter is returned for a request that the service would
	// refuse.
	ErrInvalidParameter = errors.New("sns: invalid parameter")
	// ErrUnsupported is returned for a feature of SNS that the emulator does not
	// have.
	ErrUnsupported = errors.New("sns: not supported")
	// ErrInjected is returned for an injected failure.
	ErrInjected = errors.New("sns: injected failure")
)

// Error is a refusal with the shape that the Query API gives it
// (https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html). It wraps one
// of the package's sentinel errors.
type Error = service.Error

func refuse(status int, code, message string, kind error) *Error {
	return &Error{Service: "sns", Status: status, Code: code, Message: message, Kind: kind}
}

func invalidParameter(format string, args ...any) *Error {
	return refuse(http.StatusBadRequest, "InvalidParameter", "Invalid parameter: "+fmt.Sprintf(format, args...), ErrInvalidParameter)
}

func invalidBatch(code, message string) *Error {
	return refuse(http.StatusBadRequest, code, message, ErrInvalidParameter)
}

func notFound(what string) *Error {
	return refuse(http.StatusNotFound, "NotFound", what+" does not exist", ErrNotFound)
}

func invalidAction(action string) *Error {
	return refuse(http.StatusBadRequest, "InvalidAction", fmt.Sprintf("the local AWS does not support the SNS action %q", action), ErrUnsupported)
}

func unsupported(format string, args ...any) *Error {
	return refuse(http.StatusBadRequest, "InvalidParameter",
		"Invalid parameter: the local AWS does not support "+fmt.Sprintf(format, args...), ErrUnsupported)
}

func internalError() *Error {
	return refuse(http.StatusInternalServerError, "InternalError", "Internal failure injected by the local AWS", ErrInjected)
}

func throttledError() *Error {
	return refuse(http.StatusTooManyRequests, "Throttled", "Rate exceeded", ErrInjected)
}
