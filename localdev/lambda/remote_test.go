package lambda_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/lambda"
)

// elsewhere is a service that hands the function "f" on to another, where it is
// there-f.
func elsewhere(t *testing.T, other http.Handler) *lambda.Service {
	t.Helper()
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	s := lambda.RunT(t, lambda.Config{
		Executor: lambda.NewRemote(server.URL, "us-east-1", func(name string) string { return "there-" + name }),
	})
	register(t, s, lambda.Function{Name: "f", New: handler(func(context.Context, string) (string, error) {
		t.Error("ran in this process")
		return "", nil
	})})
	return s
}

func TestRemoteRunsElsewhere(t *testing.T) {
	t.Parallel()
	there := lambda.RunT(t, lambda.Config{})
	register(t, there, lambda.Function{Name: "there-f", New: handler(func(_ context.Context, name string) (string, error) {
		if name == "" {
			return "", http.ErrNoCookie
		}
		return "hello " + name, nil
	})})
	s := elsewhere(t, there)
	for payload, want := range map[string]struct{ answer, functionError string }{
		`"ada"`: {`"hello ada"`, ""},
		`""`:    {`"errorMessage":"http: named cookie not present"`, "Unhandled"},
	} {
		result, err := s.Invoke(t.Context(), "f", []byte(payload))
		if err != nil || !strings.Contains(string(result.Payload), want.answer) || result.FunctionError != want.functionError {
			t.Errorf("%s: %s %q %v", payload, result.Payload, result.FunctionError, err)
		}
	}
}

// TestRemoteFailures shows what becomes of an other side that does not answer
// as Lambda does: the function has failed, and an event is run again.
func TestRemoteFailures(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"nothing, as SAM does when a container has died": func(http.ResponseWriter, *http.Request) {},
		"unknown function": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFound")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"Type":"User","Message":"Function not found"}`))
		},
		"cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			s := elsewhere(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				answer(w, r)
			}))
			result, err := s.Invoke(t.Context(), "f", nil)
			if err != nil || result.FunctionError != "Unhandled" || !strings.Contains(string(result.Payload), "Runtime.ExitError") {
				t.Errorf("%s %q %v", result.Payload, result.FunctionError, err)
			}
			if result.Cause == nil || calls.Load() != 1 {
				t.Errorf("%d calls, cause %v", calls.Load(), result.Cause)
			}
		})
	}
}
