package lambda

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// runtimeAPI is Lambda's Runtime API for one process
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). Its channels
// are the sandbox' side; each send waits for the sandbox, or for the end of the
// request.
type runtimeAPI struct {
	polls      chan struct{} // the runtime asks for its next invocation
	work       chan Invocation
	answers    chan Outcome
	initErrors chan []byte

	mux *http.ServeMux

	mu      sync.Mutex
	current string // request id that waits for its answer, or ""
}

func newRuntimeAPI() *runtimeAPI {
	a := &runtimeAPI{
		polls: make(chan struct{}), work: make(chan Invocation),
		answers: make(chan Outcome, 1), initErrors: make(chan []byte, 1), mux: http.NewServeMux(),
	}
	a.mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.next)
	a.mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", a.response)
	a.mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", a.failure)
	a.mux.HandleFunc("POST /2018-06-01/runtime/init/error", a.initError)
	return a
}

func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// next waits for an invocation, for as long as it takes.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	select {
	case a.polls <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	var inv Invocation
	select {
	case inv = <-a.work:
	case <-r.Context().Done():
		return
	}
	a.mu.Lock()
	a.current = inv.RequestID
	a.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.RequestID)
	// By the machine's clock, which is the process'.
	deadline := time.Now().Add(inv.Deadline.Sub(inv.Started))
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", inv.ARN)
	h.Set("Lambda-Runtime-Trace-Id", inv.TraceID)
	if !reflect.ValueOf(inv.ClientContext).IsZero() {
		client, err := json.Marshal(inv.ClientContext)
		if err != nil {
			panic(fmt.Sprintf("lambda: marshal client context: %v", err)) // it was read from JSON
		}
		h.Set("Lambda-Runtime-Client-Context", string(client))
	}
	_, _ = w.Write(inv.Payload) // a process that is gone is noticed by its exit
}

// response takes the answer of the invocation under way.
func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse+1))
	if err != nil {
		return // the process is gone, or its request is broken
	}
	out := Outcome{Payload: body}
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		// The function failed while its answer was being written.
		out = errorOutcome(kind, "", fmt.Errorf("%s while the answer was written", kind))
		if reported, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body")); err == nil && len(reported) > 0 {
			out.Payload = reported
		}
	}
	if !a.take(w, r) {
		return
	}
	a.answers <- out
	if len(body) > maxResponse {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxResponse))
		return
	}
	accept(w)
}

// failure takes the error of the invocation under way.
func (a *runtimeAPI) failure(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse))
	if err != nil || !a.take(w, r) {
		return
	}
	a.answers <- Outcome{Payload: body, FunctionError: unhandled, Cause: fmt.Errorf("the function answered %s", body)}
	accept(w)
}

// initError takes the error of an init phase. The runtime exits after it.
func (a *runtimeAPI) initError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse))
	if err != nil {
		return
	}
	select {
	case a.initErrors <- body:
		accept(w)
	default:
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "Transition from InitError to InitError is not allowed.")
	}
}

// take ends the invocation that a request answers; each takes one answer.
func (a *runtimeAPI) take(w http.ResponseWriter, r *http.Request) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id := r.PathValue("id"); id != a.current {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return false
	}
	a.current = ""
	return true
}

func accept(w http.ResponseWriter) {
	writeJSON(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	writeJSON(w, status, messages.InvokeResponse_Error{Type: kind, Message: message})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the process has gone if this fails
}
