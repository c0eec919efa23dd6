// Package fault separates temporary failures of AWS from permanent ones.
package fault

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// Error is a failed call of AWS. Its text is for logs, never for clients.
type Error struct {
	Operation string
	Err       error
	passing   bool
}

func (e *Error) Error() string { return e.Operation + ": " + e.Err.Error() }

// Unwrap returns the SDK's error.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same call may succeed later: throttling,
// server errors, time-outs and broken connections. The call may have taken
// effect.
func (e *Error) Temporary() bool { return e.passing }

// retryable is the SDK's own decision
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
var retryable = retry.IsErrorRetryables(retry.DefaultRetryables)

// tooFast reports whether a service refused with status 429. The SDK recognises
// throttling only by its code, and not SNS's "Throttled"
// (https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html).
func tooFast(err error) bool {
	var response interface{ HTTPStatusCode() int }
	return errors.As(err, &response) && response.HTTPStatusCode() == http.StatusTooManyRequests
}

// Wrap returns err as an *Error that names the operation, or nil for nil.
func Wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	var attempts *retry.MaxAttemptsError
	passing := errors.As(err, &attempts) || tooFast(err) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		retryable.IsErrorRetryable(err) == aws.TrueTernary
	return &Error{operation, err, passing}
}
