package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

// Verifier checks tokens.
type Verifier interface {
	// Verify returns what a token says; auth.ErrInvalid, auth.ErrExpired or
	// auth.ErrUnavailable otherwise.
	Verify(ctx context.Context, token string) (auth.Identity, error)
}

// Connect handles $connect: it registers the connection, authenticated if the
// handshake carries a token. It costs one write and no read.
type Connect struct {
	Connections connection.Store
	Verifier    Verifier
	Clock       clock.Clock
	Logger      *slog.Logger
	// Grace is how long a connection may take to authenticate.
	Grace time.Duration
	// CheckEvery is after how long the sweeper looks at it.
	CheckEvery time.Duration
}

// subprotocol is what we answer when a client offers it. Browsers fail the
// connection unless the answer is one of their offers.
const (
	subprotocol       = "gapless.v1"
	bearerSubprotocol = "bearer."
	subprotocolHeader = "Sec-WebSocket-Protocol"
)

// Handle answers 200, or 401 if a token was presented that is not valid, or
// 503 if it could not be checked; API Gateway passes the status on to the
// client and opens the socket only for 200.
func (h *Connect) Handle(ctx context.Context, req events.APIGatewayWebsocketProxyRequest) (events.APIGatewayProxyResponse, error) {
	offers, token := handshake(req.Headers)
	now := h.Clock.Now()
	c := connection.Connection{
		ID:          req.RequestContext.ConnectionID,
		ConnectedAt: time.UnixMilli(req.RequestContext.ConnectedAt),
		CheckAt:     now.Add(h.Grace),
	}
	if token != "" {
		identity, err := h.Verifier.Verify(ctx, token)
		switch {
		case errors.Is(err, auth.ErrInvalid), errors.Is(err, auth.ErrExpired):
			return answer(http.StatusUnauthorized), nil
		case err != nil:
			h.Logger.ErrorContext(ctx, "token could not be checked", "error", err)
			return answer(http.StatusServiceUnavailable), nil
		}
		c.Identity = identity
		c.CheckAt = connection.NextCheck(now, h.CheckEvery, identity)
	}
	if err := h.Connections.Put(ctx, c); err != nil {
		return events.APIGatewayProxyResponse{}, fmt.Errorf("register connection: %w", err)
	}
	response := answer(http.StatusOK)
	if offers {
		response.Headers = map[string]string{subprotocolHeader: subprotocol}
	}
	return response, nil
}

// handshake reads the subprotocols that a client offers, and its token from
// there (browsers cannot set headers) or from the Authorization header.
func handshake(headers map[string]string) (offers bool, token string) {
	for name, value := range headers {
		switch {
		case strings.EqualFold(name, subprotocolHeader):
			for offer := range strings.SplitSeq(value, ",") {
				offer = strings.TrimSpace(offer)
				if offer == subprotocol {
					offers = true
				} else if bearer, ok := strings.CutPrefix(offer, bearerSubprotocol); ok {
					token = bearer
				}
			}
		case strings.EqualFold(name, "Authorization") && token == "":
			scheme, credentials, _ := strings.Cut(value, " ")
			if strings.EqualFold(scheme, "Bearer") {
				token = strings.TrimSpace(credentials)
			}
		}
	}
	return offers, token
}

func answer(status int) events.APIGatewayProxyResponse {
	return events.APIGatewayProxyResponse{StatusCode: status}
}
