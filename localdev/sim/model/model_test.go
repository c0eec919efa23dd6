package model

import "testing"

// most bounds what one exploration may need of memory.
const most = 8_000_000

func TestProtocolHolds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config Config
	}{
		{"two messages, a voiding reader, a crash", Config{Crashes: 1, Voids: 1}},
		{"two messages, a voiding reader, a wake-up doubled", Config{Voids: 1, Doubles: 1}},
		{"one message sent twice, a voiding reader, a crash", Config{SameKey: true, Crashes: 1, Voids: 1}},
		{"two messages, a drainer out of time, a crash", Config{HandOns: 1, Crashes: 1}},
		{"two messages, a member joins, a crash", Config{Joins: true, Crashes: 1}},
		{"two messages, two crashes", Config{Crashes: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Most = most
			r, err := Explore(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d states, %d steps, %d ends", r.States, r.Steps, r.Ends)
			if r.Broken != "" {
				t.Errorf("%s", r.Broken)
				for _, s := range r.Path {
					t.Logf("%+v", s)
				}
			}
		})
	}
}

// TestBugsAreFound shows that the exploration finds what it is there to find.
func TestBugsAreFound(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config Config
	}{
		{"release without looking at the head", Config{Bugs: Bugs{ReleaseAnyway: true}}},
		{"release of another's lease", Config{Bugs: Bugs{ReleaseOfOthers: true, ReleaseAnyway: true}}},
		{"fill without looking what stands there", Config{Bugs: Bugs{FillAnyway: true}, Voids: 1}},
		{"claim without looking who has the key", Config{Bugs: Bugs{MarkAnyway: true}, SameKey: true}},
		{"move a key that another has moved", Config{Bugs: Bugs{MoveAnyway: true}, SameKey: true, Voids: 1}},
		{"read before the membership is written", Config{Bugs: Bugs{ReadBeforeEnter: true}, Joins: true}},
		{"members before entries", Config{Bugs: Bugs{MembersFirst: true}, Joins: true}},
		{"wake before the entry is there", Config{Bugs: Bugs{WakeFirst: true}, Crashes: 1}},
		{"a dead run is not repeated", Config{Bugs: Bugs{NeverRetried: true}, Crashes: 1}},
		{"the pointer moves before the posts", Config{Bugs: Bugs{ForgetOnRelease: true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Most = most
			r, err := Explore(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			if r.Broken == "" {
				t.Fatalf("not found in %d states", r.States)
			}
			t.Logf("after %d steps: %s", len(r.Path)-1, r.Broken)
		})
	}
}
