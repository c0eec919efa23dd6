package sim

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Scenario is a short run whose every call of AWS is made to kill its function.
type Scenario struct {
	Name    string
	Members []member
	// Faults happen in every run of it, beside the crash.
	Faults []Fault
	Active time.Duration
	// Environ is added to the functions' environment.
	Environ map[string]string
	// Minutely has few sweeps, where nothing else happens for minutes.
	Minutely bool
	// Alone has members who never ask, and publishers who try once: see
	// Class.PushOnly.
	Alone bool
}

// alone is the scenario with members who never ask, if that leaves any of it:
// who comes back, joins again or is reaped asks by that.
func (s Scenario) alone() (Scenario, bool) {
	s.Name, s.Alone = s.Name+" (nobody asks)", true
	s.Members = slices.Clone(s.Members)
	publishes := false
	for i, m := range s.Members {
		m.Steps = slices.Clone(m.Steps)
		for j := range m.Steps {
			switch step := &m.Steps[j]; step.Do {
			case doPublish, doTwice, doPlain:
				publishes, step.Tries = true, 1
			case doJoin, doHang, doRotate, doFlap, doRejoin, doFlood, doDemote, doRevoke:
				return s, false
			}
		}
		s.Members[i] = m
	}
	for _, f := range s.Faults {
		switch f.Kind {
		case Cut, CutSilent, CutLate, WrongGone:
			return s, false
		}
	}
	return s, publishes
}

// Scenarios cover what the functions do; which calls that makes is found out by
// a run without a crash.
func Scenarios() []Scenario {
	at := func(seconds float64, do action) step {
		return step{At: time.Duration(seconds * float64(time.Second)), Do: do, Room: lobby, Pause: time.Second}
	}
	sharing := func(seconds float64) step {
		s := at(seconds, doPublish)
		s.Key = "shared"
		return s
	}
	idle := member{User: "user1", Rooms: []string{lobby}, Replay: true}
	return append(rarer(), []Scenario{
		{Name: "publish in a quiet room", Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPublish)}}, idle,
		}},
		{Name: "publish without key, then with", Minutely: true, Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPlain), at(5, doPublish)}}, idle,
		}},
		{Name: "two publish at once, one twice", Minutely: true, Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doTwice), at(3.02, doPublish)}},
			{User: "user1", Rooms: []string{lobby}, Steps: []step{at(3.005, doPublish), at(3.04, doPublish)}},
		}},
		{Name: "three publish at once", Minutely: true, Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPublish)}},
			{User: "user1", Rooms: []string{lobby}, Steps: []step{at(3.006, doPublish)}},
			{User: "user2", Rooms: []string{lobby}, Steps: []step{at(3.012, doPublish)}},
		}},
		{Name: "two devices publish under one key", Minutely: true, Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{sharing(3)}},
			{User: "user0", Rooms: []string{lobby}, Steps: []step{sharing(3.004)}},
			{User: "user2", Rooms: []string{lobby}, Replay: true, Steps: []step{at(3.03, doPublish)}},
		}},
		{Name: "a writer dies after taking a number", Minutely: true, Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPlain)}},
			{User: "user1", Rooms: []string{lobby}, Steps: []step{at(3.1, doPublish)}},
			{User: "user2", Rooms: []string{lobby}, Hello: true, Steps: []step{at(3.3, doHang)}},
		}, Faults: []Fault{{Kind: KillAfter, Function: "message", Nth: 14}}},
		{Name: "leave and join again", Minutely: true, Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPublish), at(4.5, doPublish)}},
			{User: "user1", Rooms: []string{lobby}, Steps: []step{at(4, doLeave), at(5, doJoin)}},
		}},
		{Name: "the mark of a leave expires", Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(140, doPublish)}},
			{User: "user1", Rooms: []string{lobby}, Steps: []step{at(4, doLeave)}},
		}, Active: 145 * time.Second, Minutely: true},
		{Name: "leave and join twice without waiting", Minutely: true, Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPublish), at(4.5, doPublish)}},
			{User: "user1", Rooms: []string{lobby}, Steps: []step{at(4, doFlap)}},
		}},
		{Name: "rotate", Minutely: true, Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPublish), at(4, doPublish)}},
			{User: "user1", Rooms: []string{lobby}, Hello: true, Steps: []step{at(4, doRotate), at(4.5, doPublish)}},
		}},
		{Name: "hang up and come back by hello", Minutely: true, Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPublish), at(4.5, doPublish)}},
			{User: "user1", Rooms: []string{lobby, den}, Hello: true, Steps: []step{at(4, doHang)}},
		}},
		{Name: "cut, $disconnect lost, and reaped", Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(6, doPublish)}}, idle,
		}, Faults: []Fault{{Kind: CutSilent, Client: 1, At: 4 * time.Second}}, Active: 190 * time.Second, Minutely: true},
		{Name: "token expires", Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPublish)}},
			{User: "user1", Rooms: []string{lobby}, Valid: 12 * time.Second},
			{User: "user2", Rooms: []string{lobby}, Valid: 12 * time.Second, Steps: []step{at(6, doFresh)}},
		}, Active: 190 * time.Second, Minutely: true},
		{Name: "a wake-up dies and is put back", Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPublish)}}, idle,
		}, Faults: []Fault{{Kind: WakeDead, Nth: 3}}},
		{Name: "a wake-up vanishes and the sweeper notices", Minutely: true, Active: 150 * time.Second, Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPublish)}}, idle,
		}, Faults: []Fault{{Kind: WakeLost, Nth: 3}}},
		{Name: "a member stops reading its messages", Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPublish), at(9, doPublish)}}, idle,
		}, Faults: []Fault{{Kind: ThrottlePost, Client: 1, At: 2900 * time.Millisecond, Times: 20}}},
		{Name: "a member's connection says 410", Members: []member{
			{User: "user0", Rooms: []string{lobby}, Steps: []step{at(3, doPublish)}}, idle,
		}, Faults: []Fault{{Kind: WrongGone, Client: 1, At: 2900 * time.Millisecond, Times: 2}}},
	}...)
}

