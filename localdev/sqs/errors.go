package sqs

import (
	"errors"
	"fmt"

	"github.com/gapless-rooms/gapless/localdev/service"
)

var (
	// ErrClosed is returned when the service was closed.
	ErrClosed = errors.New("sqs: service is closed")
	// ErrQueueNotFound is returned when the queue does not exist.
	ErrQueueNotFound = errors.New("sqs: queue does not exist")
	// ErrInvalid is returned for a request that the service would refuse.
	ErrInvalid = errors.New("sqs: invalid request")
	// ErrDenied is returned when a queue's policy does not let a service send.
	ErrDenied = errors.New("sqs: access denied")
	// ErrUnsupported is returned for a feature of SQS that the emulator does not
	// have.
	ErrUnsupported = errors.New("sqs: not supported")
)

// Error is a refusal with the shape that the JSON API gives it
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html).
// It wraps one of the package's sentinel errors.
type Error = service.Error

func refuse(kind error, code, queryCode, message string) *Error {
	return &Error{Service: "sqs", Code: code, QueryCode: queryCode, Message: message, Kind: kind}
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
