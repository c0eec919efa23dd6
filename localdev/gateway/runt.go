package gateway

import (
	"context"
	"time"

	"github.com/gapless-rooms/gapless/localdev/service"
)

// shutdownPatience bounds how long RunT waits for sessions at a test's end.
const shutdownPatience = 20 * time.Second

// RunT returns a Gateway for the length of a test: at its end the Gateway is
// shut down, and the test fails if something hangs on. Inside a
// testing/synctest bubble it has to be called in the bubble.
func RunT(t service.Tester, config Config) *Gateway {
	t.Helper()
	g, err := New(config)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownPatience)
		defer cancel()
		if err := g.Shutdown(ctx); err != nil {
			t.Errorf("%v", err)
		}
	})
	return g
}
