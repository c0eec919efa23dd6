package secretsmanager

import (
	"errors"
	"fmt"
	"net/http"
)

var (
	// ErrNotFound is returned when a secret or a version does not exist.
	ErrNotFound = errors.New("secretsmanager: not found")
	// ErrExists is returned when a name or a version's id is taken.
	ErrExists = errors.New("secretsmanager: exists already")
	// ErrInvalid is returned for a request that the service would refuse.
	ErrInvalid = errors.New("secretsmanager: invalid request")
	// ErrUnsupported is returned for what the service has and this emulator has
	// not.
	ErrUnsupported = errors.New("secretsmanager: not supported")
)

// Error is a refusal with the shape that the JSON API gives it
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html).
// It wraps one of the package's sentinel errors.
type Error struct {
	Status  int
	Type    string
	Message string
	kind    error
}

func (e *Error) Error() string { return fmt.Sprintf("secretsmanager: %s: %s", e.Type, e.Message) }

func (e *Error) Unwrap() error { return e.kind }

func refuse(kind error, name, message string) *Error {
	return &Error{http.StatusBadRequest, name, message, kind}
}

func notFound(message string) *Error {
	return refuse(ErrNotFound, "ResourceNotFoundException", message)
}

func invalidParameter(message string) *Error {
	return refuse(ErrInvalid, "InvalidParameterException", message)
}

func unsupported(what string) *Error {
	return refuse(ErrUnsupported, "UnsupportedOperationException", "the local AWS does not support "+what)
}
