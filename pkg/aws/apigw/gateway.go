// Package apigw calls API Gateway's @connections API.
package apigw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"

	"github.com/gapless-rooms/gapless/pkg/aws/fault"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

var _ connection.Gateway = (*Gateway)(nil)

// Gateway calls @connections of one API. It is safe for concurrent use.
type Gateway struct{ client *api.Client }

// New returns a Gateway for an endpoint, https://{host}/{stage}. It switches off
// the SDK's retries, because only the broadcaster knows whether to repeat a
// refused post: that depends on how many members refuse.
func New(cfg aws.Config, endpoint string) *Gateway {
	return &Gateway{api.NewFromConfig(cfg, func(o *api.Options) {
		o.BaseEndpoint = aws.String(endpoint)
		o.Retryer = aws.NopRetryer{}
	})}
}

// Post sends a frame
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html).
func (g *Gateway) Post(ctx context.Context, id string, frame []byte) error {
	_, err := g.client.PostToConnection(ctx, &api.PostToConnectionInput{ConnectionId: &id, Data: frame})
	return explain("post to connection", err)
}

// Status asks whether a connection lives.
func (g *Gateway) Status(ctx context.Context, id string) (connection.Status, error) {
	out, err := g.client.GetConnection(ctx, &api.GetConnectionInput{ConnectionId: &id})
	if err != nil {
		return connection.Status{}, explain("get connection", err)
	}
	value := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return *t
	}
	return connection.Status{ConnectedAt: value(out.ConnectedAt), LastActiveAt: value(out.LastActiveAt)}, nil
}

// Close ends a connection.
func (g *Gateway) Close(ctx context.Context, id string) error {
	_, err := g.client.DeleteConnection(ctx, &api.DeleteConnectionInput{ConnectionId: &id})
	return explain("delete connection", err)
}

func explain(operation string, err error) error {
	if err == nil {
		return nil
	}
	var gone *types.GoneException
	var limit *types.LimitExceededException
	var large *types.PayloadTooLargeException
	switch {
	case errors.As(err, &gone):
		return fmt.Errorf("%s: %w", operation, connection.ErrGone)
	case errors.As(err, &limit):
		return fmt.Errorf("%s: %w", operation, connection.ErrThrottled)
	case errors.As(err, &large):
		return fmt.Errorf("%s: %w", operation, connection.ErrTooLarge)
	}
	return fault.Wrap(operation, err)
}
