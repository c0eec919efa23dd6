package hook_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/hook"
)

// takes runs a hook that takes d under a time-out of one second.
func takes(t *testing.T, d time.Duration) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		err = runner(scripted{authorize: func(ctx context.Context) error {
			return clock.Sleep(ctx, clock.System(), d)
		}}).AuthorizeJoin(t.Context(), hook.Reading{})
	})
	return err
}

func TestTimeoutWithin(t *testing.T) {
	t.Parallel()
	if err := takes(t, time.Second-time.Millisecond); err != nil {
		t.Error(err)
	}
}

func TestTimeoutOver(t *testing.T) {
	t.Parallel()
	var failed *hook.Failure
	if err := takes(t, time.Second+time.Millisecond); !errors.As(err, &failed) || !failed.Temporary() {
		t.Errorf("got %v", err)
	}
}
