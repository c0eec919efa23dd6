package sqs

import (
	"errors"
	"fmt"
	"net/http"
)

var (
	// ErrClosed is returned when the service was closed.
	ErrClosed = errors.New("sqs: service is closed")
	// ErrQueueNotFound is returned when the queue does not exist.
	ErrQueueNotFound = errors.New("sqs: queue does not exist")
	// ErrInvalid is returned for a request that the service would refuse.
	ErrInvalid = errors.New("sqs: invalid request")
	// ErrUnsupported is returned for what the service has and this emulator has
	// not.
	ErrUnsupported = errors.New("sqs: not supported")
)

// Error is a refusal with the shape that the JSON API gives it
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html).
// It wraps one of the package's sentinel errors.
type Error struct {
	Status int
	// Type is the error's name in the JSON protocol, Code its name in the Query
	// protocol, which the SDK reports where they differ.
	Type    string
	Code    string
	Message string
	kind    error
}

func (e *Error) Error() string { return fmt.Sprintf("sqs: %s: %s", e.Type, e.Message) }

func (e *Error) Unwrap() error { return e.kind }

func refuse(kind error, name, code, message string) *Error {
	return &Error{Status: http.StatusBadRequest, Type: name, Code: code, Message: message, kind: kind}
}

func queueNotFound() *Error {
	return refuse(ErrQueueNotFound, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
}

func invalidValue(format string, args ...any) *Error {
	return refuse(ErrInvalid, "InvalidParameterValue", "InvalidParameterValue", fmt.Sprintf(format, args...))
}

func missing(parameter string) *Error {
	return refuse(ErrInvalid, "MissingParameter", "MissingParameter", "The request must contain the parameter "+parameter+".")
}

func invalidAttribute(name, value, reason string) *Error {
	return refuse(ErrInvalid, "InvalidAttributeValue", "InvalidAttributeValue",
		fmt.Sprintf("Invalid value %q for the parameter %s. Reason: %s", value, name, reason))
}

func invalidReceipt(handle string) *Error {
	return refuse(ErrInvalid, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", fmt.Sprintf("The input receipt handle %q is not a valid receipt handle.", handle))
}

func invalidBatch(name, message string) *Error {
	return refuse(ErrInvalid, name, "AWS.SimpleQueueService."+name, message)
}

func unsupported(format string, args ...any) *Error {
	return refuse(ErrUnsupported, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", "the local AWS does not support "+fmt.Sprintf(format, args...))
}
