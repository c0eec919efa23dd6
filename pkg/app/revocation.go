package app

import (
	"context"

	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/revocation"
)

// Revocations is for programs that revoke tokens, such as the back end that
// blocks a user. It reads GAPLESS_CONNECTIONS_TABLE, GAPLESS_JWT_MAX_LIFETIME and
// GAPLESS_JWT_LEEWAY, and needs permission to GetItem and UpdateItem in that
// table.
func Revocations(ctx context.Context, h Host) (revocation.Store, error) {
	c, sdk, err := load[config.Revocations](ctx, h)
	if err != nil {
		return nil, err
	}
	return dynamo.NewRevocations(dynamo.NewClient(sdk), c.Connections, h.Clock, c.Memory()), nil
}

// guard returns the guard of a function.
func (s stores) guard(h Host, c config.Lifetime) *revocation.Guard {
	store := dynamo.NewRevocations(s.client, s.tables.Connections, h.Clock, c.Memory())
	return revocation.NewGuard(store, h.Clock, c.Memory(), c.Leeway)
}
