package dynamodb

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gapless-rooms/gapless/localdev/service"
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

// apiError is a refusal with the members that only DynamoDB's have. Its Code
// has the namespace.
type apiError struct {
	refusal
	item    item                 // ConditionalCheckFailedException
	reasons []cancellationReason // TransactionCanceledException
}

type refusal = service.Error

// wireError is the refusal as it is answered.
type wireError struct {
	Type    string               `json:"__type"`
	Message string               `json:"message"`
	Item    item                 `json:"Item,omitempty"`
	Reasons []cancellationReason `json:"CancellationReasons,omitempty"`
}

// failure is an error as an answer.
func failure(err error) (status int, body any) {
	e := asAPIError(err)
	return e.HTTPStatus(), wireError{e.Code, e.Message, e.item, e.reasons}
}

// name is the error's short name, as in ValidationException.
func (e *apiError) name() string { return e.Code[strings.LastIndexByte(e.Code, '#')+1:] }

func newError(kind, format string, args []any) *apiError {
	message := format
	if len(args) > 0 {
		message = fmt.Sprintf(format, args...)
	}
	return &apiError{refusal: refusal{Service: "dynamodb", Code: kind, Message: message}}
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
	e.item = old
	return e
}

// asAPIError is err as an answer; anything unforeseen is an internal error.
func asAPIError(err error) *apiError {
	var e *apiError
	var front *refusal
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &e):
	case errors.As(err, &large):
		e = serviceError("RequestTooLarge", "Request size exceeded %d bytes", maxRequestSize)
		e.Status = http.StatusRequestEntityTooLarge
	case errors.As(err, &front):
		e = newError(protocolErrors+front.Code, "%s", []any{front.Message})
	default:
		e = serviceError("InternalServerError", "Internal server error: %v", err)
		e.Status = http.StatusInternalServerError
	}
	return e
}

// unknownOperation refuses what is not an operation of the engine.
func unknownOperation(format string, args ...any) *service.Error {
	return &service.Error{Service: "dynamodb", Code: "UnknownOperationException", Message: "this engine does not support " + fmt.Sprintf(format, args...)}
}
