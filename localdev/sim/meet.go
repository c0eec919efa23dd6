package sim

import (
	"math/rand/v2"
	"time"
)

// deaths are the faults that end a function.
var deaths = []Kind{KillBefore, KillAfter, KillHalf}

// meeting are the classes in which faults of different kinds meet, or meet
// members who never ask.
func meeting() []Class {
	return []Class{
		{Name: "late effect", Bound: 6 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(20, LateEffect)
		}},
		{Name: "late effect, and worse", Bound: 15 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(16, LateEffect, LateEffect, LateEffect, KillLate, KillLate, KillBefore, KillAfter, KillHalf, HangAfter, LoseAnswer, FailAfter, Throttle, SlowBefore)
			p.wakes(4)
			p.runs(4)
			p.clients(6, Cut, CutSilent, CutLate, Redeploy)
		}},
		{Name: "late effect, room forgotten", Bound: 15 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(6, Forget)
			p.calls(12, LateEffect, LateEffect, KillLate)
			p.clients(6, Forget, Forget, Cut, CutSilent, CutLate)
		}},
		{Name: "push alone", PushOnly: true, script: bursts, Bound: 6 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(6, deaths...)
			p.writes(6, deaths...)
		}},
		// Nobody repeats a message function that dies, and nothing that is acknowledged
		// may wait for the sweeper, who looks after a minute.
		{Name: "push alone, publishers die", PushOnly: true, script: bursts, Bound: 20 * time.Second, plan: func(r *rand.Rand, p *planner) {
			for range 1 + r.IntN(10) {
				p.add(Fault{Kind: pick(r, KillBefore, KillAfter, KillLate), Function: "message", Call: publishing(r), Nth: 1 + r.IntN(20), Delay: between(r, 100*time.Millisecond, 5*time.Second)})
			}
		}},
		// Each second call is spared, so that the SDK's retries end no function.
		{Name: "push alone, late effect", PushOnly: true, script: bursts, Bound: 30 * time.Second, plan: func(r *rand.Rand, p *planner) {
			p.writes(16, LateEffect)
			for i := range p.faults {
				f := &p.faults[i]
				f.Nth, f.Times = f.Nth&^1, 1
				if chance(r, 50) { // within the burst
					f.Delay = min(f.Delay, between(r, 100*time.Millisecond, 3*time.Second))
				}
			}
		}},
		{Name: "push alone, and worse", PushOnly: true, script: bursts, Bound: 15 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(7, KillBefore, KillAfter, KillHalf, KillLate, HangBefore, HangAfter, LoseAnswer, LateEffect, FailBefore, FailAfter, Throttle, SlowBefore, SlowAfter)
			p.writes(7, KillBefore, KillAfter, KillHalf, KillLate, HangBefore, HangAfter, LoseAnswer, LateEffect, FailBefore, FailAfter, Throttle, SlowBefore, SlowAfter)
			p.wakes(4)
			p.runs(4)
			p.clients(3, SlowPosts, ThrottlePost, FailPost, Sleep, Redeploy)
		}},
		{Name: "two devices, one key", PushOnly: true, script: devices, Bound: 20 * time.Second, plan: rivals},
		// The bound: within a minute or so the sweeper looks at the rooms of
		// connections that are due, each of which is every CheckEvery (10 s here). A
		// wake-up that it sends may be lost too, as long as there are faults.
		{Name: "wake-up lost", PushOnly: true, script: bursts, Bound: 2*time.Minute + 30*time.Second, plan: func(_ *rand.Rand, p *planner) {
			for range 1 + p.r.IntN(12) {
				p.add(Fault{Kind: WakeLost, Nth: 1 + p.r.IntN(70)})
			}
		}},
		{Name: "wake-up lost, and deaths", PushOnly: true, script: bursts, Bound: 15 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(10, deaths...)
			for range 1 + p.r.IntN(12) {
				p.add(Fault{Kind: WakeLost, Nth: 1 + p.r.IntN(70)})
			}
		}},
		// Lambda takes up to five minutes to repeat a failed event twice and give it
		// up, so what expires sooner may expire undelivered.
		{
			Name: "expiry, and deaths", Bound: 15 * time.Minute, Retention: 5 * time.Minute, Window: 20 * time.Second, Rest: 4 * time.Minute,
			plan: func(_ *rand.Rand, p *planner) {
				p.calls(12, deaths...)
				p.clients(4, Cut, CutSilent, CutLate)
			},
		},
		{
			Name: "expiry, and hangs", Bound: 15 * time.Minute, Retention: 5 * time.Minute, Window: 20 * time.Second, Rest: 4 * time.Minute,
			plan: func(_ *rand.Rand, p *planner) {
				p.calls(8, HangBefore, HangAfter, SlowBefore, SlowAfter, LateEffect)
				p.clients(4, Cut, CutSilent, CutLate)
			},
		},
		{Name: "unreachable, and deaths", Bound: 8 * time.Minute, plan: func(r *rand.Rand, p *planner) {
			p.calls(12, deaths...)
			p.clients(8, SlowPosts, ThrottlePost, FailPost, Freeze, DeadPeer, Sleep)
			p.add(Fault{Kind: WrongGone, Client: r.IntN(p.members), At: between(r, time.Second, active), Times: 1})
		}},
		{Name: "refused in part", Bound: 8 * time.Minute, plan: func(r *rand.Rand, p *planner) {
			for range 1 + r.IntN(6) {
				p.add(Fault{Kind: RefuseEntries, Nth: 1 + r.IntN(8), Times: 1 + r.IntN(4)})
			}
			for range 1 + r.IntN(12) { // three attempts of a call are refused, then it fails
				p.calls(1, Throttle, FailBefore)
				p.faults[len(p.faults)-1].Times = 2 + r.IntN(8)
			}
			p.wakes(6)
			p.clients(6, Cut, CutSilent, ThrottlePost)
		}},
		{Name: "hooks", Hooks: true, script: banning, Bound: 8 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(8, KillBefore, KillAfter, LoseAnswer, LateEffect, FailAfter, Throttle)
			p.clients(4, Cut, CutSilent, CutLate)
		}},
		{Name: "revocation", script: revoking, Bound: 8 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(10, KillBefore, KillAfter, HangBefore, LoseAnswer, LateEffect, FailBefore, FailAfter, Throttle)
			p.clients(4, Cut, CutSilent, CutLate, SlowPosts, Redeploy)
		}},
		{Name: "rebalance", Bound: 8 * time.Minute, plan: func(r *rand.Rand, p *planner) {
			p.calls(10, KillBefore, KillAfter, KillHalf, HangBefore, LoseAnswer, LateEffect, Throttle)
			p.clients(4, Rebalance, Cut, CutSilent, Redeploy)
			p.add(Fault{Kind: Rebalance, At: between(r, time.Second, active), Times: 1 + r.IntN(10)})
		}},
		{Name: "presence", Presence: true, script: asking, Bound: 8 * time.Minute, plan: func(_ *rand.Rand, p *planner) {
			p.calls(10, KillBefore, KillAfter, KillHalf, HangAfter, LoseAnswer, LateEffect, Throttle)
			p.wakes(6)
			p.clients(5, Cut, CutSilent, CutLate)
		}},
		{Name: "asleep", Swift: true, Repeats: 3, Active: sleepy + active, script: sleepers, Bound: 2 * time.Second, plan: asleep},
		{
			Name: "joins and reads nothing", Swift: true, Repeats: 3, Active: 2 * active, Data: 20_000, script: rejoining, Bound: 2 * time.Second,
			plan: func(r *rand.Rand, p *planner) {
				p.add(Fault{Kind: pick(r, Freeze, Sleep, SlowPosts), Client: 1, At: 4 * time.Second, Times: forever, Delay: 2900 * time.Millisecond})
			},
		},
		{
			Name: "many posts hang", Swift: true, rare: true, script: hanging, Bound: 2 * time.Second, Settle: 8 * time.Minute,
			Environ: map[string]string{"GAPLESS_CHECK_EVERY": "150s"},
			plan: func(r *rand.Rand, p *planner) {
				for i := awake; i < p.members; i++ {
					p.add(Fault{Kind: SlowPosts, Client: i, At: between(r, 3500*time.Millisecond, 3900*time.Millisecond), Times: forever, Delay: 2900 * time.Millisecond})
				}
			},
		},
	}
}
