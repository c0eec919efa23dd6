package app

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/handler"
	"github.com/gapless-rooms/gapless/pkg/hook"
)

// runner returns the application's hooks; nil if there are none.
func (h Host) runner(ctx context.Context, c config.Hook, logger *slog.Logger) (*hook.Runner, error) {
	if h.Hooks == nil {
		return nil, nil
	}
	hooks, err := h.Hooks(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("set up the hooks: %w", err)
	}
	return hook.NewRunner(hooks, c.Timeout, logger), nil
}

// hooked is a verifier that also asks the application about each token.
type hooked struct {
	hooks *hook.Runner
	next  handler.Verifier
}

func (v hooked) Verify(ctx context.Context, token string) (auth.Identity, error) {
	return v.hooks.Authenticate(ctx, token, v.next.Verify)
}
