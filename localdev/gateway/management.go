package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/inproc"
)

// The management API, service apigatewaymanagementapi (restJson1):
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
// Errors carry their type in x-amzn-ErrorType, from which the SDKs make the
// typed error.
const (
	typeBadRequest = "BadRequestException"
	typeForbidden  = "ForbiddenException"
	typeGone       = "GoneException"
	typeTooLarge   = "PayloadTooLargeException"
	typeLimit      = "LimitExceededException"
	typeInternal   = "InternalServerException"
)

// connectionsPath precedes the id in the path below the stage. The SDKs send
// the at sign as it is or escaped.
const connectionsPath = "@connections/"

// serveManagement answers one call. rest is the escaped path below the stage.
func (g *Gateway) serveManagement(w http.ResponseWriter, r *http.Request, rest string) {
	requestID := g.ids.next()
	w.Header().Set("x-amzn-RequestId", requestID)
	path, err := url.PathUnescape(rest)
	id, ok := strings.CutPrefix(path, connectionsPath)
	switch {
	case err != nil || !ok || id == "":
		fail(w, http.StatusForbidden, typeForbidden, "Forbidden")
		return
	case !signed(r):
		fail(w, http.StatusForbidden, typeForbidden, "Missing Authentication Token")
		return
	}
	status, kind := g.manage(w, r, id)
	g.emit(Event{
		Kind: EventManagement, ConnectionID: id, RequestID: requestID,
		Status: status, Detail: strings.TrimSpace(r.Method + " " + kind), Bytes: int(max(0, r.ContentLength)),
	})
}

// manage answers a call that was well-formed, and returns the status and the
// error's type.
func (g *Gateway) manage(w http.ResponseWriter, r *http.Request, id string) (status int, kind string) {
	verdict := g.faults.management(id, r.Method)
	if verdict.Delay > 0 {
		if clock.Sleep(r.Context(), g.clock, verdict.Delay) != nil {
			return 0, ""
		}
	}
	if verdict.Status != 0 {
		if verdict.AfterEffect {
			g.perform(inproc.Discard(), r, id)
		}
		return fail(w, verdict.Status, errorType(verdict.Status), "")
	}
	return g.perform(w, r, id)
}

// perform does what a call asks for.
func (g *Gateway) perform(w http.ResponseWriter, r *http.Request, id string) (status int, kind string) {
	switch {
	case !g.requests.take(g.clock.Now()):
		return fail(w, http.StatusTooManyRequests, typeLimit, "Too Many Requests")
	case !validID(id):
		return fail(w, http.StatusBadRequest, typeBadRequest, "Invalid connectionId: "+id)
	}
	switch r.Method {
	case http.MethodPost:
		return g.post(w, r, id)
	case http.MethodGet:
		s := g.lookup(id)
		if s == nil {
			return fail(w, http.StatusGone, typeGone, "")
		}
		return s.describe(w)
	case http.MethodDelete:
		s := g.lookup(id)
		if s == nil || !s.begin(endDeleted, false) {
			return fail(w, http.StatusGone, typeGone, "")
		}
		w.WriteHeader(http.StatusNoContent)
		return http.StatusNoContent, ""
	default:
		return fail(w, http.StatusForbidden, typeForbidden, "Forbidden")
	}
}

// signed reports whether r brings a Signature Version 4 for execute-api, in
// the header or in the query. The signature itself is not verified: there are
// no secrets to verify it with.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
func signed(r *http.Request) bool {
	var scope string
	if header := r.Header.Get("Authorization"); header != "" {
		fields, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
		if !ok {
			return false
		}
		_, scope, ok = strings.Cut(fields, "Credential=")
		if !ok || !strings.Contains(fields, "SignedHeaders=") || !strings.Contains(fields, "Signature=") {
			return false
		}
		scope, _, _ = strings.Cut(scope, ",")
	} else {
		q := r.URL.Query()
		if q.Get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" || q.Get("X-Amz-Signature") == "" {
			return false
		}
		scope = q.Get("X-Amz-Credential")
	}
	// KEY/DATE/REGION/SERVICE/aws4_request
	parts := strings.Split(strings.TrimSpace(scope), "/")
	n := len(parts)
	return n >= 5 && parts[n-1] == "aws4_request" && parts[n-2] == "execute-api"
}

