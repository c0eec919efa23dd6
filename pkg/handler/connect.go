package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

// Verifier checks tokens.
type Verifier interface {
	// Verify returns the identity of a token, or auth.ErrInvalid, auth.ErrExpired
	// or auth.ErrUnavailable.
	Verify(ctx context.Context, token string) (auth.Identity, error)
}

// Tickets redeems tickets.
type Tickets interface {
	// Redeem uses a ticket for a connection and returns its identity. It returns
	// ticket.ErrInvalid if the ticket cannot be used.
	Redeem(ctx context.Context, text, connectionID string) (auth.Identity, error)
}

// Connect handles $connect: it registers the connection, authenticated if the
// handshake carries a token. It costs one write and no read; a ticket costs
// another write.
type Connect struct {
	Connections connection.Store
	Verifier    Verifier
	Tickets     Tickets
	Access      Access
	Clock       clock.Clock
	Logger      *slog.Logger
	// Grace is the time that a connection has to authenticate.
	Grace time.Duration
	// CheckEvery is the time after which the sweeper checks the connection.
	CheckEvery time.Duration
}

// Handle answers 200; 400 or 403 as Access decides; 403 if a hook refuses; 401 if
// the token or ticket is invalid; 503 if it could not be checked. API Gateway
// passes the status to the client and opens the socket only for 200. It drops the
// body, which helps those who call the function directly.
func (h *Connect) Handle(ctx context.Context, req events.APIGatewayWebsocketProxyRequest) (events.APIGatewayProxyResponse, error) {
	asked, refused := h.Access.read(req)
	if refused != nil {
		return h.refuse(ctx, *refused), nil
	}
	now := h.Clock.Now()
	c := connection.Connection{
		ID:          req.RequestContext.ConnectionID,
		ConnectedAt: time.UnixMilli(req.RequestContext.ConnectedAt),
		CheckAt:     now.Add(h.Grace),
	}
	if asked.token != "" || asked.ticket != "" {
		identity, err := h.identify(ctx, asked, c.ID)
		var no *protocol.Error
		switch {
		case errors.As(err, &no): // from a hook
			return h.refuse(ctx, refusal{http.StatusForbidden, no.Message}), nil
		case errors.Is(err, auth.ErrInvalid), errors.Is(err, auth.ErrExpired), errors.Is(err, ticket.ErrInvalid):
			return h.refuse(ctx, refusal{http.StatusUnauthorized, err.Error()}), nil
		case err != nil:
			h.Logger.WarnContext(ctx, "could not check token or ticket", "error", err)
			return answer(http.StatusServiceUnavailable), nil
		}
		c.Identity = identity
		c.CheckAt = connection.NextCheck(now, h.CheckEvery, identity)
	}
	if err := h.Connections.Put(ctx, c); err != nil {
		return events.APIGatewayProxyResponse{}, fmt.Errorf("register connection: %w", err)
	}
	response := answer(http.StatusOK)
	if asked.offers {
		response.Headers = map[string]string{subprotocolHeader: subprotocol}
	}
	return response, nil
}

// identify checks the handshake's ticket or token.
func (h *Connect) identify(ctx context.Context, asked handshake, connectionID string) (auth.Identity, error) {
	if asked.ticket != "" {
		return h.Tickets.Redeem(ctx, asked.ticket, connectionID)
	}
	return h.Verifier.Verify(ctx, asked.token)
}

// refuse fails the handshake. It logs the reason, which the client does not get.
func (h *Connect) refuse(ctx context.Context, r refusal) events.APIGatewayProxyResponse {
	h.Logger.InfoContext(ctx, "handshake refused", "status", r.status, "reason", r.reason)
	return events.APIGatewayProxyResponse{StatusCode: r.status, Body: r.reason}
}

func answer(status int) events.APIGatewayProxyResponse {
	return events.APIGatewayProxyResponse{StatusCode: status}
}
