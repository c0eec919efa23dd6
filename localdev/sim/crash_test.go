package sim

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var (
	everyCrash = flag.Bool("every-crash", false, "crash at every point, rather than at one in some")
	update     = flag.Bool("update", false, "write testdata/crash-points.txt")
	pairs      = flag.Int("pairs", 4, "how many pairs of crashes to sample, from -first on")
	scenarios  = flag.String("scenarios", "", "crash in those only whose name matches this expression")
)

// dryRun is a scenario without a crash, and where it can be crashed.
type dryRun struct {
	Scenario
	result Result
	points []Point
}

var (
	dry, dryAlone []dryRun
	dryOnce       sync.Once
)

// dryRuns runs all scenarios, once for all tests.
func dryRuns(t *testing.T) []dryRun {
	dryOnce.Do(func() {
		for _, s := range Scenarios() {
			r, points := s.DryRun(t)
			dry = append(dry, dryRun{s, r, points})
			if alone, ok := s.alone(); ok {
				r, points := alone.DryRun(t)
				dryAlone = append(dryAlone, dryRun{alone, r, points})
			}
		}
	})
	return dry
}

// aloneRuns are those in which nobody asks.
func aloneRuns(t *testing.T) []dryRun {
	dryRuns(t)
	return dryAlone
}

// TestCrashPoints runs the scenarios without a crash. With -every-crash it also
// holds the list of crash points to what the functions call now, and in which
// order: it is made by runs, not kept by hand.
func TestCrashPoints(t *testing.T) {
	var b strings.Builder
	for _, s := range dryRuns(t) {
		if len(s.result.Violations) > 0 {
			t.Errorf("%s: without a crash:\n%v", s.Name, s.result)
		}
		b.WriteString("# " + s.Name + "\n\n" + Sequences(s.points) + "\n")
	}
	for _, s := range aloneRuns(t) {
		if len(s.result.Violations) > 0 {
			t.Errorf("%s: without a crash:\n%v", s.Name, s.result)
		}
	}
	golden := filepath.Join("testdata", "crash-points.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil { //nolint:gosec // no secret
			t.Fatal(err)
		}
	}
	if !*everyCrash {
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the functions make other calls than %s lists, or in another order: run go test ./localdev/sim -run TestCrashPoints -update and look at the difference", golden)
	}
}

// TestCrashAtEveryCall kills the function before and after each of its calls, with
// members who ask and with members who do not, and has the room start over before
// each call that is about its log: what a head's deletion changes shows in no
// other.
func TestCrashAtEveryCall(t *testing.T) {
	every := 1
	if !*everyCrash {
		every = 331 // a sample; make sim-crash does all
	}
	type crash struct {
		dryRun
		at   Point
		kind Kind
	}
	var all []crash
	for _, s := range append(slices.Clone(dryRuns(t)), aloneRuns(t)...) {
		for _, p := range s.points {
			for _, kind := range []Kind{KillBefore, KillAfter, Forget} {
				if kind != Forget || (p.onLog() && !s.Alone) {
					all = append(all, crash{s, p, kind})
				}
			}
		}
	}
	n, chosen := len(all), regexp.MustCompile(*scenarios)
	var some []crash
	for i, c := range all {
		if (i+1)%every == 0 && chosen.MatchString(c.Name) {
			some = append(some, c)
		}
	}
	onAllCores(t, some, func(t *testing.T, c crash) {
		if r := c.Crash(t, c.kind, c.at); len(r.Violations) > 0 {
			t.Errorf("%s: %s of %s #%d, %s:\n%v", c.Name, c.kind, c.at.Function, c.at.Nth, c.at.Label, r)
		}
	})
	t.Logf("%d of %d crashes", len(some), n)
}

// TestCrashPairs kills functions at two points of one run: what the second death
// meets is what the first has left. Points and scenario are made of a number.
func TestCrashPairs(t *testing.T) {
	all := append(slices.Clone(dryRuns(t)), aloneRuns(t)...)
	numbers := make([]uint64, *pairs)
	for i := range numbers {
		numbers[i] = *first + uint64(i) //nolint:gosec // positive
	}
	chosen := regexp.MustCompile(*scenarios)
	all = slices.DeleteFunc(all, func(s dryRun) bool { return !chosen.MatchString(s.Name) })
	onAllCores(t, numbers, func(t *testing.T, number uint64) {
		r := stream(number, "pair")
		s := pick(r, all...)
		var faults []Fault
		for range 2 {
			p := pick(r, s.points...)
			faults = append(faults, Fault{Kind: pick(r, KillBefore, KillAfter, KillAfter), Function: p.Function, Nth: p.Nth})
		}
		if result := Run(t, s.config(faults...)); len(result.Violations) > 0 {
			t.Errorf("pair %d, %s:\n%v", number, s.Name, result)
		}
	})
	t.Logf("%d pairs", len(numbers))
}

// onAllCores runs f for each of all, as many at once as there are cores.
func onAllCores[T any](t *testing.T, all []T, f func(*testing.T, T)) {
	next := make(chan T)
	go func() {
		defer close(next)
		for _, one := range all {
			next <- one
		}
	}()
	t.Run("all", func(t *testing.T) {
		for core := range runtime.GOMAXPROCS(0) {
			t.Run(strconv.Itoa(core), func(t *testing.T) {
				t.Parallel()
				for one := range next {
					f(t, one)
				}
			})
		}
	})
}
