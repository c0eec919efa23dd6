package e2e

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// TestRebalance: an operator asks all connections to come back. Until they are
// told so they go on, and they come back to everything that they missed.
func TestRebalance(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(ada, "lobby", nil, "")
	host := app.Process()
	host.Environ = map[string]string{"GAPLESS_CONNECTIONS_TABLE": "gapless-local-connections"}
	host.AWS, host.Clock = func(context.Context) (aws.Config, error) { return s.AWS(), nil }, s.Clock
	if n, err := app.Rebalance(t.Context(), host, 1000); n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if _, err := app.Rebalance(t.Context(), host, 0); err == nil {
		t.Error("at no pace at all")
	}
	first := publish(bob, "lobby", "bob is not disturbed", "")
	if got := ada.receive(0, first.Seq); len(got) != 1 {
		t.Errorf("ada got %v", got)
	}
	sweep(t, s)
	for _, c := range []*client{ada, bob} {
		if p := c.next(protocol.PushBye); p.Code != protocol.CloseRestart.Code || !p.Bye || p.AfterMs < 1 || p.AfterMs > 15_000 {
			t.Errorf("bye %+v", p)
		}
		<-c.done
	}
	bob = connect(t, s, "bob")
	last := publish(bob, "lobby", "while ada was away", "")
	if p := join(connect(t, s, "ada"), "lobby", &first.Seq, first.Epoch); !p.Recovered || len(p.Messages) != 1 || p.Head != last.Seq {
		t.Errorf("ada came back to %+v", p)
	}
	sweep(t, s)
	publish(bob, "lobby", "bob stays", "")
}
