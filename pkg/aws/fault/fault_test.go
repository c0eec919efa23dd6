package fault_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/gapless-rooms/gapless/pkg/aws/fault"
)

func TestTemporary(t *testing.T) {
	t.Parallel()
	answered := func(status int, code string) error {
		return &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
			Err:      &smithy.GenericAPIError{Code: code},
		}
	}
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"throttled by SNS", answered(http.StatusTooManyRequests, "Throttled"), true},
		{"throttled by DynamoDB", answered(http.StatusBadRequest, "ProvisionedThroughputExceededException"), true},
		{"server error", answered(http.StatusInternalServerError, "InternalError"), true},
		{"our mistake", answered(http.StatusBadRequest, "ValidationException"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var f *fault.Error
			if err := fault.Wrap("try", tt.err); !errors.As(err, &f) || f.Temporary() != tt.want {
				t.Errorf("%v: temporary is not %t", err, tt.want)
			}
		})
	}
}
