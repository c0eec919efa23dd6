// Package rule is yours: the one place where an application puts its own rules
// into Gapless. The deployed functions and `make dev` take them from here.
package rule

import (
	"context"

	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/hook"
)

// New returns the rules of one environment of a function; there are none yet,
// and so none are asked. It is called once, when the environment starts, with
// what the function finds around it: settings, the AWS SDK's configuration, the
// clock. What the rules call of AWS must be granted to the functions
// message, connect and sweep in infra/grant.go, locally too.
//
// localdev/example/moderated has rules to copy.
func New(context.Context, app.Host) (hook.Hooks, error) { return nil, nil }
