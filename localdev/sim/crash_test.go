package sim

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	everyCrash = flag.Bool("every-crash", false, "crash at every point, rather than at one in some")
	update     = flag.Bool("update", false, "write testdata/crash-points.txt")
)

// TestCrashPoints runs the scenarios without a crash. With -every-crash it also
// holds the list of crash points to what the functions call now: it is made by
// runs, not kept by hand.
func TestCrashPoints(t *testing.T) {
	var b strings.Builder
	for _, s := range Scenarios() {
		r, points := s.DryRun(t)
		if len(r.Violations) > 0 {
			t.Errorf("%s: without a crash:\n%v", s.Name, r)
		}
		b.WriteString("# " + s.Name + "\n" + List(points) + "\n")
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
	n, crashes := 0, 0
	for _, s := range Scenarios() {
		_, points := s.DryRun(t)
		for _, p := range points {
			for _, kind := range []Kind{KillBefore, KillAfter, Forget} {
				if kind == Forget && !p.onLog() {
					continue
				}
				if n++; n%every != 0 {
					continue
				}
				crashes++
				if r := s.Crash(t, p, kind); len(r.Violations) > 0 {
					t.Errorf("%s: %s of %s #%d, %s:\n%v", s.Name, kind, p.Function, p.Nth, p.Label, r)
				}
			}
		}
	}
	t.Logf("%d of %d crashes", crashes, n)
}
