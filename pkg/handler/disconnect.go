package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

// Disconnect handles $disconnect: it removes the connection at once. API Gateway
// does not guarantee the event; the sweeper removes the rest.
type Disconnect struct {
	Remover *connection.Remover
	Waker   broadcast.Waker
	Logger  *slog.Logger
}

// Handle removes the connection and its memberships, and tells its rooms.
func (h *Disconnect) Handle(ctx context.Context, req events.APIGatewayWebsocketProxyRequest) (events.APIGatewayProxyResponse, error) {
	c, err := h.Remover.Remove(ctx, req.RequestContext.ConnectionID)
	if errors.Is(err, connection.ErrNotFound) {
		return answer(http.StatusOK), nil
	}
	if err != nil {
		return events.APIGatewayProxyResponse{}, fmt.Errorf("disconnect: %w", err)
	}
	if err := h.Waker.Wake(ctx, broadcast.LeftWakes(c)...); err != nil {
		// Presence pushes are not guaranteed; the stored state is correct.
		h.Logger.WarnContext(ctx, "could not tell rooms who left", "connectionId", c.ID, "error", err)
	}
	return answer(http.StatusOK), nil
}
