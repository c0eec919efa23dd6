package sweep

import (
	"context"
	"time"

	"github.com/gapless-rooms/gapless/pkg/connection"
)

// bounded is a Gateway whose calls have a time-out: connections whose calls hang
// must not use up the sweep.
type bounded struct {
	next  connection.Gateway
	after time.Duration
}

func (g bounded) Post(ctx context.Context, id string, frame []byte) error {
	ctx, cancel := context.WithTimeout(ctx, g.after)
	defer cancel()
	return g.next.Post(ctx, id, frame)
}

func (g bounded) Status(ctx context.Context, id string) (connection.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, g.after)
	defer cancel()
	return g.next.Status(ctx, id)
}

func (g bounded) Close(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, g.after)
	defer cancel()
	return g.next.Close(ctx, id)
}
