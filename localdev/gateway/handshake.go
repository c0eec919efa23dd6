package gateway

import (
	"net/http"
	"net/url"
	"strings"
)

const subprotocolHeader = "Sec-WebSocket-Protocol"

// field is one line of a header, its name as the client wrote it.
type field struct{ name, value string }

// handshake is a client's wish for a connection, wherever it comes from.
type handshake struct {
	host     string
	uri      string // path and query, as sent
	rawQuery string
	fields   []field // Host excepted
	sourceIP string
}

// refusal is a failed handshake.
type refusal struct {
	status int
	body   string
}

// refuse makes a refusal with the envelope of error messages. An empty
// message is "Internal server error".
func (s *session) refuse(status int, message, requestID string) *refusal {
	if message == "" {
		message = "Internal server error"
	}
	return &refusal{status: status, body: string(errorFrame(message, s.id, requestID))}
}

// header returns the last value of a header, whose name's case does not
// matter, or "".
func (h *handshake) header(name string) string {
	value := ""
	for _, f := range h.fields {
		if equalFold(f.name, name) {
			value = f.value
		}
	}
	return value
}

// query parses the query. ok is false when there is none.
func (h *handshake) query() (values url.Values, ok bool) {
	values, _ = url.ParseQuery(h.rawQuery) // the readable part counts
	return values, len(values) > 0
}

// fill gives e the headers and the query. Of the former, Connection and
// Upgrade are for the authorizer only.
func (h *handshake) fill(e *event, hopByHop bool) {
	add := func(name, value string) {
		e.Headers[name] = value
		e.MultiHead[name] = append(e.MultiHead[name], value)
	}
	add("Host", h.host)
	spelled := map[string]string{} // the first spelling of a name counts
	for _, f := range h.fields {
		folded := strings.ToLower(f.name)
		if !hopByHop && (folded == "connection" || folded == "upgrade") {
			continue
		}
		name, ok := spelled[folded]
		if !ok {
			name, spelled[folded] = f.name, f.name
		}
		add(name, f.value)
	}
	if values, ok := h.query(); ok {
		e.Query, e.MultiQry = map[string]string{}, map[string][]string{}
		for name, list := range values {
			e.Query[name] = list[len(list)-1]
			e.MultiQry[name] = list
		}
	}
}

// addForwardedHeaders adds the headers that API Gateway adds to what the client sent.
func (g *Gateway) addForwardedHeaders(h *handshake) {
	from := h.sourceIP
	kept := h.fields[:0]
	for _, f := range h.fields {
		switch strings.ToLower(f.name) {
		case "x-forwarded-for":
			from = f.value + ", " + h.sourceIP
		case "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id":
		default:
			kept = append(kept, f)
		}
	}
	kept = append(kept,
		field{"X-Amzn-Trace-Id", g.ids.trace(g.clock.Now())},
		field{"X-Forwarded-For", from},
		field{"X-Forwarded-Port", g.quirks.ForwardedPort},
		field{"X-Forwarded-Proto", g.quirks.ForwardedProto},
	)
	h.fields = kept
}

// refuseTooLarge refuses a handshake for its size, before anything else happens.
func (g *Gateway) refuseTooLarge(h *handshake) *refusal {
	if len("wss://")+len(h.host)+len(h.uri) > MaxURLBytes {
		return &refusal{status: http.StatusRequestURITooLong}
	}
	size := len("Host") + len(h.host) + 4
	for _, f := range h.fields {
		size += len(f.name) + len(f.value) + 4
	}
	if size > g.quirks.MaxHeaderBytes {
		return &refusal{status: http.StatusRequestHeaderFieldsTooLarge}
	}
	return nil
}

// open decides on a handshake: limits, authorizer, $connect. It returns an
// open session that waits for its transport, and the subprotocol that $connect
// chose; the caller calls start or abandon. The socket opens only after
// $connect has answered, and until then @connections says 410.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
func (g *Gateway) open(h *handshake) (s *session, protocol string, refused *refusal) {
	if refused := g.refuseTooLarge(h); refused != nil {
		return nil, "", refused
	}
	g.addForwardedHeaders(h)
	s = g.newSession(h)
	if err := g.admit(s); err != nil {
		return nil, "", &refusal{status: http.StatusServiceUnavailable}
	}
	protocol, refused = s.connect(h)
	if refused != nil {
		g.emit(Event{Kind: EventRefused, ConnectionID: s.id, Status: refused.status})
		g.drop(s)
		return nil, "", refused
	}
	s.open()
	return s, protocol, nil
}

// connect runs the authorizer and $connect. Of the answer only the status and
// the subprotocol count; no subprotocol is ever chosen by itself.
func (s *session) connect(h *handshake) (protocol string, refused *refusal) {
	requestID := s.g.ids.next()
	if status := s.g.faults.handshake(); status != 0 {
		return "", s.refuse(status, http.StatusText(status), requestID)
	}
	rt := s.g.routing.routes[RouteConnect]
	now := s.g.clock.Now()
	if !s.g.connects.take(now) || !s.g.requests.take(now) || rt != nil && !rt.throttle.take(now) {
		return "", s.refuse(http.StatusTooManyRequests, "Too Many Requests", requestID)
	}
	rc := s.context(RouteConnect, eventConnect, requestID)
	auth, refused := s.authorize(h, rc)
	if refused != nil {
		return "", refused
	}
	if auth != nil {
		s.authorizer = auth.context
	}
	if rt == nil {
		return "", nil
	}
	a, err := s.call(rt, rc, func() event { return s.connectEvent(h, rc, auth) }, nil)
	switch {
	case err != nil && rt.backend.kind == IntegrationMock:
		s.g.log.Warn("gateway: $connect failed", "connection", s.id, "error", err)
		return "", s.refuse(http.StatusInternalServerError, "", requestID)
	case err != nil:
		s.g.log.Warn("gateway: $connect failed", "connection", s.id, "error", err)
		return "", s.refuse(http.StatusBadGateway, "", requestID)
	case !success(a.status):
		return "", &refusal{status: a.status}
	}
	return a.protocol, nil
}

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }
