package app

import (
	"context"
	"errors"

	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

// Rebalance asks all connections to reconnect, perSecond of them a second: see
// connection.Rebalance. It needs permission to Query and UpdateItem the
// connections table.
func Rebalance(ctx context.Context, h Host, perSecond int) (int, error) {
	if perSecond < 1 {
		return 0, errors.New("at least one connection a second")
	}
	c, sdk, err := load[config.Rebalance](ctx, h)
	if err != nil {
		return 0, err
	}
	return connection.Rebalance(ctx, dynamo.NewConnections(dynamo.NewClient(sdk), c.Connections, c.Partitions), h.Clock, perSecond)
}
