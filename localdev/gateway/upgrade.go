package gateway

import (
	"net"
	"net/http"
	"strings"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

// Handler serves the API: WebSocket handshakes on /{stage} and the management
// API on /{stage}/@connections/{id}. Behind a server of net/http, header names
// reach $connect as that package writes them; Serve, or a listener wrapped by
// KeepHeaderNames, keeps the client's own spelling.
func (g *Gateway) Handler() http.Handler { return http.HandlerFunc(g.serveHTTP) }

func (g *Gateway) serveHTTP(w http.ResponseWriter, r *http.Request) {
	stage, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	switch {
	case stage != g.routing.api.Stage:
		writeText(w, http.StatusForbidden, `{"message":"Forbidden"}`)
	case rest == "":
		g.serveUpgrade(w, r)
	default:
		g.serveManagement(w, r, rest)
	}
}

func writeText(w http.ResponseWriter, status int, body string) {
	if body != "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // nobody left to tell
}

// serveUpgrade answers a handshake over HTTP/1.1.
func (g *Gateway) serveUpgrade(w http.ResponseWriter, r *http.Request) {
	if status := checkUpgrade(r); status != 0 {
		if status == http.StatusUpgradeRequired {
			status = g.quirks.PlainStatus
		}
		writeText(w, status, "")
		return
	}
	s, protocol, refused := g.open(requestHandshake(r))
	if refused != nil {
		writeText(w, refused.status, refused.body)
		return
	}
	upgrader := ws.HTTPUpgrader{Header: http.Header{}}
	if protocol != "" {
		upgrader.Header[subprotocolHeader] = []string{protocol}
	}
	extension := wsflate.Extension{Parameters: wsflate.DefaultParameters}
	if !g.quirks.NoCompression {
		upgrader.Negotiate = func(offer httphead.Option) (httphead.Option, error) {
			accepted, err := extension.Negotiate(offer)
			if err != nil {
				// An offer that cannot be read is declined, as RFC 7692, 5
				// has it, and the connection opens without.
				accepted = httphead.Option{}
			}
			return accepted, nil
		}
	}
	conn, rw, _, err := upgrader.Upgrade(r, w)
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		s.abandon()
		return
	}
	_, deflate := extension.Accepted()
	s.start(newSocket(conn, rw.Reader, g.quirks.SocketBufferBytes), deflate)
}

// checkUpgrade returns 0 for a WebSocket handshake of RFC 6455, 4.2.1, and
// else the status of its refusal.
func checkUpgrade(r *http.Request) int {
	switch {
	case !hasToken(r.Header, "Connection", "upgrade"), !hasToken(r.Header, "Upgrade", "websocket"),
		r.Header.Get("Sec-Websocket-Version") != "13":
		return http.StatusUpgradeRequired
	case r.Method != http.MethodGet, r.ProtoMajor != 1, len(r.Header.Get("Sec-Websocket-Key")) != 24:
		return http.StatusBadRequest
	}
	return 0
}

func hasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for _, v := range strings.Split(line, ",") {
			if equalFold(strings.TrimSpace(v), token) {
				return true
			}
		}
	}
	return false
}

// requestHandshake reads a handshake from r.
func requestHandshake(r *http.Request) *handshake {
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	return &handshake{
		host:     r.Host,
		uri:      r.RequestURI,
		rawQuery: r.URL.RawQuery,
		fields:   headerFields(r),
		sourceIP: ip,
	}
}
