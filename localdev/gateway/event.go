package gateway

import (
	"encoding/json"
	"maps"
	"strconv"
	"time"
)

// event is what a Lambda function behind a WebSocket API receives, field by
// field as AWS sends it. The types of aws-lambda-go decode it, but would
// encode fields that AWS omits.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integrations.html
type event struct {
	Type      string              `json:"type,omitempty"`      // authorizer only
	MethodARN string              `json:"methodArn,omitempty"` // authorizer only
	Headers   map[string]string   `json:"headers,omitempty"`
	MultiHead map[string][]string `json:"multiValueHeaders,omitempty"`
	Query     map[string]string   `json:"queryStringParameters,omitempty"`
	MultiQry  map[string][]string `json:"multiValueQueryStringParameters,omitempty"`
	StageVars *map[string]string  `json:"stageVariables,omitempty"`
	Context   requestContext      `json:"requestContext"`
	Body      *string             `json:"body,omitempty"`
	Base64    *bool               `json:"isBase64Encoded,omitempty"`
}

// requestContext is the part of an event that is common to all routes.
type requestContext struct {
	RouteKey             string          `json:"routeKey"`
	DisconnectStatusCode int             `json:"disconnectStatusCode,omitempty"`
	Authorizer           json.RawMessage `json:"authorizer,omitempty"`
	MessageID            string          `json:"messageId,omitempty"`
	EventType            string          `json:"eventType"`
	ExtendedRequestID    string          `json:"extendedRequestId"`
	RequestTime          string          `json:"requestTime"`
	MessageDirection     string          `json:"messageDirection"`
	DisconnectReason     *string         `json:"disconnectReason,omitempty"`
	Stage                string          `json:"stage"`
	ConnectedAt          int64           `json:"connectedAt"`
	RequestTimeEpoch     int64           `json:"requestTimeEpoch"`
	Identity             Identity        `json:"identity"`
	RequestID            string          `json:"requestId"`
	DomainName           string          `json:"domainName"`
	ConnectionID         string          `json:"connectionId"`
	APIID                string          `json:"apiId"`
}

// Identity says where a connection comes from.
type Identity struct {
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent,omitempty"`
}

// The values of eventType.
const (
	eventConnect    = "CONNECT"
	eventMessage    = "MESSAGE"
	eventDisconnect = "DISCONNECT"
)

// requestTimeFormat is the form of requestTime, in UTC.
const requestTimeFormat = "02/Jan/2006:15:04:05 -0700"

// context makes the request context of one request of s.
func (s *session) context(routeKey, eventType, requestID string) requestContext {
	now := s.g.clock.Now().UTC()
	return requestContext{
		RouteKey:          routeKey,
		EventType:         eventType,
		ExtendedRequestID: requestID,
		RequestTime:       now.Format(requestTimeFormat),
		MessageDirection:  "IN",
		Stage:             s.g.routing.api.Stage,
		ConnectedAt:       s.connectedAt.UnixMilli(),
		RequestTimeEpoch:  now.UnixMilli(),
		Identity:          s.identity,
		RequestID:         requestID,
		DomainName:        s.domain,
		ConnectionID:      s.id,
		APIID:             s.g.routing.api.ID,
		Authorizer:        s.authorizer,
	}
}

// connectEvent is the event of $connect.
func (s *session) connectEvent(h *handshake, rc requestContext, auth *authorization) event {
	e := event{
		Headers: map[string]string{}, MultiHead: map[string][]string{},
		Context: rc,
		Base64:  new(bool),
	}
	if vars := s.g.routing.api.StageVariables; len(vars) > 0 {
		e.StageVars = &vars
	}
	h.fill(&e, false)
	if auth != nil {
		e.Context.Authorizer = auth.connectContext
	}
	return e
}

// authorizerEvent is the event of a REQUEST authorizer, which sees Connection
// and Upgrade too.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
func (s *session) authorizerEvent(h *handshake, rc requestContext) event {
	vars := maps.Clone(s.g.routing.api.StageVariables)
	if vars == nil {
		vars = map[string]string{} // here it is never absent
	}
	e := event{
		Type:      "REQUEST",
		MethodARN: s.g.routing.api.methodARN(),
		Headers:   map[string]string{}, MultiHead: map[string][]string{},
		StageVars: &vars,
		Context:   rc,
	}
	h.fill(&e, true)
	return e
}

func (a API) methodARN() string {
	return "arn:aws:execute-api:" + a.Region + ":" + a.AccountID + ":" + a.ID + "/" + a.Stage + "/" + RouteConnect
}

// messageEvent is the event of a message: no headers, no query.
func messageEvent(rc requestContext, messageID string, body []byte) event {
	rc.MessageID = messageID
	text := string(body)
	return event{Context: rc, Body: &text, Base64: new(bool)}
}

// disconnectEvent is the event of $disconnect, with the four headers that AWS
// sends there.
func (s *session) disconnectEvent(rc requestContext, end ending) event {
	rc.DisconnectStatusCode = end.code
	rc.DisconnectReason = &end.reason
	return event{
		Headers: map[string]string{
			"Host": s.domain, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": "",
		},
		MultiHead: map[string][]string{
			"Host": {s.domain}, "x-api-key": {""}, "X-Forwarded-For": {""}, "x-restapi": {""},
		},
		Context: rc,
		Base64:  new(bool),
	}
}

// variable gives templates the $context variables.
func (rc requestContext) variable(name string) string {
	switch name {
	case "apiId":
		return rc.APIID
	case "connectedAt":
		return strconv.FormatInt(rc.ConnectedAt, 10)
	case "connectionId":
		return rc.ConnectionID
	case "domainName":
		return rc.DomainName
	case "eventType":
		return rc.EventType
	case "extendedRequestId":
		return rc.ExtendedRequestID
	case "identity.sourceIp":
		return rc.Identity.SourceIP
	case "identity.userAgent":
		return rc.Identity.UserAgent
	case "messageId":
		return rc.MessageID
	case "requestId":
		return rc.RequestID
	case "requestTime":
		return rc.RequestTime
	case "requestTimeEpoch":
		return strconv.FormatInt(rc.RequestTimeEpoch, 10)
	case "routeKey":
		return rc.RouteKey
	case "stage":
		return rc.Stage
	}
	// authorizer.NAME, the only other form that parseTemplate lets through.
	v, ok := parseJSON(rc.Authorizer)
	if !ok {
		return ""
	}
	v, _ = path{name[len("authorizer."):]}.find(v)
	text, _ := scalarText(v)
	return text
}

// iso8601 is the form of times in the management API's answers.
func iso8601(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
