package gateway

import (
	"errors"
	"fmt"
)

// receive hands one message of the client to a goroutine, waiting while
// Quirks.MessageConcurrency are in the works.
func (s *session) receive(text []byte) {
	s.count(func(c *Counters) { c.in(len(text)) })
	now := s.g.clock.Now()
	if !s.rate.take(now) {
		s.close(endTooMany)
		return
	}
	select {
	case s.slots <- struct{}{}:
	case <-s.lost:
		return
	}
	// Drawn here, the ids of one connection's messages come in their order.
	requestID, messageID := s.g.ids.next(), s.g.ids.next()
	s.g.tasks.Go(func() {
		defer func() { <-s.slots }()
		s.handle(text, requestID, messageID)
	})
}

// handle routes one message and sends back what is to be sent back. Messages
// of one connection are answered in the order in which they are done.
func (s *session) handle(text []byte, requestID, messageID string) {
	rt := s.g.routing.selectRoute(text, s.g.quirks.ReservedRouteKeys)
	key := ""
	if rt != nil {
		key = rt.key
	}
	s.g.emit(Event{Kind: EventReceived, ConnectionID: s.id, RouteKey: key, RequestID: requestID, Bytes: len(text)})
	now := s.g.clock.Now()
	if rt == nil {
		s.reply(errorFrame("Forbidden", s.id, requestID))
		return
	}
	if !s.g.requests.take(now) || !rt.throttle.take(now) {
		s.reply(errorFrame(s.g.quirks.ThrottledMessage, s.id, requestID))
		return
	}
	if !rt.accepts(text) {
		s.reply(badBodyFrame(s.id, messageID))
		return
	}
	rc := s.context(rt.key, eventMessage, requestID)
	rc.MessageID = messageID
	a, err := s.call(rt, rc, func() event { return messageEvent(rc, messageID, text) }, text)
	switch {
	case errors.Is(err, errTimeout):
		s.reply(errorFrame(s.g.quirks.TimeoutMessage, s.id, requestID))
	case err != nil:
		s.g.log.Warn("gateway: integration failed", "connection", s.id, "route", rt.key, "request", requestID, "error", err)
		s.reply(errorFrame("Internal server error", s.id, requestID))
	case rt.respond && len(a.body) > MaxMessageBytes:
		s.close(endReplyTooBig)
	case rt.respond && (len(a.body) > 0 || s.g.quirks.EmptyReply):
		s.reply(a.body)
	}
}

// reply sends a route response or an error frame. A client that is gone or
// does not read its messages gets none.
func (s *session) reply(text []byte) {
	if err := s.send(text); err != nil {
		s.g.log.Debug("gateway: reply dropped", "connection", s.id, "error", err)
	}
}

// selectRoute returns the route for a message, or nil when none matches and
// there is no $default. $connect and $disconnect are no routes for messages.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
func (r *routing) selectRoute(body []byte, reserved bool) *route {
	if key, ok := r.selection.eval(body); ok {
		if reserved || key != RouteConnect && key != RouteDisconnect {
			if rt := r.routes[key]; rt != nil {
				return rt
			}
		}
	}
	return r.routes[RouteDefault]
}

// accepts validates a message against the route's model, if it has one. No
// matching model and no $default is a refusal:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-request-validation.html
func (rt *route) accepts(body []byte) bool {
	if rt.modelExpr == nil {
		return true
	}
	var model *schema
	if key, ok := rt.modelExpr.eval(body); ok {
		model = rt.models[key]
	}
	if model == nil {
		model = rt.models[RouteDefault]
	}
	if model == nil {
		return false
	}
	value, ok := parseJSON(body)
	return ok && model.valid(value)
}

// errorFrame is what a client gets when its message fails, to the byte.
func errorFrame(message, connectionID, requestID string) []byte {
	return fmt.Appendf(nil, `{"message": "%s", "connectionId":"%s", "requestId":"%s"}`,
		message, connectionID, requestID)
}

// badBodyFrame is what a client gets when a model refuses its message, to the
// byte, as in the tutorial of
// https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-request-validation.html
func badBodyFrame(connectionID, messageID string) []byte {
	return fmt.Appendf(nil, `{"message" : "Bad request body", "connectionId": "%s", "messageId": "%s"}`,
		connectionID, messageID)
}
