package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Runner calls hooks with a time-out and recovers from their panics. A nil Runner
// has no hooks, and its methods cost nothing. It is safe for concurrent use.
//
// Its methods return a *protocol.Error, which may be shown to the client, or an
// error that may not: a *Failure or an error of auth.Verify.
type Runner struct {
	hooks   Hooks
	timeout time.Duration
	logger  *slog.Logger
}

// NewRunner returns a Runner that gives each call of a hook the time-out. It
// returns nil if hooks is nil.
func NewRunner(hooks Hooks, timeout time.Duration, logger *slog.Logger) *Runner {
	if hooks == nil {
		return nil
	}
	return &Runner{hooks, timeout, logger}
}

func run[T any](ctx context.Context, r *Runner, name string, hook func(context.Context) (T, error)) (result T, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = &Failure{name, fmt.Errorf("panic: %v\n%s", v, debug.Stack()), true}
		}
	}()
	result, err = hook(ctx)
	if err == nil {
		return result, nil
	}
	if no := refusal(err); no != nil {
		return result, no
	}
	return result, &Failure{Hook: name, Err: err}
}

// Authenticate checks a token with the hook, which may call verify.
func (r *Runner) Authenticate(ctx context.Context, token string, verify Verify) (auth.Identity, error) {
	if r == nil {
		return verify(ctx, token)
	}
	id, err := run(ctx, r, "Authenticate", func(ctx context.Context) (auth.Identity, error) {
		return r.hooks.Authenticate(ctx, token, verify)
	})
	var failed *Failure
	if errors.As(err, &failed) && !failed.Broken {
		for _, known := range []error{auth.ErrInvalid, auth.ErrExpired, auth.ErrUnavailable} {
			if errors.Is(failed.Err, known) {
				return auth.Identity{}, failed.Err
			}
		}
	}
	if err != nil {
		return auth.Identity{}, err
	}
	if err := id.Validate(); err != nil {
		return auth.Identity{}, &Failure{"Authenticate", err, true}
	}
	return id, nil
}

// AuthorizeJoin asks the hook whether a connection may read a room.
func (r *Runner) AuthorizeJoin(ctx context.Context, reading Reading) error {
	if r == nil {
		return nil
	}
	_, err := run(ctx, r, "AuthorizeJoin", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.hooks.AuthorizeJoin(ctx, reading)
	})
	return err
}

// BeforePublish asks the hook whether to publish a message, and with which data.
func (r *Runner) BeforePublish(ctx context.Context, p Publish) (jsontext.Value, error) {
	came := jsontext.Value(p.Data)
	if r == nil {
		return came, nil
	}
	p.Data = json.RawMessage(came.Clone()) // the hook may write into it
	data, err := run(ctx, r, "BeforePublish", func(ctx context.Context) (json.RawMessage, error) {
		return r.hooks.BeforePublish(ctx, p)
	})
	if err != nil || data == nil {
		return came, err
	}
	checked, bad := protocol.CheckData(jsontext.Value(data))
	if bad != nil {
		return nil, &Failure{"BeforePublish", fmt.Errorf("invalid data: %s", bad.Message), true}
	}
	return checked, nil
}

// AfterPublish tells the hook of a message, and logs its error.
func (r *Runner) AfterPublish(ctx context.Context, p Published) {
	if r == nil {
		return
	}
	_, err := run(ctx, r, "AfterPublish", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.hooks.AfterPublish(ctx, p)
	})
	if err != nil {
		r.logger.ErrorContext(ctx, "a message was published, but the hook failed",
			"room", p.Room, "epoch", p.Epoch, "seq", p.Seq, "error", err)
	}
}
