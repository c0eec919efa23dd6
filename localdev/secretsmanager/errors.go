package secretsmanager

import (
	"errors"
	"fmt"

	"github.com/gapless-rooms/gapless/localdev/service"
)

var (
	// ErrClosed is returned when the service was closed.
	ErrClosed = errors.New("secretsmanager: service is closed")
	// ErrNotFound is returned when a secret or a version does not exist.
	ErrNotFound = errors.New("secretsmanager: not found")
	// ErrExists is returned when a name or a version's id is taken.
	ErrExists = errors.New("secretsmanager: exists already")
	// ErrInvalid is returned for a request that the service would refuse.
	ErrInvalid = errors.New("secretsmanager: invalid request")
	// ErrUnsupported is returned for a feature of Secrets Manager that the emulator
	// does not have.
	ErrUnsupported = errors.New("secretsmanager: not supported")
)

// Error is a refusal with the shape that the JSON API gives it
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html).
// It wraps one of the package's sentinel errors.
type Error = service.Error

func refuse(kind error, code, message string) *Error {
	return &Error{Service: "secretsmanager", Code: code, Message: message, Kind: kind}
}

func notFound(message string) *Error {
	return refuse(ErrNotFound, "ResourceNotFoundException", message)
}

func invalidParameter(message string) *Error {
	return refuse(ErrInvalid, "InvalidParameterException", message)
}

func unsupported(format string, args ...any) *Error {
	return refuse(ErrUnsupported, "UnsupportedOperationException", "the local AWS does not support "+fmt.Sprintf(format, args...))
}
