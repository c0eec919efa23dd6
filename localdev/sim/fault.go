package sim

import (
	"fmt"
	"strings"
	"time"
)

// Kind is a way in which something goes wrong.
type Kind string

// Faults of one call of AWS that a function makes.
const (
	KillBefore Kind = "kill before"    // the function dies, the call has no effect
	KillAfter  Kind = "kill after"     // the call has its effect, then the function dies
	KillHalf   Kind = "kill halfway"   // half of a batch has its effect, then the function dies
	HangBefore Kind = "hang before"    // the call never comes back and has no effect
	HangAfter  Kind = "hang after"     // the call has its effect and never comes back
	LoseAnswer Kind = "lose answer"    // the call has its effect, the connection breaks
	FailBefore Kind = "fail before"    // 5xx, no effect
	FailAfter  Kind = "fail after"     // 5xx, though it had its effect
	Throttle   Kind = "throttle"       // refused as too fast
	SlowBefore Kind = "pause before"   // it has its effect only Delay later
	SlowAfter  Kind = "pause after"    // its answer comes only Delay later
	Forget     Kind = "room forgotten" // just before the call; of no call, at a time
	// Of DynamoDB and SNS: the answer is lost at once, and the request takes effect
	// only Delay later, after the SDK's retry or the death of its function.
	LateEffect Kind = "late effect"
	KillLate   Kind = "kill, late effect"
	// Half of the entries of the n-th PublishBatch of the run, whichever function
	// makes it.
	RefuseEntries Kind = "entries refused"
)

// Faults of one wake-up on its way, and of one run of a function.
const (
	WakeTwice  Kind = "wake twice"
	WakeLate   Kind = "wake late"
	WakeDead   Kind = "wake to dead letters"
	WakeLost   Kind = "wake lost" // as when Lambda deletes an event without a trace
	RunDead    Kind = "die before run"
	RunDone    Kind = "die after run"
	RunTwice   Kind = "run twice"
	RunLate    Kind = "run late"
	RunRefused Kind = "run throttled"
)

// Faults of the connection that a client has at a time.
const (
	Cut          Kind = "cut"
	CutSilent    Kind = "cut, $disconnect lost"
	CutLate      Kind = "cut, $disconnect late"
	Freeze       Kind = "client stops reading"
	SlowPosts    Kind = "posts slow"
	WrongGone    Kind = "wrong 410"
	ThrottlePost Kind = "posts throttled"
	FailPost     Kind = "posts fail"
	DeadPeer     Kind = "dead peer"
	Redeploy     Kind = "redeploy"
	Rebalance    Kind = "rebalance" // an operator asks all connections to come back
	// The client sleeps: each post is refused with 429 for Delay.
	Sleep Kind = "client sleeps"
)

// Fault is one thing that goes wrong. Which fields count depends on its Kind.
type Fault struct {
	Kind Kind
	// Function and Nth select the n-th call or run of a function, from 1; Nth
	// alone the n-th wake-up.
	Function string
	Nth      int
	// Call, unless empty, has Nth count only the function's calls of one sort: an
	// operation and the kind of what it is about, such as "PutItem entry".
	Call string
	// By, unless 0, has Nth count only calls of the message function for client
	// By - 1.
	By int
	// Times is for how many calls on end.
	Times int
	// Client and At select the connection that a client has at a time.
	Client int
	At     time.Duration
	// Delay is how long it takes.
	Delay time.Duration
}

// String is the fault in one line of a timeline.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(string(f.Kind))
	switch {
	case f.Function != "":
		fmt.Fprintf(&b, ", %s #%d", f.Function, f.Nth)
		if f.Call != "" {
			b.WriteString(" of " + f.Call)
		}
		if f.By > 0 {
			fmt.Fprintf(&b, " for client %d", f.By-1)
		}
	case f.Nth > 0:
		fmt.Fprintf(&b, ", wake-up #%d", f.Nth)
	default:
		fmt.Fprintf(&b, ", client %d at %v", f.Client, f.At.Round(time.Millisecond))
	}
	if f.Times > 1 {
		fmt.Fprintf(&b, ", %d times", f.Times)
	}
	if f.Delay > 0 {
		fmt.Fprintf(&b, ", %v", f.Delay.Round(time.Millisecond))
	}
	return b.String()
}
