package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/coder/websocket"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// schemes are the URL schemes of a handshake.
var schemes = []string{"ws", "wss", "http", "https"}

// Transport opens connections to a server. Tests can replace it with one in
// memory.
type Transport interface {
	// Dial opens a connection, with header in the handshake. A refusal by the
	// server is a *DialError with a Status. ctx bounds only the handshake.
	Dial(ctx context.Context, url string, header http.Header) (Conn, error)
}

// Conn carries text frames. One goroutine reads; others write and close
// concurrently.
type Conn interface {
	// Read returns the next frame. After the peer's close frame it returns a
	// *CloseError. When ctx ends, the connection may end too.
	Read(ctx context.Context) ([]byte, error)
	// Write sends one frame. It is called concurrently.
	Write(ctx context.Context, frame []byte) error
	// Close closes with code 1000 and ends a pending Read. It returns within
	// seconds even if the peer is gone.
	Close() error
	// CloseNow ends the connection without a close frame.
	CloseNow() error
}

// WebSocket is the default [Transport].
type WebSocket struct {
	// HTTPClient sends the handshake. Default: http.DefaultClient.
	HTTPClient *http.Client
}

var _ Transport = WebSocket{}

// Dial implements Transport.
func (w WebSocket) Dial(ctx context.Context, address string, header http.Header) (Conn, error) {
	if u, err := url.Parse(address); err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		return nil, &Error{Code: protocol.BadRequest, Message: "not the address of a WebSocket, which begins with wss://"}
	}
	socket, response, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: w.HTTPClient, HTTPHeader: header}) //nolint:bodyclose // the library has read it
	if err != nil {
		failed := &DialError{Err: err}
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			failed.Status = response.StatusCode
		}
		return nil, failed
	}
	socket.SetReadLimit(maxServerFrame)
	return wsConn{socket}, nil
}

type wsConn struct{ socket *websocket.Conn }

func (c wsConn) Read(ctx context.Context) ([]byte, error) {
	_, frame, err := c.socket.Read(ctx)
	if closed := (websocket.CloseError{}); errors.As(err, &closed) {
		return nil, &CloseError{Code: int(closed.Code), Reason: closed.Reason}
	}
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return frame, nil
}

func (c wsConn) Write(ctx context.Context, frame []byte) error {
	if err := c.socket.Write(ctx, websocket.MessageText, frame); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (c wsConn) Close() error { return c.socket.Close(websocket.StatusNormalClosure, "") }

func (c wsConn) CloseNow() error { return c.socket.CloseNow() }
