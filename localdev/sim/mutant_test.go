package sim

import "testing"

// TestMutants shows that the checker sees what it is there to see: every
// deliberate bug is found within the number of seeds that it states.
func TestMutants(t *testing.T) {
	for _, m := range Mutants() {
		t.Run(m.Name, func(t *testing.T) {
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
	for seed := uint64(1); seed <= uint64(m.Seeds); seed++ { //nolint:gosec // positive
		if r := Run(t, Config{Seed: seed, Mutant: m}); len(r.Violations) > 0 {
			t.Errorf("%v", r)
		}
	}
}
