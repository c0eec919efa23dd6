package chaos

import (
	"context"
	"net/http"
	"time"

	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/stack"
)

// event is something that happens to the stack now and then.
type event struct {
	name string
	// every is the mean time between two of them; the real one is up to twice
	// as long.
	every time.Duration
	// run does it, to a random open connection if it is about one.
	run func(c *Chaos, ctx context.Context, s *stack.Stack, id string)
	// anyway has it happen without an open connection.
	anyway bool
}

var timed = []event{
	{name: "cut without a close frame", every: 2 * time.Second, run: func(_ *Chaos, _ context.Context, s *stack.Stack, id string) {
		_ = s.Gateway.Faults().Cut(id)
	}},
	{name: "cut, and $disconnect lost", every: 5 * time.Second, run: func(_ *Chaos, _ context.Context, s *stack.Stack, id string) {
		s.Gateway.Faults().LoseDisconnect(id)
		_ = s.Gateway.Faults().Cut(id)
	}},
	{name: "cut, and $disconnect late", every: 8 * time.Second, run: func(c *Chaos, _ context.Context, s *stack.Stack, id string) {
		s.Gateway.Faults().DelayDisconnect(id, c.Between(time.Second, 10*time.Second))
		_ = s.Gateway.Faults().Cut(id)
	}},
	{name: "closed by the platform", every: 5 * time.Second, run: func(c *Chaos, _ context.Context, s *stack.Stack, id string) {
		codes := []int{1000, 1001, 1008, 1011, 1012}
		_ = s.Gateway.Faults().Close(id, codes[c.intN(len(codes))], "chaos")
	}},
	{name: "peer dead without a sign", every: 15 * time.Second, run: func(_ *Chaos, _ context.Context, s *stack.Stack, id string) {
		_ = s.Gateway.Faults().DeadPeer(id)
	}},
	{name: "client frozen", every: 6 * time.Second, run: func(c *Chaos, ctx context.Context, s *stack.Stack, id string) {
		if s.Gateway.Faults().FreezeClient(id) == nil {
			_ = wait(ctx, c.Between(200*time.Millisecond, 7*time.Second))
			_ = s.Gateway.Faults().ThawClient(id)
		}
	}},
	{name: "posts to one connection throttled", every: 6 * time.Second, run: func(c *Chaos, _ context.Context, s *stack.Stack, id string) {
		s.Gateway.Faults().Throttle(id, 3+c.intN(40))
	}},
	{name: "wrong 410 for one connection", every: 6 * time.Second, run: func(_ *Chaos, _ context.Context, s *stack.Stack, id string) {
		s.Gateway.Faults().WrongGone(id, 1)
	}},
	{name: "handshakes refused", every: 10 * time.Second, anyway: true, run: func(c *Chaos, _ context.Context, s *stack.Stack, _ string) {
		statuses := []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway}
		s.Gateway.Faults().RefuseHandshakes(1+c.intN(4), statuses[c.intN(len(statuses))])
	}},
	{name: "wake-ups reordered", every: 5 * time.Second, anyway: true, run: func(c *Chaos, ctx context.Context, s *stack.Stack, _ string) {
		s.SNS.ReorderNext(2 + c.intN(3))
		_ = wait(ctx, 3*time.Second)
		s.SNS.Release()
	}},
	{name: "all connections closed", every: 50 * time.Second, anyway: true, run: func(_ *Chaos, _ context.Context, s *stack.Stack, _ string) {
		s.Gateway.Faults().CloseAll(1012, "Service Restart")
	}},
	{name: "functions deployed anew", every: 20 * time.Second, anyway: true, run: func(_ *Chaos, _ context.Context, s *stack.Stack, _ string) {
		for _, f := range s.Lambda.Functions() {
			s.Lambda.Recycle(f.Name)
		}
	}},
	{name: "time moved on by minutes", every: 25 * time.Second, anyway: true, run: func(c *Chaos, _ context.Context, s *stack.Stack, _ string) {
		s.Advance(c.Between(time.Minute, 9*time.Minute))
	}},
	{name: "time moved on by more than two hours", every: 60 * time.Second, anyway: true, run: func(c *Chaos, _ context.Context, s *stack.Stack, _ string) {
		s.Advance(gateway.Limits{}.WithDefaults().Lifetime + c.Between(0, time.Hour))
	}},
}

// strike lets an event happen again and again until ctx is done.
func (c *Chaos) strike(ctx context.Context, s *stack.Stack, e event) {
	for wait(ctx, c.Between(0, 2*e.every)) == nil {
		open := s.Gateway.Connections()
		id := ""
		if len(open) > 0 {
			id = open[c.intN(len(open))].ID
		} else if !e.anyway {
			continue
		}
		c.Draw(e.name, 1000)
		e.run(c, ctx, s, id)
	}
}

// wait is until d has passed or ctx is done, whose error it returns.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
