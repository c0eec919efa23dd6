package sim

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/sns"
)

// runFault is what goes wrong in a run of a function.
func (w *world) runFault(inv lambda.Invocation) lambda.FaultPlan {
	nth := w.runs.count(inv.Function)
	// Each start takes a time of its own.
	plan := lambda.FaultPlan{Delay: latency(w.Seed, 200*time.Microsecond, 3*time.Millisecond, "start", inv.RequestID, strconv.Itoa(inv.Attempt))}
	if w.quiet.Load() {
		return plan
	}
	for _, f := range w.faults {
		if f.Function != inv.Function || f.Nth != nth || isCallFault(f.Kind) {
			continue
		}
		switch f.Kind {
		case RunDead:
			plan.Fault = lambda.FaultDieBefore
		case RunDone:
			plan.Fault = lambda.FaultDieAfter
		case RunTwice:
			plan.Duplicate = true
		case RunLate:
			plan.Delay += f.Delay
		case RunRefused:
			plan.Fault = lambda.FaultThrottle
		default:
			continue
		}
		w.note(event{actor: actor(inv.Function, inv.RequestID), text: "run " + strconv.Itoa(nth), fault: f.Kind})
	}
	return plan
}

// wakeFault is what goes wrong with a wake-up on its way.
func (w *world) wakeFault(d sns.Delivery) sns.DeliveryFault {
	nth := int(w.wakes.Add(1))
	w.note(event{actor: "SNS", text: "wake-up #" + strconv.Itoa(nth) + " " + d.Message.Body})
	var fault sns.DeliveryFault
	if w.quiet.Load() {
		return fault
	}
	for _, f := range w.faults {
		if f.Function != "" || f.Nth != nth {
			continue
		}
		switch f.Kind {
		case WakeTwice:
			fault.Duplicates = f.Times
		case WakeLate:
			fault.Delay = f.Delay
		case WakeDead:
			fault.DeadLetter = true
		case WakeLost:
			fault.Lose = true
		default:
			continue
		}
		w.note(event{actor: "SNS", text: "wake-up #" + strconv.Itoa(nth), fault: f.Kind})
	}
	return fault
}

// clientFaults does to the clients' connections what the plan says.
func (w *world) clientFaults(ctx context.Context) {
	type turn struct {
		at time.Duration
		do func()
	}
	var turns []turn
	for _, f := range w.faults {
		if f.Function != "" || f.Nth != 0 {
			continue
		}
		var hit *link
		turns = append(turns, turn{f.At, func() { hit = w.harm(f) }})
		turns = append(turns, turn{f.At + f.Delay, func() { w.mend(f, hit) }})
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return int(a.at - b.at) })
	for _, t := range turns {
		timer := time.NewTimer(t.at - w.now())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		if w.quiet.Load() {
			return
		}
		t.do()
	}
}

// harm breaks the connection that a client has now, and returns it.
func (w *world) harm(f Fault) *link {
	faults := w.stack.Gateway.Faults()
	if f.Kind == Redeploy {
		w.note(event{actor: "operator", text: "deploys", fault: f.Kind})
		for _, function := range w.stack.Lambda.Functions() {
			w.stack.Lambda.Recycle(function.Name)
		}
		return nil
	}
	if f.Kind == Rebalance {
		w.note(event{actor: "operator", text: "asks all connections to come back", fault: f.Kind})
		w.rebalanced.Store(true)
		w.tasks.Go(func() { w.rebalance(1 + f.Times) })
		return nil
	}
	if f.Kind == Forget {
		w.forget([]string{lobby, lobby, den}[f.Client%3], "")
		return nil
	}
	c := w.clients[f.Client%len(w.clients)]
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l == nil {
		return nil
	}
	w.note(event{actor: "network", text: c.name() + " " + l.id, fault: f.Kind})
	w.mu.Lock()
	w.harmed = append(w.harmed, l)
	w.mu.Unlock()
	switch f.Kind {
	case Cut:
		_ = faults.Cut(l.id)
	case CutSilent:
		faults.LoseDisconnect(l.id)
		_ = faults.Cut(l.id)
	case CutLate:
		faults.DelayDisconnect(l.id, f.Delay)
		_ = faults.Cut(l.id)
	case Freeze:
		_ = faults.FreezeClient(l.id)
	case SlowPosts:
		faults.DelayPost(l.id, f.Delay)
	case WrongGone:
		w.check.wrongGone(l.id, f.Times)
		faults.WrongGone(l.id, f.Times)
	case Sleep:
		w.fates.Lock()
		w.asleep[l.id] = true
		w.fates.Unlock()
	case ThrottlePost:
		faults.Throttle(l.id, f.Times)
	case FailPost:
		faults.FailPost(l.id, f.Times, 500)
	case DeadPeer:
		faults.LoseDisconnect(l.id)
		_ = faults.DeadPeer(l.id)
	}
	return l
}

// mend ends what harm began.
func (w *world) mend(f Fault, l *link) {
	faults := w.stack.Gateway.Faults()
	if l == nil || f.Times >= forever {
		return
	}
	switch f.Kind {
	case Sleep:
		w.fates.Lock()
		delete(w.asleep, l.id)
		w.fates.Unlock()
	case Freeze:
		_ = faults.ThawClient(l.id)
	case SlowPosts:
		faults.DelayPost(l.id, 0)
	}
}

// forever marks a fault that lasts to the end of the active phase.
const forever = 1 << 20

// heal ends all faults, even those of connections that their clients have
// replaced: a post that hangs there delays a drain. What is on its way stays
// there.
func (w *world) heal() {
	w.quiet.Store(true)
	w.note(event{actor: "operator", text: "no more faults", fault: "healed"})
	faults := w.stack.Gateway.Faults()
	w.mu.Lock()
	harmed := w.harmed
	w.mu.Unlock()
	w.fates.Lock()
	clear(w.asleep)
	w.fates.Unlock()
	for _, l := range harmed {
		_ = faults.ThawClient(l.id)
		faults.DelayPost(l.id, 0)
		faults.Throttle(l.id, 0)
		faults.WrongGone(l.id, 0)
		faults.FailPost(l.id, 0, 0)
	}
}
