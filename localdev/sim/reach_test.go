package sim

import (
	"strings"
	"testing"
)

// TestLargeRooms shows that the class comes to rooms whose members take several
// pages, messages that take several frames, and logs that take several answers.
func TestLargeRooms(t *testing.T) {
	r := Run(t, Config{Seed: 1, Class: "large room"})
	if len(r.Violations) > 0 {
		t.Errorf("%v", r)
	}
	t.Logf("%+v", r.Reach)
	if r.Reach.Members < 25 || r.Reach.Pages < 20 || r.Reach.Splits < 10 || r.Reach.Mores < 2 {
		t.Error("too little")
	}
}

// TestRoomsStartOver shows that the classes with new epochs reach what they are
// there for.
func TestRoomsStartOver(t *testing.T) {
	for _, tt := range []struct {
		class string
		seeds []uint64
	}{{"new epoch", []uint64{3}}, {"room forgotten", []uint64{1}}} {
		t.Run(tt.class, func(t *testing.T) {
			epochs, told := 0, 0
			for _, seed := range tt.seeds {
				r := Run(t, Config{Seed: seed, Class: tt.class})
				if len(r.Violations) > 0 {
					t.Errorf("%v", r)
				}
				epochs += r.Reach.Epochs
				told += strings.Count(r.Trace(), "reset: epoch")
			}
			t.Logf("%d epochs ended, and members of them were told %d times", epochs, told)
			if epochs < 2*len(tt.seeds) || told == 0 {
				t.Error("too few")
			}
		})
	}
}
