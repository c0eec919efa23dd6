package lambda

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/gapless-rooms/gapless/localdev/inproc"
	"github.com/gapless-rooms/gapless/localdev/service"
)

var _ http.Handler = (*Service)(nil)

// functionsPath begins the path of every operation that is served.
const functionsPath = "/2015-03-31/functions"

// ServeHTTP serves these operations of Lambda's API
// (https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html): Invoke,
// with the invocation types RequestResponse, Event and DryRun; ListFunctions,
// GetFunction and GetFunctionConfiguration. Signatures are not checked. Any
// other request gets 501 UnsupportedByLocalAWSException.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, action := "", ""
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), functionsPath)
	if escaped, tail, found := strings.Cut(strings.TrimPrefix(rest, "/"), "/"); ok {
		decoded, err := url.PathUnescape(escaped)
		name, action, ok = decoded, tail, err == nil && (!found || tail != "")
	}
	if q := r.URL.Query().Get("Qualifier"); q != "" && q != "$LATEST" {
		name += ":" + q // resolves to no function
	}
	switch call := r.Method + " " + action; {
	case ok && name != "" && call == "POST invocations":
		s.serveInvoke(w, r, name)
	case ok && name == "" && call == "GET ":
		s.answer(w)(s.listFunctions(r.URL.Query()))
	case ok && call == "GET ":
		s.answer(w)(s.getFunction(name))
	case ok && name != "" && call == "GET configuration":
		s.answer(w)(s.getConfiguration(name))
	default:
		s.writeError(w, unsupported(r.Method+" "+r.URL.Path))
	}
}

// Transport calls the service in process, whatever host a request names.
func (s *Service) Transport() http.RoundTripper { return inproc.Transport{Handler: s} }

// Client is an SDK client that calls the service in process. The options come
// after its own.
func (s *Service) Client(options ...func(*awslambda.Options)) *awslambda.Client {
	return awslambda.NewFromConfig(inproc.AWS(s, s.cfg.Region), options...)
}

func (s *Service) serveInvoke(w http.ResponseWriter, r *http.Request, name string) {
	if t := r.Header.Get("X-Amz-Log-Type"); t != "" && t != "None" && t != "Tail" {
		s.writeError(w, unsupported("X-Amz-Log-Type "+t))
		return
	}
	payload, err := service.ReadBody(w, r, maxSyncPayload+1)
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		s.writeError(w, tooLarge(maxSyncPayload))
		return
	}
	if err != nil {
		s.writeError(w, invalidPayload(err))
		return
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
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(result.Log))
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(result.Payload) // the caller has gone if this fails
}

// answer writes the result of an operation.
func (s *Service) answer(w http.ResponseWriter) func(any, error) {
	return func(result any, err error) {
		if err != nil {
			s.writeError(w, err)
			return
		}
		w.Header().Set("X-Amzn-Requestid", s.ids.UUID())
		service.WriteJSON(w, http.StatusOK, "application/json", result)
	}
}

func (s *Service) writeError(w http.ResponseWriter, err error) {
	w.Header().Set("X-Amzn-Requestid", s.ids.UUID())
	service.RefuseREST(w, service.Refusal(err, "ServiceException"))
}
