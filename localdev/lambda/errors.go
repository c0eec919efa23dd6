package lambda

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gapless-rooms/gapless/localdev/service"
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
	// ErrInvalidParameter is returned for a parameter that the service refuses.
	ErrInvalidParameter = errors.New("lambda: invalid parameter")
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
type Error = service.Error

func refusal(status int, code, message string, kind error) *Error {
	return &Error{Service: "lambda", Status: status, Code: code, Message: message, Kind: kind}
}

func notFound(arn string) *Error {
	return refusal(http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+arn, ErrFunctionNotFound)
}

func throttled(reason string) *Error {
	e := refusal(http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.", ErrThrottled)
	e.Reason = reason
	return e
}

func tooLarge(limit int) *Error {
	return refusal(http.StatusRequestEntityTooLarge, "RequestTooLargeException",
		fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", limit), ErrPayloadTooLarge)
}

func invalidPayload(err error) *Error {
	return refusal(http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json: "+err.Error(), ErrInvalidPayload)
}

func invalidParameter(message string) *Error {
	return refusal(http.StatusBadRequest, "InvalidParameterValueException", message, ErrInvalidParameter)
}

func serviceFault() *Error {
	return refusal(http.StatusInternalServerError, "ServiceException", "An internal error occurred.", ErrServiceFault)
}

func unsupported(what string) *Error {
	return refusal(http.StatusNotImplemented, "UnsupportedByLocalAWSException", "the local AWS does not support "+what, ErrUnsupported)
}
