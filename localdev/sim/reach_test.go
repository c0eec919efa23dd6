package sim

import (
	"strings"
	"testing"
)

// TestRoomsStartOver shows that the classes with new epochs reach what they are
// there for.
func TestRoomsStartOver(t *testing.T) {
	for _, tt := range []struct {
		class string
		seeds []uint64
	}{{"new epoch", []uint64{3}}, {"room forgotten", []uint64{1, 2}}} {
		t.Run(tt.class, func(t *testing.T) {
			epochs, told := 0, 0
			for _, seed := range tt.seeds {
				r := Run(t, Config{Seed: seed, Class: tt.class})
				if len(r.Violations) > 0 {
					t.Errorf("%v", r)
				}
				epochs += r.Epochs
				told += strings.Count(r.Trace(), "reset: epoch")
			}
			t.Logf("%d epochs ended, and members of them were told %d times", epochs, told)
			if epochs < 2*len(tt.seeds) || told == 0 {
				t.Error("too few")
			}
		})
	}
}
