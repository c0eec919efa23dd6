package stack

import (
	"context"
	"net"
	"testing"
	"time"
)

// Running is a stack of a test, listening on a free port.
type Running struct {
	*Stack
	// URL is where clients connect, ws://127.0.0.1:port/local.
	URL string
}

// RunT starts a stack for the length of a test. Nothing is left behind.
func RunT(t testing.TB, config Config) *Running {
	t.Helper()
	s, err := New(config)
	if err != nil {
		t.Fatalf("start local stack: %v", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	s.Serve(listener)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shut down local stack: %v", err)
		}
	})
	return &Running{s, "ws://" + listener.Addr().String() + "/" + Stage}
}
