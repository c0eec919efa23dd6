package sim

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	everyCrash = flag.Bool("every-crash", false, "crash at every point, rather than at one in some")
	update     = flag.Bool("update", false, "write testdata/crash-points.txt")
	scenarios  = flag.String("scenarios", "", "crash in those only whose name matches this expression")
)

// dryRun is a scenario without a crash, and where it can be crashed.
type dryRun struct {
	Scenario
	result Result
	points []Point
}

var (
	dry     []dryRun
	dryOnce sync.Once
)

// dryRuns runs all scenarios, once for all tests.
func dryRuns(t *testing.T) []dryRun {
	dryOnce.Do(func() {
		for _, s := range Scenarios() {
			r, points := s.DryRun(t)
			dry = append(dry, dryRun{s, r, points})
		}
	})
	return dry
}

// TestCrashPoints runs the scenarios without a crash. With -every-crash it also
// holds the list of crash points to what the functions call now: it is made by
// runs, not kept by hand.
func TestCrashPoints(t *testing.T) {
	var b strings.Builder
	for _, s := range dryRuns(t) {
		if len(s.result.Violations) > 0 {
			t.Errorf("%s: without a crash:\n%v", s.Name, s.result)
		}
		b.WriteString("# " + s.Name + "\n" + List(s.points) + "\n")
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
		t.Errorf("the functions make other calls than %s lists: run go test ./localdev/sim -run TestCrashPoints -update and look at the difference", golden)
	}
}

// TestCrashAtEveryCall kills the function before and after each of its calls, and
// has the room start over before each that is about its log: what a head's
// deletion changes shows in no other.
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
	for _, s := range dryRuns(t) {
		for _, p := range s.points {
			for _, kind := range []Kind{KillBefore, KillAfter, Forget} {
				if kind != Forget || p.onLog() {
					all = append(all, crash{s, p, kind})
				}
			}
		}
	}
	n, chosen := len(all), regexp.MustCompile(*scenarios)
	next := make(chan crash)
	go func() {
		defer close(next)
		for i, c := range all {
			if (i+1)%every == 0 && chosen.MatchString(c.Name) {
				next <- c
			}
		}
	}()
	var crashes atomic.Int64
	t.Run("all", func(t *testing.T) {
		for core := range runtime.GOMAXPROCS(0) {
			t.Run(strconv.Itoa(core), func(t *testing.T) {
				t.Parallel()
				for c := range next {
					crashes.Add(1)
					if r := c.Crash(t, c.at, c.kind); len(r.Violations) > 0 {
						t.Errorf("%s: %s of %s #%d, %s:\n%v", c.Name, c.kind, c.at.Function, c.at.Nth, c.at.Label, r)
					}
				}
			})
		}
	})
	t.Logf("%d of %d crashes", crashes.Load(), n)
}
