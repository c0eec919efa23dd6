package logs

import (
	"errors"
	"fmt"

	"github.com/gapless-rooms/gapless/localdev/service"
)

var (
	// ErrNotFound is returned when a group or a stream does not exist.
	ErrNotFound = errors.New("logs: not found")
	// ErrInvalid is returned for a request that the service would refuse.
	ErrInvalid = errors.New("logs: invalid request")
	// ErrUnsupported is returned for a feature of CloudWatch Logs that the emulator
	// does not have.
	ErrUnsupported = errors.New("logs: not supported")
)

// Error is a refusal with the shape that the JSON API gives it
// (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html).
// It wraps one of the package's sentinel errors.
type Error = service.Error

func refuse(kind error, code, message string) *Error {
	return &Error{Service: "logs", Code: code, Message: message, Kind: kind}
}

func invalid(format string, args ...any) *Error {
	return refuse(ErrInvalid, "InvalidParameterException", fmt.Sprintf(format, args...))
}

func unsupported(format string, args ...any) *Error {
	return refuse(ErrUnsupported, "UnsupportedOperationException", "the local AWS does not support "+fmt.Sprintf(format, args...))
}
