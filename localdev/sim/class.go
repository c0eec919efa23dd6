package sim

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Class is a family of faults. A seed belongs to one; what each costs is
// measured by class, and a class in which the platform does its part is held to
// stricter rules.
type Class struct {
	Name string
	// Sync lets clients ask now and then whether they missed anything. Without
	// it, what is acknowledged must reach them by push alone.
	Sync bool
	// PushOnly has members who neither join nor sync nor read history after their
	// first join, unless they are told that they are behind or lose their
	// connection: a read would repair a wake-up that was lost.
	PushOnly bool
	// Strict holds each connection to ascending pushes without a gap: no
	// broadcaster dies or overstays its lease.
	Strict bool
	// Bound is the longest time from an acknowledgement to the last member's
	// having the message.
	Bound time.Duration
	// Swift holds the members whom no fault of the plan is about to the Bound,
	// whatever becomes of the others.
	Swift bool
	// Repeats is how often one entry may be pushed to one connection whom no fault
	// is about; 0: any number of times.
	Repeats int
	// Skew bounds by how much the functions' clocks differ from true time.
	Skew time.Duration
	// Stale lets eventually consistent reads lag behind.
	Stale bool
	// Versions has every second function environment be of a later version.
	Versions bool
	// Retention is for how long entries and keys are kept; 0: as deployed, so
	// that nothing expires within a run.
	Retention time.Duration
	// Window is for how long keys are kept, if not for the Retention.
	Window time.Duration
	// HeadLifetime has heads expire, so that rooms start over under another
	// epoch; 0: as deployed.
	HeadLifetime time.Duration
	// Rest is how long the clients rest after each ten seconds of their script.
	Rest time.Duration
	// Crowd is up to how many more members the lobby has, that say nothing; twice
	// as many in one seed of ten.
	Crowd int
	// Page is after how many items a page of members ends; 0: as DynamoDB has it,
	// after 1 MB.
	Page int
	// Data is up to how many bytes messages are padded with.
	Data int
	// Settle is for how long nobody says anything after the faults, if not for
	// the usual time.
	Settle time.Duration
	// Environ is added to the functions' environment.
	Environ map[string]string
	// Active is for how long clients do things and faults happen, if not for the
	// usual time and the rests.
	Active time.Duration
	// Hooks gives the functions an application's own rules, which fail at times.
	Hooks bool
	// Presence has everybody ask in the end who is there.
	Presence bool
	// script makes what the clients do, if not the usual things.
	script func(r *rand.Rand) []member
	// rare leaves the class to one in ten of its seeds: a run takes long.
	rare bool
	// scenarios keeps seeds away from the class: it is for crash.go.
	scenarios bool
	// plan makes the faults of one run.
	plan func(r *rand.Rand, p *planner)
}

func (c Class) window() time.Duration { return cmp.Or(c.Window, c.Retention) }

// rested is a time of the script, with the rests before it.
func (c Class) rested(at time.Duration) time.Duration { return at + c.Rest*(at/(10*time.Second)) }

