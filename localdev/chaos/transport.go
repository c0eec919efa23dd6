package chaos

import (
	"context"
	"net/http"

	"github.com/gapless-rooms/gapless/localdev/lambda"
)

// transport carries a function's calls of AWS, any of which may be its last.
type transport struct {
	chaos    *Chaos
	function string
	next     http.RoundTripper
}

// RoundTrip performs a call, unless the function's life is over.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if err := ended(ctx); err != nil {
		return nil, err
	}
	kill, _ := draw(t.chaos, callFaults)
	if kill == killBefore {
		lambda.Kill(ctx)
		return nil, lambda.ErrInvocationKilled
	}
	// What has been sent takes effect, whatever becomes of the caller.
	response, err := t.next.RoundTrip(r.WithContext(context.WithoutCancel(ctx)))
	if kill == killAfter {
		lambda.Kill(ctx)
		return nil, lambda.ErrInvocationKilled
	}
	if err == nil {
		err = ended(ctx)
	}
	if err != nil {
		return nil, err
	}
	return response, nil
}

// ended is why the function runs no more, if it does not.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return lambda.EndCause(ctx)
}
