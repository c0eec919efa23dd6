package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Shrink takes faults out of a failing run as long as it still breaks one of
// the same invariants, and returns the last run that failed.
func Shrink(t *testing.T, config Config, failed Result) Result {
	broken := map[string]bool{}
	for _, v := range failed.Violations {
		broken[v.Invariant] = true
	}
	config.Faults = slices.Clone(failed.Faults)
	for i := len(config.Faults) - 1; i >= 0; i-- {
		fewer := config
		fewer.Faults = slices.Delete(slices.Clone(config.Faults), i, i+1)
		if len(fewer.Faults) == 0 {
			fewer.Faults = []Fault{}
		}
		again := Run(t, fewer)
		if slices.ContainsFunc(again.Violations, func(v Violation) bool { return broken[v.Invariant] }) {
			config, failed = fewer, again
		}
	}
	return failed
}

// String tells a failed run: what broke, what had gone wrong, and what
// happened.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, class %q\n", r.Seed, r.Class)
	fmt.Fprintf(&b, "violations:\n%s", joinLines(r.Violations[:min(len(r.Violations), 8)]))
	fmt.Fprintf(&b, "faults:\n%s", joinLines(r.Faults))
	room := ""
	for _, v := range r.Violations {
		if room = v.Room; room != "" {
			break
		}
	}
	const lines = 250
	fmt.Fprintf(&b, "timeline of %q:\n%s\n", room, r.timeline.story(room, lines))
	return b.String()
}

// Table gathers delays by class and prints the median and the worst.
type Table map[string][]time.Duration

// Add takes a run's delays.
func (t Table) Add(r Result) {
	for _, d := range r.Delays {
		name := r.Class
		if classNamed(name).Swift {
			name += map[bool]string{true: ": who is hit", false: ": the others"}[d.Stuck]
		}
		t[name] = append(t[name], d.Time)
	}
}

// String is the table, one line for each class.
func (t Table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s %9s %10s %10s %10s\n", "delay after the ack", "samples", "median", "99 %", "worst")
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all := t[name]
		slices.Sort(all)
		at := func(percent int) time.Duration {
			return all[min(len(all)-1, len(all)*percent/100)].Round(time.Millisecond)
		}
		fmt.Fprintf(&b, "%-26s %9d %10v %10v %10v\n", name, len(all), at(50), at(99), at(100))
	}
	return b.String()
}