// scenarioSeed makes the latencies of all scenarios.
const scenarioSeed = 7

func (s Scenario) config(more ...Fault) Config {
	class := "kill"
	if s.Alone {
		class = "push alone calm"
	}
	for _, f := range s.Faults {
		if f.Kind == WrongGone { // two in a row are believed, which only a sync notices
			class = "mixed calm"
		}
	}
	return Config{
		Bound: s.bound(more),
		Seed:  scenarioSeed, Class: class, Members: s.Members, Active: s.Active, Environ: s.Environ, Minutely: s.Minutely,
		Faults: append(append([]Fault{}, s.Faults...), more...),
	}
}

// bound is how long what is acknowledged may take where nobody asks: Lambda
// repeats a broadcaster that dies after a minute, and once more after two. So no
// run waits for the sweeper, who looks after rooms that wait: what a function owes
// it must do itself. 0: the class's.
func (s Scenario) bound(crashes []Fault) time.Duration {
	if !s.Alone || len(s.Faults) > 0 {
		return 0
	}
	bound, retry := 15*time.Second, time.Minute
	for _, f := range crashes {
		if f.Function == "broadcast" {
			bound, retry = bound+retry, 2*retry
		}
	}
	return bound
}

// DryRun runs the scenario without a crash and returns the points at which it
// can be crashed: every call that any function makes until it is over.
func (s Scenario) DryRun(t *testing.T) (Result, []Point) {
	config := s.config()
	config.Sites = true
	r := Run(t, config)
	until := s.Active
	if until == 0 {
		until = active
	}
	points := slices.DeleteFunc(slices.Clone(r.Calls), func(p Point) bool { return p.At > until })
	return r, points
}

// Crash runs the scenario and lets a call go wrong: the function dies there, or the
// room's head is deleted.
func (s Scenario) Crash(t *testing.T, kind Kind, p Point) Result {
	return Run(t, s.config(Fault{Kind: kind, Function: p.Function, Nth: p.Nth}))
}

// onLog reports whether the call is about a head, an entry or a mark.
func (p Point) onLog() bool {
	_, on, _ := strings.Cut(p.Label, " ")
	return strings.HasPrefix(on, "head") || strings.HasPrefix(on, "entry") || strings.HasPrefix(on, "mark")
}
