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

// Disconnect handles $disconnect: it forgets the connection at once. API
// Gateway does not guarantee the event; the sweeper forgets the others.
type Disconnect struct {
	Remover *connection.Remover
	Waker   broadcast.Waker
	Logger  *slog.Logger
}

// Handle removes every trace of the connection and tells its rooms.
func (h *Disconnect) Handle(ctx context.Context, req events.APIGatewayWebsocketProxyRequest) (events.APIGatewayProxyResponse, error) {
	c, err := h.Remover.Remove(ctx, req.RequestContext.ConnectionID)
	if errors.Is(err, connection.ErrNotFound) {
		return answer(http.StatusOK), nil
	}
	if err != nil {
		return events.APIGatewayProxyResponse{}, fmt.Errorf("disconnect: %w", err)
	}
	if err := h.Waker.Wake(ctx, broadcast.LeftWakes(c)...); err != nil {
		// Presence pushes are a courtesy; the state is right.
		h.Logger.WarnContext(ctx, "rooms were not told who left", "connectionId", c.ID, "error", err)
	}
	return answer(http.StatusOK), nil
}
