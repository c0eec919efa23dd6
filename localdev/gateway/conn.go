package gateway

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/gobwas/ws"
)

// Conn is the client's end of an in-process connection. One goroutine may
// receive while others send, close and cut.
type Conn struct {
	id       string
	protocol string
	in, out  *pipe // as the client sees them

	mu     sync.Mutex
	ended  error // what Receive goes on to return
	closed bool  // a close frame was sent

	partial []byte // of a fragmented message; the receiver's own
}

// ID is the connection's id, which a real client does not get to know.
func (c *Conn) ID() string { return c.id }

// Subprotocol is what $connect chose, "" if nothing.
func (c *Conn) Subprotocol() string { return c.protocol }

// Send sends a text message as one frame. It waits while the gateway does not
// read, and fails with ErrCut or io.ErrClosedPipe when the connection is gone.
func (c *Conn) Send(ctx context.Context, text string) error {
	return c.SendFrame(ctx, ws.OpText, true, []byte(text))
}

// SendFrame sends any frame, legal or not, masked as a client's are.
func (c *Conn) SendFrame(ctx context.Context, op ws.OpCode, fin bool, payload []byte) error {
	return c.out.push(ctx, masked(op, fin, payload))
}

func masked(op ws.OpCode, fin bool, payload []byte) frame {
	f := newFrame(op, fin, payload)
	f.header.Masked = true
	return f
}

// Ping sends a Ping, whose Pong Receive passes over.
func (c *Conn) Ping(ctx context.Context) error {
	return c.SendFrame(ctx, ws.OpPing, true, nil)
}

// Receive waits for the next text message. It fails with a *CloseError after
// the server's close frame, which it answers; with ErrCut when the connection
// was dropped; or with ctx's error, after which it can be called again.
func (c *Conn) Receive(ctx context.Context) (string, error) {
	for {
		c.mu.Lock()
		ended := c.ended
		c.mu.Unlock()
		if ended != nil {
			return "", ended
		}
		f, err := c.in.pull(ctx)
		switch {
		case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
			return "", err
		case errors.Is(err, io.EOF), errors.Is(err, ErrCut):
			return "", c.end(ErrCut)
		case err != nil:
			return "", c.end(err)
		}
		switch f.header.OpCode {
		case ws.OpText, ws.OpContinuation:
			c.partial = append(c.partial, f.payload...)
			if f.header.Fin {
				text := string(c.partial)
				c.partial = nil
				return text, nil
			}
		case ws.OpClose:
			code, reason := ws.ParseCloseFrameData(f.payload)
			if len(f.payload) == 0 {
				code = codeNoStatus
			}
			_ = c.sendClose(f.payload) // the server may be gone already
			return "", c.end(&CloseError{Code: int(code), Reason: reason})
		}
	}
}

func (c *Conn) end(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ended = err
	}
	return c.ended
}

// Close sends a close frame; a code of 0 sends none in it. It does not wait
// for the answer, which Receive returns as a *CloseError.
func (c *Conn) Close(code int, reason string) error {
	var payload []byte
	if code != 0 {
		payload = ws.NewCloseFrameBody(ws.StatusCode(code), reason) //nolint:gosec // what a test sends, wrong or not
	}
	return c.sendClose(payload)
}

func (c *Conn) sendClose(payload []byte) error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if !first {
		return nil
	}
	_, err := c.out.offer(masked(ws.OpClose, true, payload))
	return err
}

// Cut drops the connection without a close frame, as a network that fails.
func (c *Conn) Cut() {
	c.in.sever()
	c.out.sever()
}
