package sqs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

var _ http.Handler = (*Service)(nil)

// ServeHTTP serves SQS' JSON protocol, AWS JSON 1.0
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html).
// Signatures are not checked. An operation or a parameter that the emulator does
// not have is refused with UnsupportedOperation.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result, err := s.serve(r)
	if err != nil {
		s.writeError(w, err)
		return
	}
	s.write(w, http.StatusOK, result)
}

func (s *Service) serve(r *http.Request) (any, error) {
	target := r.Header.Get("X-Amz-Target")
	name, ok := strings.CutPrefix(target, "AmazonSQS.")
	if !ok || r.Method != http.MethodPost {
		return nil, unsupported("a request without X-Amz-Target AmazonSQS.{operation} (the Query protocol among them)")
	}
	operation := operations[name]
	if operation == nil {
		return nil, unsupported("the SQS operation %s", name)
	}
	if r.Body == nil { // a client's request that is handed over in process
		r.Body = http.NoBody
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil || len(body) > maxRequest {
		return nil, invalidValue("The request cannot be read or is too large.")
	}
	return operation(r.Context(), s, body)
}

// operations are the supported operations by name.
var operations = map[string]func(context.Context, *Service, []byte) (any, error){
	"CreateQueue":                  decoded((*Service).doCreateQueue),
	"DeleteQueue":                  decoded((*Service).doDeleteQueue),
	"GetQueueUrl":                  decoded((*Service).doGetQueueURL),
	"ListQueues":                   decoded((*Service).doListQueues),
	"GetQueueAttributes":           decoded((*Service).doGetQueueAttributes),
	"SetQueueAttributes":           decoded((*Service).doSetQueueAttributes),
	"PurgeQueue":                   decoded((*Service).doPurgeQueue),
	"SendMessage":                  decoded((*Service).doSendMessage),
	"SendMessageBatch":             decoded((*Service).doSendMessageBatch),
	"ReceiveMessage":               decoded((*Service).doReceiveMessage),
	"DeleteMessage":                decoded((*Service).doDeleteMessage),
	"DeleteMessageBatch":           decoded((*Service).doDeleteMessageBatch),
	"ChangeMessageVisibility":      decoded((*Service).doChangeMessageVisibility),
	"ChangeMessageVisibilityBatch": decoded((*Service).doChangeMessageVisibilityBatch),
}

// decoded makes an operation of a method with a typed request. A field that the
// type does not have is refused by name.
func decoded[T any](f func(*Service, context.Context, T) (any, error)) func(context.Context, *Service, []byte) (any, error) {
	return func(ctx context.Context, s *Service, body []byte) (any, error) {
		var request T
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&request); err != nil {
			if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
				return nil, unsupported("the parameter %s", field)
			}
			return nil, refuse(ErrInvalid, "SerializationException", "SerializationException", err.Error())
		}
		return f(s, ctx, request)
	}
}

func (s *Service) writeError(w http.ResponseWriter, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Status: http.StatusInternalServerError, Type: "InternalError", Code: "InternalError", Message: err.Error()}
	}
	fault := "Sender"
	if e.Status >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	w.Header().Set("X-Amzn-Query-Error", e.Code+";"+fault)
	s.write(w, e.Status, map[string]string{"__type": "com.amazonaws.sqs#" + e.Type, "message": e.Message})
}

func (s *Service) write(w http.ResponseWriter, status int, body any) {
	if body == nil {
		body = struct{}{}
	}
	out, err := json.Marshal(body)
	if err != nil {
		// The bodies are the types of this package, which all marshal.
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	id := s.newID()
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", id)
	w.WriteHeader(status)
	_, _ = w.Write(out) // the caller has gone if this fails
}
