package connection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// everything is later than any next check.
var everything = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// Rebalance asks all connections that exist when it begins to reconnect, by bye
// 3001. It condemns perSecond connections a second; the next sweep ends each, and each client
// waits a random time before it reconnects. Until then connections work as
// before, and a client that keeps its positions misses nothing. It returns the
// number condemned, even with an error; a second call starts again.
//
// Reconnecting clients count against the account's 500 new connections a second
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html). At
// 50 a second, a sweep ends 3,000, which reconnect over 15 seconds.
func Rebalance(ctx context.Context, store Store, c clock.Clock, perSecond int) (int, error) {
	began := c.Now()
	condemned := 0
	for p := range store.Partitions() {
		due := DueParams{Partition: p, Now: everything}
		for {
			page, cursor, err := store.Due(ctx, due)
			if err != nil {
				return condemned, fmt.Errorf("read connections of partition %d: %w", p, err)
			}
			for _, one := range page {
				if one.Closing || one.Sentence != 0 || one.ConnectedAt.After(began) {
					continue
				}
				err := store.Condemn(ctx, one.ID, protocol.CloseRestart.Code, c.Now())
				if errors.Is(err, ErrNotFound) {
					continue // already gone
				}
				if err != nil {
					return condemned, fmt.Errorf("condemn connection: %w", err)
				}
				condemned++
				if err := clock.Sleep(ctx, c, time.Second/time.Duration(perSecond)); err != nil {
					return condemned, err
				}
			}
			if cursor == "" {
				break
			}
			due.Cursor = cursor
		}
	}
	return condemned, nil
}
