package console

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// transport watches the calls of one function, and is where the faults strike
// that need a moment between two calls.
type transport struct {
	function string
	next     http.RoundTripper
	recorder *recorder
	faults   *faults
}

// RoundTrip passes a call on.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	run := t.recorder.runOf(r)
	if run == "" {
		return t.next.RoundTrip(r) // made while the environment started
	}
	body, err := peek(&r.Body)
	if err != nil {
		return nil, err
	}
	c := describe(r, body)
	if err := t.faults.strike(r.Context(), t.function, c); err != nil {
		return nil, err
	}
	begun := time.Now()
	t.recorder.calling(run, c)
	response, err := t.next.RoundTrip(r)
	failed := ""
	switch {
	case err != nil:
		failed = err.Error()
	case response.StatusCode >= http.StatusBadRequest:
		answer, err := peek(&response.Body)
		if err != nil {
			return nil, err
		}
		failed = errorCode(response, answer)
	}
	t.recorder.called(run, c, begun, failed)
	return response, err
}

// runOf is the request id of the invocation that makes a call. A function in
// this process has it in its context; one that is a process sends the trace that
// Lambda gave it
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html).
func (r *recorder) runOf(request *http.Request) string {
	if c, ok := lambdacontext.FromContext(request.Context()); ok {
		return c.AwsRequestID
	}
	trace := request.Header.Get("X-Amzn-Trace-Id")
	if trace == "" {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, i := range r.running {
		if i.traceID == trace {
			return id
		}
	}
	return ""
}

// peek reads a body and puts it back.
func peek(body *io.ReadCloser) ([]byte, error) {
	if *body == nil {
		return nil, nil
	}
	b, err := io.ReadAll(*body)
	if err != nil {
		return nil, err
	}
	if err := (*body).Close(); err != nil {
		return nil, err
	}
	*body = io.NopCloser(bytes.NewReader(b))
	return b, nil
}

// errorCode is the error that a service answers with, without its namespace.
func errorCode(response *http.Response, body []byte) string {
	if kind := response.Header.Get("X-Amzn-ErrorType"); kind != "" {
		return kind
	}
	var object struct {
		Type string `json:"__type"`
	}
	if json.Unmarshal(body, &object) == nil && object.Type != "" {
		return object.Type[bytes.LastIndexByte([]byte(object.Type), '#')+1:]
	}
	var document struct {
		Code string `xml:"Error>Code"`
	}
	if xml.Unmarshal(body, &document) == nil && document.Code != "" {
		return document.Code
	}
	return response.Status
}

// calling notes a post before it is made: the frame may be on its way before
// the call is answered.
func (r *recorder) calling(requestID string, c call) {
	if c.posted == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.running[requestID]
	if i == nil {
		return
	}
	var traces []*Trace
	for _, seq := range c.posted.seqs {
		if t := r.trace(c.posted.room, c.posted.epoch, seq); t != nil {
			t.serve(i)
			traces = append(traces, t)
		}
	}
	r.expect(c.connection, c.bytes, func() {
		for _, t := range traces {
			t.add(Step{Lane: "client", Label: "frame sent", AtMs: t.since(time.Now()), Connection: c.connection})
		}
	})
}

// called notes an answered call.
func (r *recorder) called(requestID string, c call, begun time.Time, failed string) {
	r.mu.Lock()
	defer r.changed()
	defer r.mu.Unlock()
	i := r.running[requestID]
	if i == nil {
		return
	}
	took := millis(time.Since(begun))
	i.changed = true
	if len(i.Calls) < maxCalls {
		i.Calls = append(i.Calls, Call{
			Service: c.service, Label: c.label, AtMs: millis(begun.Sub(i.begun)), Ms: took,
			Connection: c.connection, Error: failed,
		})
	} else {
		i.More++
	}
	step := Step{Lane: c.service, Label: c.label, Ms: took, Connection: c.connection, Error: failed, at: begun}
	i.latest[c.label] = step
	switch {
	case c.posted != nil:
		for _, seq := range c.posted.seqs {
			if t := r.trace(c.posted.room, c.posted.epoch, seq); t != nil {
				t.posted = true
				step.AtMs = t.since(begun)
				t.add(step)
			}
		}
	case i.trace != nil:
		step.AtMs = i.trace.since(begun)
		i.trace.add(step)
		if c.entry != nil && failed == "" {
			r.located(i.trace, c.entry.room, c.entry.epoch, c.entry.seq)
		}
	default:
		r.served(i, c, step, failed)
	}
}

// served adds a broadcaster's call to the messages that it delivers: all of
// them until somebody was posted the message, and then the giving back.
func (r *recorder) served(i *Invocation, c call, step Step, failed string) {
	for t := range i.served {
		ends := c.label == labelRelease || c.label == labelAbandon
		if t.done || t.posted && !ends {
			continue
		}
		step.AtMs = t.since(step.at)
		t.add(step)
		t.done = ends && failed == ""
	}
}
