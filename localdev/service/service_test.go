package service_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/inproc"
	"github.com/gapless-rooms/gapless/localdev/service"
)

func TestObservers(t *testing.T) {
	t.Parallel()
	var o service.Observers[int]
	var seen []string
	o.Observe(nil)
	stopA := o.Observe(func(int) { seen = append(seen, "a") })
	o.Observe(func(n int) {
		seen = append(seen, "b")
		if n == 1 {
			o.Observe(func(int) { seen = append(seen, "c") }) // sees the next one
		}
	})
	o.Emit(1)
	stopA()
	stopA()
	o.Emit(2)
	if diff := cmp.Diff([]string{"a", "b", "b", "c"}, seen); diff != "" {
		t.Error(diff)
	}
}

// Every SDK reads an error only in its own protocol.
func TestRefusalsHaveTheRequestsProtocol(t *testing.T) {
	t.Parallel()
	e := &service.Error{Status: http.StatusNotImplemented, Code: "Nope", Message: "not <here>"}
	for name, test := range map[string]struct {
		header map[string]string
		want   string
		body   string
	}{
		"json 1.0": {map[string]string{"X-Amz-Target": "T.Op", "Content-Type": "application/x-amz-json-1.0"}, "application/x-amz-json-1.0", `{"__type":"Nope","message":"not <here>"}`},
		"json 1.1": {map[string]string{"X-Amz-Target": "T.Op", "Content-Type": "application/x-amz-json-1.1"}, "application/x-amz-json-1.1", `{"__type":"Nope","message":"not <here>"}`},
		"query": {map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, "text/xml",
			`<ErrorResponse><Error><Type>Receiver</Type><Code>Nope</Code><Message>not &lt;here&gt;</Message></Error><RequestId>id</RequestId></ErrorResponse>`},
		"s3": {map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=k/20250101/us-east-1/s3/aws4_request"}, "text/xml",
			`<Error><Code>Nope</Code><Message>not &lt;here&gt;</Message><RequestId>id</RequestId></Error>`},
		"rest json": {nil, "application/json", `{"Type":"Server","message":"not <here>"}`},
		"cbor":      {map[string]string{"Smithy-Protocol": "rpc-v2-cbor"}, "application/cbor", "\xa2z\x00\x00\x00\x06__typez\x00\x00\x00\x04Nopez\x00\x00\x00\x07messagez\x00\x00\x00\x0anot <here>"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(""))
		for key, value := range test.header {
			r.Header.Set(key, value)
		}
		w := httptest.NewRecorder()
		service.Refuse(w, r, e, "id")
		if w.Code != http.StatusNotImplemented || w.Header().Get("Content-Type") != test.want || w.Body.String() != test.body {
			t.Errorf("%s: %d %q %q", name, w.Code, w.Header().Get("Content-Type"), w.Body.String())
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	type request struct {
		Name   string
		Nested struct{ N int }
	}
	var calls service.Observers[service.Call]
	var fault service.Hook[service.FaultFunc]
	done := 0
	front := &service.JSON[string]{
		Service: "hello ", Version: "1.1", Target: "T.", Namespace: "ns#", MaxRequest: 100, RequestID: func() string { return "id" },
		Unsupported: func(format string, _ ...any) *service.Error {
			return &service.Error{Code: "Unsupported", Message: format}
		},
		Internal: "Oops", Calls: &calls, Fault: &fault,
		Operations: map[string]service.Operation[string]{
			"Greet": service.Decode(func(s string, _ *http.Request, r request) (any, error) {
				done++
				return map[string]string{"Text": s + r.Name}, nil
			}),
			"Fail": service.Decode(func(string, *http.Request, request) (any, error) { return nil, errors.New("broken") }),
		},
	}
	client := &http.Client{Transport: inproc.Transport{Handler: front}}
	var seen []service.Call
	calls.Observe(func(c service.Call) { seen = append(seen, c) })
	call := func(operation, body string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://local", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", operation)
		response, err := client.Do(r)
		if err != nil {
			return "lost"
		}
		text, err := io.ReadAll(response.Body)
		if err != nil || response.Header.Get("Content-Type") != "application/x-amz-json-1.1" || response.Header.Get("X-Amzn-Requestid") != "id" {
			t.Errorf("%v %v", err, response.Header)
		}
		return response.Status + " " + string(text)
	}
	for _, test := range []struct{ operation, body, want string }{
		{"T.Greet", `{"Name":"Ada"}`, `OK {"Text":"hello Ada"}`},
		{"T.Greet", ``, `OK {"Text":"hello "}`},
		{"T.Greet", `{"Nested":{"M":1}}`, `Bad Request {"__type":"ns#Unsupported","message":"the parameter %s"}`},
		{"T.Other", `{}`, `Bad Request {"__type":"ns#Unsupported","message":"the operation %s"}`},
		{"U.Greet", `{}`, `Bad Request {"__type":"ns#Unsupported"`},
		{"T.Greet", `{`, `Bad Request {"__type":"ns#SerializationException"`},
		{"T.Greet", `{"Name":"` + strings.Repeat("x", 100) + `"}`, `Bad Request {"__type":"ns#SerializationException"`},
		{"T.Fail", `{}`, `Internal Server Error {"__type":"ns#Oops","message":"broken"}`},
	} {
		if got := call(test.operation, test.body); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s %s: %s", test.operation, test.body, got)
		}
	}
	if last := seen[len(seen)-1]; last.Operation != "Fail" || last.Error != "Oops" || string(last.Request) != "{}" {
		t.Errorf("the observer saw %+v", last)
	}
	for _, test := range []struct {
		fault service.Fault
		want  string
		done  int
	}{
		{service.LoseRequest, "lost", 0},
		{service.LoseAnswer, "lost", 1},
		{service.Throttle, `Bad Request {"__type":"ns#ThrottlingException"`, 0},
		{service.FailBefore, `Internal Server Error {"__type":"ns#Oops"`, 0},
		{service.FailAfter, `Internal Server Error {"__type":"ns#Oops"`, 1},
	} {
		done, seen = 0, nil
		fault.Set(func(string, []byte) service.Fault { return test.fault })
		if got := call("T.Greet", "{}"); !strings.HasPrefix(got, test.want) || done != test.done || len(seen) != 1 || seen[0].Fault != test.fault {
			t.Errorf("fault %d: %s, done %d, seen %+v", test.fault, got, done, seen)
		}
	}
}