// Classes returns all classes. Their order is part of what a seed means.
func Classes() []Class {
	return append([]Class{
		{Name: "calm", Strict: true, Bound: 2 * time.Second, plan: func(*rand.Rand, *planner) {}},
		{Name: "kill", Bound: 6 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(12, KillBefore, KillAfter, KillHalf)
		}},
		{Name: "hang", Bound: 8 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(6, HangBefore, HangAfter)
		}},
		{Name: "lost answer", Bound: 6 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(20, LoseAnswer, FailAfter)
		}},
		{Name: "throttle", Bound: 6 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(20, Throttle, FailBefore)
		}},
		{Name: "pause", Bound: 8 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(6, SlowBefore, SlowAfter)
		}},
		{Name: "wake-up", Strict: true, Bound: 6 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.wakes(14)
		}},
		{Name: "run", Bound: 8 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.runs(14)
		}},
		{Name: "disconnect", Strict: true, Bound: time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.clients(8, Cut, CutSilent, CutLate)
		}},
		// Several wrong 410s are believed in the end, which only a sync notices.
		{Name: "post", Sync: true, Bound: 6 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.clients(10, SlowPosts, WrongGone, ThrottlePost, FailPost, DeadPeer, Freeze)
		}},
		{Name: "stuck member", Swift: true, Bound: 2 * time.Second, plan: func(r *rand.Rand, p *planner) {
			p.add(Fault{Kind: pick(r, SlowPosts, Freeze, ThrottlePost), Client: 0, At: between(r, 0, 10*time.Second), Times: 1 << 20, Delay: 2900 * time.Millisecond})
		}},
		{Name: "skew", Strict: true, Skew: 3 * time.Second, Bound: time.Minute, plan: func(*rand.Rand, *planner) {}},
		{Name: "stale", Strict: true, Stale: true, Bound: time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.clients(5, Cut, CutSilent)
		}},
		{Name: "redeploy", Strict: true, Bound: time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.clients(6, Redeploy)
		}},
		{Name: "two versions", Strict: true, Versions: true, Bound: time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.clients(6, Redeploy, Cut)
		}},
		{Name: "expiry", Strict: true, Retention: 6 * time.Second, Bound: time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.clients(8, Cut, CutSilent, CutLate)
		}},
		{Name: "mixed", Sync: true, Skew: 2 * time.Second, Stale: true, Versions: true, Bound: 15 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(12, KillBefore, KillAfter, KillHalf, HangBefore, HangAfter, LoseAnswer, FailBefore, FailAfter, Throttle, SlowBefore, SlowAfter)
			p.wakes(4)
			p.runs(4)
			p.clients(6, Cut, CutSilent, CutLate, SlowPosts, WrongGone, ThrottlePost, FailPost, DeadPeer, Freeze, Redeploy)
		}},
		{
			Name: "new epoch", Strict: true, Bound: time.Minute, Retention: 30 * time.Second, Window: 20 * time.Second,
			HeadLifetime: 90 * time.Second, Rest: 110 * time.Second, plan: func(_ *rand.Rand, p *planner) {
				p.clients(8, Cut, CutSilent, CutLate, Redeploy)
			},
		},
		{Name: "room forgotten", Strict: true, Bound: time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(10, Forget)
			p.clients(6, Forget, Forget, Cut, CutSilent, CutLate)
		}},
		{Name: "room forgotten, and worse", Bound: 15 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(8, Forget)
			p.calls(12, KillBefore, KillAfter, KillHalf, HangBefore, HangAfter, LoseAnswer, FailAfter, Throttle, SlowBefore, SlowAfter)
			p.wakes(4)
			p.runs(4)
			p.clients(6, Forget, Forget, Cut, CutSilent, CutLate)
		}},
		{
			Name: "large room", Bound: 6 * time.Minute, Crowd: 50, Page: 13, Data: 20_000, Settle: 8 * time.Minute,
			Environ: map[string]string{"GAPLESS_CHECK_EVERY": "150s", "GAPLESS_PRESENCE_MEMBERS": "3"},
			plan: func(_ *rand.Rand, p *planner) {
				p.calls(5, KillBefore, KillAfter, LoseAnswer, FailBefore, Throttle)
				p.clients(8, Cut, CutSilent, CutLate)
			},
		},
		{Name: "unreachable", Bound: 6 * time.Minute, plan: func(r *rand.Rand, p *planner) {
			p.clients(8, SlowPosts, ThrottlePost, FailPost, Freeze)
			// Two wrong 410s one after the other are believed, one is not.
			p.add(Fault{Kind: WrongGone, Client: r.IntN(p.members), At: between(r, time.Second, active), Times: 1})
		}},
		{Name: "mixed calm", scenarios: true, Sync: true, Bound: 15 * time.Minute, plan: func(*rand.Rand, *planner) {}},
		{Name: "push alone calm", scenarios: true, PushOnly: true, Bound: 6 * time.Minute, plan: func(*rand.Rand, *planner) {}},
	}, meeting()...)
}

