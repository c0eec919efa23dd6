package inproc_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/inproc"
)

func TestAbortedRequestIsALostConnection(t *testing.T) {
	t.Parallel()
	client := http.Client{Transport: inproc.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		panic(http.ErrAbortHandler)
	})}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://local", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(request); !errors.Is(err, inproc.ErrAborted) {
		t.Errorf("got %v, want %v", err, inproc.ErrAborted)
	}
}
