package main

import (
	"context"

	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/revocation"
)

type revokeCommand struct {
	backendFlags
	User    string `arg:"" help:"Whose tokens and connections end: commands within 3 s, connections at the next sweep."`
	Session string `help:"Only those of this session."`
}

// Run takes back all that was issued to the user until now.
func (c *revokeCommand) Run(ctx context.Context) error {
	host := c.host()
	store, err := app.Revocations(ctx, host)
	if err != nil {
		return err
	}
	return store.Revoke(ctx, revocation.Revocation{User: c.User, Session: c.Session, At: host.Clock.Now()})
}
