package sim

import (
	"flag"
	"testing"
)

var allMutants = flag.Bool("all-mutants", false, "hunt also for those that take many seeds")

// quick is how many seeds a mutant may take in every test run.
const quick = 5

// TestMutants shows that the checker sees what it is there to see: every
// deliberate bug is found within the number of seeds that it states.
func TestMutants(t *testing.T) {
	for _, m := range Mutants() {
		t.Run(m.Name, func(t *testing.T) {
			if m.Seeds > quick && !*allMutants {
				t.Skip("takes many seeds: make sim-mutants")
			}
			for seed := uint64(1); seed <= uint64(m.Seeds); seed++ { //nolint:gosec // positive
				r := Run(t, Config{Seed: seed, Class: m.Class, Mutant: m})
				if len(r.Violations) > 0 {
					t.Logf("found by seed %d of %d: %v", seed, m.Seeds, r.Violations[0])
					return
				}
			}
			t.Errorf("not found in %d seeds", m.Seeds)
		})
	}
}

// TestOneWrongGone is the counterpart of the mutant that believes the first 410.
func TestOneWrongGone(t *testing.T) {
	m := Control()
	for seed := uint64(1); seed <= 2; seed++ {
		if r := Run(t, Config{Seed: seed, Mutant: m}); len(r.Violations) > 0 {
			t.Errorf("%v", r)
		}
	}
}
