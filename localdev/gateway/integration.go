package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Invoker runs Lambda functions for the gateway.
type Invoker interface {
	// Invoke runs function with payload and waits for its answer. A function
	// that threw is a Result with a FunctionError; an error means that it
	// could not be run. The gateway gives up waiting after the integration's
	// timeout, but lets the function run on, as AWS does: ctx ends only when
	// Shutdown loses patience. Invoke is called concurrently.
	Invoke(ctx context.Context, function string, payload []byte) (Result, error)
}

// Result is a function's answer.
type Result struct {
	// Payload is the answer's JSON, or the error's when FunctionError is set.
	Payload []byte
	// FunctionError is "" or, for a function that threw, timed out or died,
	// "Unhandled".
	FunctionError string
}

// invoke runs a function and fails with errTimeout after timeout.
func (g *Gateway) invoke(function string, payload []byte, timeout time.Duration) (Result, error) {
	type answer struct {
		result Result
		err    error
	}
	answered := make(chan answer, 1)
	g.tasks.Go(func() {
		result, err := g.invoker.Invoke(g.ctx, function, payload)
		answered <- answer{result, err}
	})
	expired := make(chan struct{})
	timer := g.clock.AfterFunc(timeout, func() { close(expired) })
	defer timer.Stop()
	select {
	case a := <-answered:
		return a.result, a.err
	case <-expired:
		return Result{}, fmt.Errorf("invoke %s: %w", function, errTimeout)
	}
}

// answer is what an integration gives to its route.
type answer struct {
	status   int
	protocol string // Sec-WebSocket-Protocol, from $connect
	body     []byte
}

// call runs the backend for one request. Its errors are errTimeout,
// errFunction, errMalformed and those of the templates.
func (s *session) call(rt *route, rc requestContext, e func() event, body []byte) (answer, error) {
	if rt.backend.kind == IntegrationMock {
		return rt.backend.mock(rc, body)
	}
	payload, err := marshal(e())
	if err != nil {
		return answer{}, fmt.Errorf("encode event: %w", err)
	}
	began := s.g.clock.Now()
	result, err := s.g.invoke(rt.backend.function, payload, rt.backend.timeout)
	s.g.emit(Event{
		Kind: EventInvoked, ConnectionID: s.id, RouteKey: rt.key, RequestID: rc.RequestID,
		Function: rt.backend.function, Duration: s.g.clock.Now().Sub(began),
		Detail: outcome(result, err), Bytes: len(payload),
	})
	switch {
	case errors.Is(err, errTimeout):
		return answer{}, err
	case err != nil:
		return answer{}, fmt.Errorf("%w: %w", errFunction, err)
	case result.FunctionError != "":
		return answer{}, fmt.Errorf("%w: %s: %s", errFunction, result.FunctionError, errorMessage(result.Payload))
	}
	return s.readProxyResponse(rt, result.Payload)
}

func outcome(result Result, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case result.FunctionError != "":
		return result.FunctionError
	default:
		return "ok"
	}
}

// readProxyResponse decodes the answer of a proxy integration: an object with
// statusCode, headers and body.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
func (s *session) readProxyResponse(rt *route, payload []byte) (answer, error) {
	var response struct {
		StatusCode        json.RawMessage  `json:"statusCode"`
		Headers           map[string]any   `json:"headers"`
		MultiValueHeaders map[string][]any `json:"multiValueHeaders"`
		Body              *string          `json:"body"`
	}
	err := json.Unmarshal(payload, &response)
	status, ok := statusCode(response.StatusCode)
	if err != nil || !ok {
		if s.g.quirks.LenientResult && rt.key != RouteConnect {
			return answer{status: 200}, nil
		}
		return answer{}, errMalformed
	}
	a := answer{status: status}
	if response.Body != nil {
		a.body = []byte(*response.Body)
	}
	for name, v := range response.Headers {
		if equalFold(name, subprotocolHeader) {
			a.protocol = fmt.Sprint(v)
		}
	}
	for name, values := range response.MultiValueHeaders {
		if equalFold(name, subprotocolHeader) && len(values) > 0 {
			a.protocol = fmt.Sprint(values[len(values)-1])
		}
	}
	return a, nil
}

// statusCode reads a status that may be a number or a string of digits.
func statusCode(raw json.RawMessage) (int, bool) {
	n, err := strconv.Atoi(string(bytes.Trim(raw, `"`)))
	return n, err == nil && n >= 200 && n <= 599
}

// success reports whether status is 2xx.
func success(status int) bool { return status >= 200 && status < 300 }
