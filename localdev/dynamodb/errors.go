package dynamodb

import (
	"errors"
	"fmt"
	"net/http"
)

// ErrNoTable is returned by the inspection methods when the table does not
// exist.
var ErrNoTable = errors.New("no such table")

// Namespaces of __type on the wire.
const (
	serviceErrors    = "com.amazonaws.dynamodb.v20120810#"
	validationErrors = "com.amazon.coral.validate#"
	protocolErrors   = "com.amazon.coral.service#"
)

// apiError is an answer that is an error. It is what the client's SDK turns
// into its typed errors.
type apiError struct {
	Type    string               `json:"__type"`
	Message string               `json:"message"`
	Item    item                 `json:"Item,omitempty"`                // ConditionalCheckFailedException
	Reasons []cancellationReason `json:"CancellationReasons,omitempty"` // TransactionCanceledException
	status  int
}

func (e *apiError) Error() string { return e.Type + ": " + e.Message }

// name is the error's short name, as in ValidationException.
func (e *apiError) name() string {
	for i := len(e.Type) - 1; i >= 0; i-- {
		if e.Type[i] == '#' {
			return e.Type[i+1:]
		}
	}
	return e.Type
}

func newError(kind, format string, args []any) *apiError {
	message := format
	if len(args) > 0 {
		message = fmt.Sprintf(format, args...)
	}
	return &apiError{Type: kind, Message: message, status: http.StatusBadRequest}
}

// invalid is a ValidationException.
func invalid(format string, args ...any) error {
	return newError(validationErrors+"ValidationException", format, args)
}

// invalidValue is a ValidationException with the usual opening words.
func invalidValue(format string, args ...any) error {
	return invalid("One or more parameter values were invalid: "+format, args...)
}

// unserializable is what DynamoDB answers to a body that has not the shape of
// a request.
func unserializable(format string, args ...any) error {
	return newError(protocolErrors+"SerializationException", format, args)
}

func serviceError(name, format string, args ...any) *apiError {
	return newError(serviceErrors+name, format, args)
}

func errTableNotFound() error {
	return serviceError("ResourceNotFoundException", "Requested resource not found")
}

func errNamedTableNotFound(name string) error {
	return serviceError("ResourceNotFoundException", "Requested resource not found: Table: %s not found", name)
}

// errConditionFailed carries the item only when the request asked for it.
func errConditionFailed(old item) *apiError {
	e := serviceError("ConditionalCheckFailedException", "The conditional request failed")
	e.Item = old
	return e
}

// asAPIError is err as an answer; anything unforeseen is an internal error.
func asAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	e = serviceError("InternalServerError", "Internal server error: %v", err)
	e.status = http.StatusInternalServerError
	return e
}
