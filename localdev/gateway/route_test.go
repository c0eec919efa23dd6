package gateway_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/gateway"
)

func TestRouting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.functions.answer("echo", ok("echoed"))
	b.functions.answer("default", ok("defaulted"))
	b.functions.answer("silent", ok("not sent"))
	c := b.dial(t)
	for _, tt := range []struct{ send, want string }{
		{`{"action":"echo"}`, "echoed"},
		{`{"action":"nothing"}`, "defaulted"},
		{`not JSON`, "defaulted"},
		{`{"action":"$connect"}`, "defaulted"},
		{`{"action":{"deep":1}}`, "defaulted"},
		{`{"action":"ping"}`, `{"push":"pong"}`},
	} {
		send(t, c, tt.send)
		if got := receive(t, c); got != tt.want {
			t.Errorf("%s answered %q, want %q", tt.send, got, tt.want)
		}
	}
	send(t, c, `{"action":"silent"}`)
	b.functions.await(t, "silent")
	send(t, c, `{"action":"ping"}`)
	if got := receive(t, c); got != `{"push":"pong"}` {
		t.Errorf("silent route answered %q", got)
	}
}

func TestCloseByClientRunsDisconnect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.dial(t)
	if err := c.Close(1000, "done"); err != nil {
		t.Fatal(err)
	}
	var closed *gateway.CloseError
	if _, err := c.Receive(testContext(t)); !errors.As(err, &closed) || closed.Code != 1000 {
		t.Fatalf("received %v", err)
	}
	b.functions.await(t, "disconnect")
	if n := len(b.Connections()); n != 0 {
		t.Errorf("%d connections left", n)
	}
}

func TestShutdownCloses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.dial(t)
	done := make(chan error, 1)
	go func() { done <- b.Shutdown(context.Background()) }()
	var closed *gateway.CloseError
	if _, err := c.Receive(testContext(t)); !errors.As(err, &closed) || closed.Code != 1001 {
		t.Fatalf("received %v", err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b.functions.await(t, "disconnect")
	if _, err := b.Dial(testContext(t), gateway.DialOptions{}); err == nil {
		t.Error("dialed after shutdown")
	}
}
