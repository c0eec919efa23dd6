package lambda

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// request asks the API as a runtime does.
func request(t *testing.T, server *httptest.Server, method, path, body string, trailer http.Header) (int, http.Header, string) {
	t.Helper()
	var content io.Reader = strings.NewReader(body)
	if trailer != nil {
		content = io.MultiReader(content) // of unknown length, so that a trailer can follow
	}
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/2018-06-01/runtime/"+path, content)
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = trailer
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(b)
}

// hand lets the runtime take an invocation, and returns what it was told.
func hand(t *testing.T, a *runtimeAPI, server *httptest.Server, inv Invocation) (http.Header, string) {
	t.Helper()
	go func() {
		<-a.polls
		a.work <- inv
	}()
	status, header, body := request(t, server, http.MethodGet, "invocation/next", "", nil)
	if status != http.StatusOK {
		t.Fatalf("next: %d %s", status, body)
	}
	return header, body
}

func TestRuntimeAPITakesOneAnswerForEachInvocation(t *testing.T) {
	t.Parallel()
	a := newRuntimeAPI()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	started := time.Now()
	inv := Invocation{RequestID: "id-1", ARN: "arn", TraceID: "trace", Payload: []byte(`{"a":1}`), Started: started, Deadline: started.Add(time.Minute)}
	header, body := hand(t, a, server, inv)
	if header.Get("Lambda-Runtime-Aws-Request-Id") != "id-1" || header.Get("Lambda-Runtime-Invoked-Function-Arn") != "arn" ||
		header.Get("Lambda-Runtime-Trace-Id") != "trace" || header.Get("Lambda-Runtime-Deadline-Ms") == "" || body != `{"a":1}` {
		t.Errorf("next: %v %s", header, body)
	}
	if _, ok := header["Lambda-Runtime-Client-Context"]; ok {
		t.Error("a client context that nobody passed")
	}
	if status, _, body := request(t, server, http.MethodPost, "invocation/other/response", "1", nil); status != http.StatusBadRequest || !strings.Contains(body, "InvalidRequestID") {
		t.Errorf("another's answer: %d %s", status, body)
	}
	if status, _, body := request(t, server, http.MethodPost, "invocation/id-1/response", "1", nil); status != http.StatusAccepted {
		t.Errorf("answer: %d %s", status, body)
	}
	if out := <-a.answers; string(out.Payload) != "1" || out.FunctionError != "" {
		t.Errorf("%+v", out)
	}
	for _, second := range []string{"response", "error"} {
		if status, _, _ := request(t, server, http.MethodPost, "invocation/id-1/"+second, "2", nil); status != http.StatusBadRequest {
			t.Errorf("a second %s: %d", second, status)
		}
	}
	if status, _, _ := request(t, server, http.MethodGet, "invocation/id-1", "", nil); status != http.StatusNotFound {
		t.Errorf("what is not there: %d", status)
	}
}

func TestRuntimeAPITakesErrors(t *testing.T) {
	t.Parallel()
	a := newRuntimeAPI()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	inv := Invocation{RequestID: "id-1", Payload: []byte("{}"), ClientContext: lambdacontext.ClientContext{Custom: map[string]string{"k": "v"}}}
	if header, _ := hand(t, a, server, inv); !strings.Contains(header.Get("Lambda-Runtime-Client-Context"), `"k":"v"`) {
		t.Errorf("client context: %q", header.Get("Lambda-Runtime-Client-Context"))
	}
	if status, _, _ := request(t, server, http.MethodPost, "invocation/id-1/error", `{"errorType":"E"}`, nil); status != http.StatusAccepted {
		t.Errorf("error: %d", status)
	}
	if out := <-a.answers; string(out.Payload) != `{"errorType":"E"}` || out.FunctionError != unhandled {
		t.Errorf("%+v", out)
	}
	// One that failed while its answer was on its way says so in the trailer.
	hand(t, a, server, inv)
	request(t, server, http.MethodPost, "invocation/id-1/response", "half an ans", http.Header{
		"Lambda-Runtime-Function-Error-Type": {"Broken"}, "Lambda-Runtime-Function-Error-Body": {"eyJlcnJvclR5cGUiOiJCcm9rZW4ifQ=="},
	})
	if out := <-a.answers; string(out.Payload) != `{"errorType":"Broken"}` || out.FunctionError != unhandled {
		t.Errorf("%+v", out)
	}
	for _, want := range []int{http.StatusAccepted, http.StatusForbidden} {
		if status, _, body := request(t, server, http.MethodPost, "init/error", `{"errorType":"Config"}`, nil); status != want {
			t.Errorf("init error: %d %s, want %d", status, body, want)
		}
	}
	// A runtime that hangs up waits for nothing.
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/2018-06-01/runtime/invocation/next", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-a.polls; cancel() }()
	if response, err := server.Client().Do(r); err == nil {
		_ = response.Body.Close()
		t.Error("answered without an invocation")
	}
}
