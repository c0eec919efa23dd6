package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// DialOptions describe an in-process handshake.
type DialOptions struct {
	// Header goes to $connect with the names as spelled here.
	Header http.Header
	// Query is the query of the URL.
	Query url.Values
	// Subprotocols is offered as Sec-WebSocket-Protocol.
	Subprotocols []string
	// SourceIP is where the client seems to come from. Default "127.0.0.1".
	SourceIP string
	// Host is the Host of the URL. Default "localhost".
	Host string
}

// Dial connects in process, through the same handshake and session code as a
// real socket. A refusal is a *HandshakeError; when ctx ends first, its error
// is returned, and the gateway finds the client gone once $connect answers.
// The caller reads the Conn until it fails, or closes or cuts it.
func (g *Gateway) Dial(ctx context.Context, options DialOptions) (*Conn, error) {
	h := options.handshake(g.routing.api.Stage)
	type result struct {
		conn *Conn
		err  error
	}
	dialed := make(chan result, 1)
	go func() {
		s, protocol, refused := g.open(h)
		switch {
		case refused != nil:
			dialed <- result{err: &HandshakeError{StatusCode: refused.status, Body: refused.body}}
		case ctx.Err() != nil:
			s.abandon()
			dialed <- result{err: ctx.Err()}
		default:
			t := newMemory()
			conn := &Conn{id: s.id, protocol: protocol, in: t.out, out: t.in}
			s.start(t, false)
			dialed <- result{conn: conn}
		}
	}()
	select {
	case r := <-dialed:
		if r.err != nil {
			return nil, fmt.Errorf("dial: %w", r.err)
		}
		return r.conn, nil
	case <-ctx.Done():
		go func() {
			if r := <-dialed; r.conn != nil {
				r.conn.Cut()
			}
		}()
		return nil, fmt.Errorf("dial: %w", ctx.Err())
	}
}

// handshake makes what a WebSocket client would send.
func (o DialOptions) handshake(stage string) *handshake {
	def(&o.SourceIP, "127.0.0.1")
	def(&o.Host, "localhost")
	h := &handshake{
		host:     o.Host,
		uri:      "/" + stage,
		rawQuery: o.Query.Encode(),
		sourceIP: o.SourceIP,
	}
	if h.rawQuery != "" {
		h.uri += "?" + h.rawQuery
	}
	h.fields = []field{
		{"Connection", "Upgrade"},
		{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
		{"Sec-WebSocket-Version", "13"},
		{"Upgrade", "websocket"},
	}
	if len(o.Subprotocols) > 0 {
		h.fields = append(h.fields, field{subprotocolHeader, strings.Join(o.Subprotocols, ", ")})
	}
	for name, values := range o.Header {
		for _, v := range values {
			h.fields = append(h.fields, field{name, v})
		}
	}
	slices.SortStableFunc(h.fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return h
}
