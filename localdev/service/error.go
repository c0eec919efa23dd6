package service

import (
	"cmp"
	"errors"
	"net/http"
)

// Error is a service's refusal of a request, as opposed to a failure of the
// local AWS. It wraps a sentinel error of the service's package.
type Error struct {
	// Service names the service's package in Go's form of the error.
	Service string
	// Status is the HTTP status. Zero means 400.
	Status int
	// Code is the exception's name on the wire.
	Code string
	// QueryCode is its name in the Query protocol, if that differs. SQS sends it
	// beside Code in a header, and the SDKs report it.
	QueryCode string
	Message   string
	// Reason is a further member of some of Lambda's refusals; mostly empty.
	Reason string
	// Kind is the sentinel error.
	Kind error
}

func (e *Error) Error() string { return e.Service + ": " + e.Code + ": " + e.Message }

// Unwrap returns the sentinel error.
func (e *Error) Unwrap() error { return e.Kind }

// ReportedCode is the code that an SDK reports.
func (e *Error) ReportedCode() string { return cmp.Or(e.QueryCode, e.Code) }

// HTTPStatus is Status, or its default.
func (e *Error) HTTPStatus() int { return cmp.Or(e.Status, http.StatusBadRequest) }

// Sender reports whether the caller is at fault, rather than the service.
func (e *Error) Sender() bool { return e.HTTPStatus() < http.StatusInternalServerError }

// Refusal is err as a refusal. Anything that is not an *Error becomes one with
// status 500 and the given code.
func Refusal(err error, code string) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Code: code, Message: err.Error(), Kind: err}
}
