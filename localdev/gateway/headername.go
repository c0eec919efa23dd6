package gateway

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"
)

// net/http rewrites header names ("x-room" becomes "X-Room"), while $connect
// sees them on AWS as the client wrote them. So the listener keeps the bytes
// of the request that is being read, and the handler looks the names up.

// maxHeaderRecord bounds what is kept of one connection.
const maxHeaderRecord = 64 << 10

// KeepHeaderNames wraps ln so that $connect sees header names as the client
// wrote them. The http.Server needs HeaderNameContext as its ConnContext and
// HeaderNameState as its ConnState.
func KeepHeaderNames(ln net.Listener) net.Listener { return recordingListener{ln} }

// HeaderNameContext is the ConnContext for a listener of KeepHeaderNames.
func HeaderNameContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, recordKey{}, c)
}

// HeaderNameState is the ConnState for a listener of KeepHeaderNames.
func HeaderNameState(c net.Conn, state http.ConnState) {
	if rc, ok := c.(*recordingConn); ok {
		switch state {
		case http.StateIdle:
			rc.reset(false)
		case http.StateHijacked:
			rc.reset(true)
		}
	}
}

type recordKey struct{}

type recordingListener struct{ net.Listener }

func (l recordingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &recordingConn{Conn: c}, nil
}

// recordingConn keeps the first bytes of the request that is being read.
type recordingConn struct {
	net.Conn
	mu     sync.Mutex
	record []byte
	off    bool
}

func (c *recordingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	if !c.off && len(c.record) < maxHeaderRecord {
		c.record = append(c.record, p[:n]...)
	}
	c.mu.Unlock()
	return n, err
}

// SetWriteBuffer and SetLinger reach through to the TCP connection.
func (c *recordingConn) SetWriteBuffer(n int) error {
	if t, ok := c.Conn.(interface{ SetWriteBuffer(int) error }); ok {
		return t.SetWriteBuffer(n)
	}
	return nil
}

func (c *recordingConn) SetLinger(sec int) error {
	if t, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		return t.SetLinger(sec)
	}
	return nil
}

func (c *recordingConn) reset(off bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.record, c.off = nil, off
}

// names returns the client's spellings, in order, of the request with this
// request line.
func (c *recordingConn) names(method, uri string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	start := bytes.LastIndex(c.record, []byte(method+" "+uri+" HTTP/1.1\r\n"))
	if start < 0 {
		return nil
	}
	var names []string
	for i, line := range bytes.Split(c.record[start:], []byte("\r\n")) {
		if len(line) == 0 {
			break
		}
		if name, _, ok := bytes.Cut(line, []byte(":")); ok && i > 0 {
			names = append(names, string(name))
		}
	}
	return names
}

// webSocketNames are the spellings of RFC 6455, used where the client's own
// is not known.
var webSocketNames = []string{
	"Sec-WebSocket-Extensions", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol", "Sec-WebSocket-Version",
}

// headerFields lists r's header in a stable order, with the client's spelling
// where the listener kept it.
func headerFields(r *http.Request) []field {
	spelling := map[string]string{}
	for _, name := range webSocketNames {
		spelling[textproto.CanonicalMIMEHeaderKey(name)] = name
	}
	if c, ok := r.Context().Value(recordKey{}).(*recordingConn); ok {
		for _, name := range c.names(r.Method, r.RequestURI) {
			spelling[textproto.CanonicalMIMEHeaderKey(name)] = name
		}
	}
	var fields []field
	for key, values := range r.Header {
		name := key
		if s, ok := spelling[key]; ok {
			name = s
		}
		for _, v := range values {
			fields = append(fields, field{name, v})
		}
	}
	// net/http hands the header over as a map: sorted, runs are repeatable.
	slices.SortStableFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return fields
}

// Serve answers requests on ln until Shutdown, and then returns nil. Header
// names reach $connect as the client wrote them.
func (g *Gateway) Serve(ln net.Listener) error {
	server := &http.Server{
		Handler: g.Handler(),
		// A client that sends its request line by line and never ends does not
		// hold a socket for ever.
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext:       HeaderNameContext,
		ConnState:         HeaderNameState,
		// The handshake's own bound answers, not net/http's.
		MaxHeaderBytes: maxHeaderRecord,
	}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		_ = ln.Close()
		return ErrShutdown
	}
	g.servers = append(g.servers, server)
	g.address = ln.Addr().String()
	g.mu.Unlock()
	if err := server.Serve(KeepHeaderNames(ln)); err != http.ErrServerClosed {
		return err
	}
	return nil
}
