package console

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/stack"
)

// Running is a stack of a test with its console, on free ports.
type Running struct {
	*stack.Running
	Console *Console
	// Page is the console's address, http://127.0.0.1:port.
	Page string
}

// RunT starts a stack and its console for the length of a test, put together
// as `make dev` does. Nothing is left behind.
func RunT(t testing.TB, config stack.Config) *Running {
	t.Helper()
	c := New()
	config.Transport = c.Transport
	s := stack.RunT(t, config)
	if err := c.Watch(s.Stack, s.URL); err != nil {
		t.Fatalf("start console: %v", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	server := &http.Server{Handler: c.Handler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		c.Close()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shut down console: %v", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve console: %v", err)
		}
	})
	return &Running{s, c, "http://" + listener.Addr().String()}
}
