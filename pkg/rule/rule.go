// Package rule is yours: put your application's own rules here. The deployed
// functions and `make dev` use them.
package rule

import (
	"context"

	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/hook"
)

// New returns the rules of one environment of a function. There are none yet, so
// no hook is called. New is called once, when the environment starts, with the
// function's surroundings: settings, the AWS SDK's configuration, the clock.
// Grant the AWS calls that your rules make to the functions message, connect and
// sweep in infra/grant.go, even for local use.
//
// localdev/example/moderated has rules to copy.
func New(context.Context, app.Host) (hook.Hooks, error) { return nil, nil }
