package lambda

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

var _ http.Handler = (*Service)(nil)

// ServeHTTP serves the Invoke operation of Lambda's API, POST
// /2015-03-31/functions/{name}/invocations
// (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html), with the
// invocation types RequestResponse, Event and DryRun. Signatures are not
// checked. Any other request gets 501 UnsupportedByLocalAWSException.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := invokePath(r)
	if !ok {
		s.writeError(w, unsupported(r.Method+" "+r.URL.Path))
		return
	}
	if t := r.Header.Get("X-Amz-Log-Type"); t != "" && t != "None" {
		s.writeError(w, unsupported("X-Amz-Log-Type "+t))
		return
	}
	if q := r.URL.Query().Get("Qualifier"); q != "" && q != "$LATEST" {
		name += ":" + q // resolves to no function
	}
	var payload []byte
	if r.Body != nil { // a client's request that is handed over in process may have none
		var err error
		if payload, err = io.ReadAll(io.LimitReader(r.Body, maxSyncPayload+1)); err != nil {
			s.writeError(w, invalidPayload(err))
			return
		}
	}
	switch t := r.Header.Get("X-Amz-Invocation-Type"); t {
	case "", "RequestResponse":
		s.serveSync(w, r, name, payload)
	case "Event":
		id, err := s.InvokeAsync(name, payload)
		if err != nil {
			s.writeError(w, err)
			return
		}
		w.Header().Set("X-Amzn-Requestid", id)
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		if _, err := s.newInvocation(name, nil); err != nil {
			s.writeError(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		s.writeError(w, unsupported("X-Amz-Invocation-Type "+t))
	}
}

func (s *Service) serveSync(w http.ResponseWriter, r *http.Request, name string, payload []byte) {
	var client lambdacontext.ClientContext
	if header := r.Header.Get("X-Amz-Client-Context"); header != "" {
		raw, err := base64.StdEncoding.DecodeString(header)
		if err == nil {
			err = json.Unmarshal(raw, &client)
		}
		if err != nil {
			s.writeError(w, invalidPayload(err))
			return
		}
	}
	result, err := s.invoke(r.Context(), name, payload, client)
	if err != nil {
		s.writeError(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amzn-Requestid", result.RequestID)
	h.Set("X-Amz-Executed-Version", "$LATEST")
	if result.FunctionError != "" {
		h.Set("X-Amz-Function-Error", result.FunctionError)
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(result.Payload) // the caller has gone if this fails
}

// invokePath returns the function in the request's path.
func invokePath(r *http.Request) (string, bool) {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/2015-03-31/functions/")
	if !ok || r.Method != http.MethodPost {
		return "", false
	}
	escaped, ok := strings.CutSuffix(rest, "/invocations")
	if !ok {
		return "", false
	}
	name, err := url.PathUnescape(escaped)
	return name, err == nil && name != ""
}

func (s *Service) writeError(w http.ResponseWriter, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = serviceFault()
		e.Message = err.Error()
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amzn-Errortype", e.Code)
	s.mu.Lock()
	h.Set("X-Amzn-Requestid", s.newRequestID())
	s.mu.Unlock()
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(struct { // the caller has gone if this fails
		Reason  string `json:"Reason,omitempty"`
		Type    string `json:"Type"`
		Message string `json:"message"`
	}{e.Reason, e.Type, e.Message})
}
