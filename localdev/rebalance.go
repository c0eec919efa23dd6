package main

import (
	"context"
	"fmt"

	"github.com/gapless-rooms/gapless/pkg/app"
)

type rebalanceCommand struct {
	backendFlags
	PerSecond int `default:"50" help:"How many connections a second are asked to come back; the account takes 500 new ones."`
}

// Run asks all connections that are there now to come back: each is told bye
// 3001 at the next sweep.
func (c *rebalanceCommand) Run(ctx context.Context, std stdio) error {
	n, err := app.Rebalance(ctx, c.host(), c.PerSecond)
	fmt.Fprintf(std.out, "%d connections are asked to come back\n", n)
	return err
}