// ClassOf is the class that a seed belongs to.
func ClassOf(seed uint64) Class {
	all := slices.DeleteFunc(Classes(), func(c Class) bool {
		return c.scenarios || (c.rare && mix(seed+1)%10 != 0)
	})
	return all[mix(seed)%uint64(len(all))]
}

// classNamed is a class by its name; the zero Class if there is none.
func classNamed(name string) Class {
	for _, c := range Classes() {
		if c.Name == name {
			return c
		}
	}
	return Class{}
}

// planner gathers the faults of one run.
type planner struct {
	r       *rand.Rand
	members int
	faults  []Fault
}

func (p *planner) add(f Fault) { p.faults = append(p.faults, f) }

// calls adds up to most faults of calls.
func (p *planner) calls(most int, kinds ...Kind) {
	// The spans are about the calls that a run makes without faults.
	spans := map[string]int{"connect": 6, "disconnect": 12, "message": 260, "broadcast": 220, "sweep": 60}
	for function := range spans {
		spans[function] *= max(1, p.members/10)
	}
	for range 1 + p.r.IntN(most) {
		function := pick(p.r, "connect", "disconnect", "message", "message", "message", "message",
			"broadcast", "broadcast", "broadcast", "broadcast", "sweep")
		f := Fault{
			Kind: pick(p.r, kinds...), Function: function, Nth: 1 + p.r.IntN(spans[function]),
			Times: 1 + p.r.IntN(4), Delay: between(p.r, 4*time.Second, 40*time.Second),
		}
		if f.Kind == LateEffect || f.Kind == KillLate {
			// 0.1 s to 20 s, as often below 1.4 s as above.
			f.Delay = time.Duration(float64(100*time.Millisecond) * math.Pow(200, p.r.Float64()))
			f.Times = 1 + p.r.IntN(2)
		}
		p.add(f)
	}
}

// writes adds up to most faults of the writes and wake-ups by which an
// acknowledged message reaches its members: most calls of a run are others.
func (p *planner) writes(most int, kinds ...Kind) {
	for range 1 + p.r.IntN(most) {
		call := pick(p.r, "message UpdateItem head", "message UpdateItem mark", "message PutItem entry", "message Publish topic",
			"broadcast UpdateItem head", "broadcast UpdateItem head", "broadcast PutItem entry", "broadcast UpdateItem connection",
			"broadcast UpdateItem member", "broadcast Publish topic")
		p.calls(1, kinds...)
		f := &p.faults[len(p.faults)-1]
		f.Function, f.Call, _ = strings.Cut(call, " ")
		f.Nth = 1 + p.r.IntN(16)
	}
}

func (p *planner) wakes(most int) {
	for range 1 + p.r.IntN(most) {
		p.add(Fault{
			Kind: pick(p.r, WakeTwice, WakeLate, WakeDead), Nth: 1 + p.r.IntN(60),
			Times: 1 + p.r.IntN(2), Delay: between(p.r, 50*time.Millisecond, pick(p.r, time.Second, 2*time.Minute)),
		})
	}
}

func (p *planner) runs(most int) {
	for range 1 + p.r.IntN(most) {
		function := pick(p.r, "connect", "disconnect", "message", "message", "broadcast", "broadcast", "broadcast")
		p.add(Fault{
			Kind: pick(p.r, RunDead, RunDone, RunTwice, RunLate, RunRefused), Function: function,
			Nth: 1 + p.r.IntN(50), Delay: between(p.r, 10*time.Millisecond, 20*time.Second),
		})
	}
}

func (p *planner) clients(most int, kinds ...Kind) {
	for range 1 + p.r.IntN(most) {
		p.add(Fault{
			Kind: pick(p.r, kinds...), Client: p.r.IntN(p.members), At: between(p.r, time.Second, active),
			Times: 1 + p.r.IntN(6), Delay: between(p.r, 100*time.Millisecond, 20*time.Second),
		})
	}
}
