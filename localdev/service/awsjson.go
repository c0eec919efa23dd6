package service

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Operation is one operation of the service S. body is the request's JSON; the
// result is marshalled, nil as {}.
type Operation[S any] func(s S, r *http.Request, body []byte) (any, error)

// Call is one answered request.
type Call struct {
	Operation string
	// Request is the request's JSON. Nobody may change it.
	Request jsontext.Value
	// Error is the code of the answer's error, empty on success. It is empty,
	// too, when a fault dropped the connection.
	Error string
	// Fault is the injected one.
	Fault Fault
}

// JSON answers the AWS JSON protocols 1.0 and 1.1
// (https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html). Signatures
// are not checked. All fields but Calls and Fault are required.
type JSON[S any] struct {
	// Service is what the operations get.
	Service S
	// Version is 1.0 or 1.1. Target is what X-Amz-Target has before the
	// operation, with the dot. Namespace precedes an error's code in __type.
	Version, Target, Namespace string
	Operations                 map[string]Operation[S]
	// MaxRequest is the largest request in bytes.
	MaxRequest int64
	// RequestID makes the answer's id.
	RequestID func() string
	// Unsupported refuses an operation, a parameter or a protocol that is not
	// there. Internal is the code of unforeseen errors.
	Unsupported func(format string, args ...any) *Error
	Internal    string
	// Failure, if not nil, gives errors a form of their own: status and body.
	Failure func(error) (status int, body any)
	// Calls is told of each request, and Fault asked before it.
	Calls *Observers[Call]
	Fault *Hook[FaultFunc]
}

// FaultFunc is asked before each request what shall go wrong in it. request is
// its JSON. It may be called concurrently.
type FaultFunc = func(operation string, request []byte) Fault

// ServeHTTP answers one request.
func (j *JSON[S]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result, err := j.serve(w, r)
	if err != nil {
		if j.Failure != nil && !isQuery(r) {
			status, body := j.Failure(err)
			j.write(w, status, body)
			return
		}
		e := Refusal(err, j.Internal)
		if isQuery(r) {
			Refuse(w, r, e, j.RequestID())
			return
		}
		fault := "Sender"
		if !e.Sender() {
			fault = "Receiver"
		}
		if e.QueryCode != "" {
			w.Header().Set("X-Amzn-Query-Error", e.QueryCode+";"+fault)
		}
		j.write(w, e.HTTPStatus(), failure{j.Namespace + e.Code, e.Message})
		return
	}
	if result == nil {
		result = struct{}{}
	}
	j.write(w, http.StatusOK, result)
}

type failure struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (j *JSON[S]) serve(w http.ResponseWriter, r *http.Request) (any, error) {
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), j.Target)
	if !ok || r.Method != http.MethodPost {
		return nil, j.Unsupported("a request without X-Amz-Target %s{operation}, such as one of the Query protocol", j.Target)
	}
	operation := j.Operations[name]
	if operation == nil {
		return nil, j.Unsupported("the operation %s", name)
	}
	body, err := ReadBody(w, r, j.MaxRequest)
	if err != nil {
		return nil, serialization(err)
	}
	call := Call{Operation: name, Request: body}
	if j.Fault != nil {
		if f := j.Fault.Get(); f != nil {
			call.Fault = f(name, body)
		}
	}
	if j.Calls != nil {
		defer func() { j.Calls.Emit(call) }() // even when a fault drops the connection
	}
	result, err := j.run(operation, r, call)
	if err != nil {
		call.Error = Refusal(err, j.Internal).Code
	}
	return result, err
}

// run performs the operation with what the call's fault makes of it.
func (j *JSON[S]) run(operation Operation[S], r *http.Request, call Call) (any, error) {
	errs := Failures{
		Throttled: func() error {
			return &Error{Code: "ThrottlingException", Message: "Rate exceeded", Kind: ErrInjected}
		},
		Internal: func() error {
			return &Error{
				Status: http.StatusInternalServerError, Code: j.Internal,
				Message: "Internal failure injected by the local AWS", Kind: ErrInjected,
			}
		},
	}
	if err := call.Fault.Before(errs); err != nil {
		return nil, err
	}
	result, err := operation(j.Service, r, call.Request)
	if name := unknownParameter(""); errors.As(err, &name) {
		err = j.Unsupported("the parameter %s", string(name))
	}
	if failed := call.Fault.After(errs); failed != nil {
		return nil, failed
	}
	return result, err
}

// ErrInjected is returned for a failure that a fault asked for.
var ErrInjected = errors.New("injected failure")

// Decode makes an operation of a method that takes a decoded request. A member
// that the type does not have is refused by name, at any depth: AWS would ignore
// it, and the caller would believe that it took effect.
func Decode[S, R any](f func(S, *http.Request, R) (any, error)) Operation[S] {
	return func(s S, r *http.Request, body []byte) (any, error) {
		var request R
		if len(body) == 0 {
			body = []byte("{}")
		}
		err := json.Unmarshal(body, &request, json.RejectUnknownMembers(true))
		if semantic := (*json.SemanticError)(nil); errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic) {
			return nil, unknownParameter(semantic.JSONPointer.LastToken())
		}
		if err != nil {
			return nil, serialization(err)
		}
		return f(s, r, request)
	}
}

// unknownParameter is the name of a member that an operation does not have.
type unknownParameter string

func (p unknownParameter) Error() string { return "unknown parameter " + string(p) }

func serialization(err error) *Error {
	return &Error{Code: "SerializationException", Message: err.Error(), Kind: err}
}

// ReadBody reads a request's body of at most limit bytes.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil { // a client's request that is handed over in process
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	return body, nil
}

func (j *JSON[S]) write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("X-Amzn-Requestid", j.RequestID())
	WriteJSON(w, status, "application/x-amz-json-"+j.Version, answer)
}

// WriteJSON writes an answer, with the members of maps in the order of their
// names and the CRC 32 that DynamoDB's clients check.
func WriteJSON(w http.ResponseWriter, status int, contentType string, answer any) {
	body, err := json.Marshal(answer, json.Deterministic(true))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError) // an answer that no type of a service has
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