// post sends data to a client. 200 means that it waits for the client, not
// that the client has it. The order of the checks is: size, connection,
// encoding, buffer.
func (g *Gateway) post(w http.ResponseWriter, r *http.Request, id string) (int, string) {
	data, err := io.ReadAll(io.LimitReader(r.Body, MaxMessageBytes+1))
	if err != nil {
		return fail(w, http.StatusBadRequest, typeBadRequest, "body cannot be read")
	}
	if len(data) > MaxMessageBytes {
		return fail(w, http.StatusRequestEntityTooLarge, typeTooLarge, "Message too long")
	}
	s := g.lookup(id)
	if s == nil {
		return fail(w, http.StatusGone, typeGone, "")
	}
	if !utf8.Valid(data) {
		if !g.quirks.MaskedUTF8Posts {
			return fail(w, http.StatusBadRequest, typeBadRequest, "data is not valid UTF-8")
		}
		data = []byte(strings.ToValidUTF8(string(data), "\uFFFD"))
	}
	switch err := s.send(data); {
	case errors.Is(err, errBufferFull):
		return fail(w, http.StatusTooManyRequests, typeLimit, "")
	case err != nil:
		return fail(w, http.StatusGone, typeGone, "")
	}
	w.WriteHeader(http.StatusOK)
	return http.StatusOK, ""
}

// describe answers GET.
func (s *session) describe(w http.ResponseWriter) (int, string) {
	s.mu.Lock()
	last := s.lastActive
	s.mu.Unlock()
	body, err := marshal(struct {
		ConnectedAt  string   `json:"connectedAt"`
		Identity     Identity `json:"identity"`
		LastActiveAt string   `json:"lastActiveAt"`
	}{iso8601(s.connectedAt), s.identity, iso8601(last)})
	if err != nil {
		return fail(w, http.StatusInternalServerError, typeInternal, "")
	}
	writeText(w, http.StatusOK, string(body))
	return http.StatusOK, ""
}

func fail(w http.ResponseWriter, status int, kind, message string) (int, string) {
	w.Header().Set("x-amzn-ErrorType", kind)
	body := "{}"
	if message != "" {
		encoded, err := marshal(map[string]string{"message": message})
		if err == nil {
			body = string(encoded)
		}
	}
	writeText(w, status, body)
	return status, kind
}

// errorType is the type that goes with the status of an injected fault.
func errorType(status int) string {
	switch status {
	case http.StatusForbidden:
		return typeForbidden
	case http.StatusGone:
		return typeGone
	case http.StatusRequestEntityTooLarge:
		return typeTooLarge
	case http.StatusTooManyRequests:
		return typeLimit
	case http.StatusBadRequest:
		return typeBadRequest
	default:
		return typeInternal
	}
}

// Transport serves the management API in process: an http.Client with it reaches
// this gateway whatever host the URL names. It runs on the caller's goroutine and
// waits on nothing but the Clock, so it works inside a testing/synctest bubble.
// A handshake over it fails; Dial is the way in.
func (g *Gateway) Transport() http.RoundTripper { return inproc.Transport{Handler: g.Handler()} }

// Client is an SDK client that calls the management API in process. The options
// come after its own.
func (g *Gateway) Client(options ...func(*sdk.Options)) *sdk.Client {
	api := g.routing.api
	return sdk.NewFromConfig(inproc.AWS(g.Handler(), api.Region), append([]func(*sdk.Options){
		func(o *sdk.Options) { o.BaseEndpoint = aws.String("http://localhost/" + api.Stage) },
	}, options...)...)
}
