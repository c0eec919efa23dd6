package sim

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

// operator is the host of a back end's programs. No fault befalls them.
func (w *world) operator() app.Host {
	return app.Host{
		Environ: map[string]string{"GAPLESS_CONNECTIONS_TABLE": "gapless-local-connections", "GAPLESS_CONNECTION_PARTITIONS": "1"},
		AWS:     func(context.Context) (aws.Config, error) { return w.stack.AWS(), nil },
		Clock:   w.clock,
		NewID: func() string {
			return fmt.Sprintf("%016x", digest(strconv.FormatUint(w.Seed, 16), "operator", strconv.Itoa(w.ids.count("operator"))))
		},
	}
}

// rebalance asks all connections to come back.
func (w *world) rebalance(perSecond int) {
	if _, err := app.Rebalance(context.Background(), w.operator(), perSecond); err != nil {
		w.check.fail("", "", "rebalance: %v", err)
	}
}

// ticket is a ticket for a user.
func (w *world) ticket(ctx context.Context, user string) (string, error) {
	office, err := app.Tickets(ctx, w.operator())
	if err != nil {
		return "", err
	}
	return office.Issue(ctx, ticket.Params{User: user})
}

// revoke takes back all tokens of a user.
func (w *world) revoke(ctx context.Context, user string) error {
	store, err := app.Revocations(ctx, w.operator())
	if err != nil {
		return err
	}
	w.fates.Lock()
	w.revoked[user] = w.now()
	w.fates.Unlock()
	return store.Revoke(ctx, revocation.Revocation{User: user, At: w.clock.Now()})
}
