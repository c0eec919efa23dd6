package app

import (
	"context"

	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

// Tickets is for programs that issue tickets, such as a back end whose page asks
// for one. It reads GAPLESS_CONNECTIONS_TABLE, and needs permission to PutItem in
// that table.
func Tickets(ctx context.Context, h Host) (*ticket.Office, error) {
	c, sdk, err := load[config.Tickets](ctx, h)
	if err != nil {
		return nil, err
	}
	return h.tickets(dynamo.NewClient(sdk), c.Connections, c.Lifetime), nil
}

func (h Host) tickets(client dynamo.API, table string, c config.Lifetime) *ticket.Office {
	return ticket.NewOffice(dynamo.NewTickets(client, table), h.Clock, h.NewID, c.MaxLifetime)
}
