package model

import (
	"flag"
	"testing"
)

// large explores the configurations that take minutes.
var large = flag.Bool("large", false, "explore what takes minutes as well: make sim-model")

// most bounds what one exploration may need: about 2 GB.
const most = 12_000_000

// different, same and both are which messages three publishers send.
var (
	different = [publishers]uint8{0, 1, 2}
	same      = [publishers]uint8{0, 0, 0}
	both      = [publishers]uint8{0, 0, 1}
)

// report fails the test if something does not hold, and tells how it comes to
// that.
func report[S any](t *testing.T, r Report[S], err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d states, %d steps, %d ends", r.States, r.Steps, r.Ends)
	if r.Broken == "" {
		return
	}
	t.Error(r.Broken)
	for _, step := range Steps(r.Path) {
		t.Log(step)
	}
}

// found fails the test if nothing is broken.
func found[S any](t *testing.T, r Report[S], err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if r.Broken == "" {
		t.Fatalf("not found in %d states", r.States)
	}
	t.Logf("after %d steps, %d states: %s", len(r.Path)-1, r.States, r.Broken)
}

func TestProtocolHolds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		large  bool
		config Config
	}{
		{"two messages", false, Config{Only: 2, Keys: different, Left: Budget{Crashes: 1, Lates: 1}}},
		{"one message twice", false, Config{Only: 2, Keys: same, Left: Budget{Crashes: 1, Lates: 1}}},
		{"one message twice, two requests late", false, Config{Only: 2, Keys: same, Left: Budget{Lates: 2}}},
		{"two messages, the head deleted", false, Config{Only: 2, Keys: different, Left: Budget{Deletions: 1, Lates: 1}}},
		{"one message twice, the head deleted", false, Config{Only: 2, Keys: same, Left: Budget{Deletions: 1, Lates: 1}}},
		{"one message three times, a crash", false, Config{Keys: same, Left: Budget{Crashes: 1}}},
		{"two messages, a wake-up lost", false, Config{Only: 2, Keys: different, Sweeps: true, Left: Budget{Losses: 1, Crashes: 1}}},

		{"three messages, a crash", true, Config{Keys: different, Left: Budget{Crashes: 1}}},
		{"three messages, out of time, a voiding reader", true, Config{Keys: different, Left: Budget{HandOns: 1, Voids: 1}}},
		{"one message three times, a request late", true, Config{Keys: same, Left: Budget{Lates: 1}}},
		{"one message twice and another, a crash", true, Config{Keys: both, Left: Budget{Crashes: 1}}},
		{"one message twice and another, a request late", true, Config{Keys: both, Left: Budget{Lates: 1}}},
		{"three messages, the head deleted, a request late", true, Config{Keys: different, Left: Budget{Deletions: 1, Lates: 1}}},
		{"one message twice and another, the head deleted, a request late", true, Config{Keys: both, Left: Budget{Deletions: 1, Lates: 1}}},
		{"one message twice and another, the head deleted, a crash", true, Config{Keys: both, Left: Budget{Deletions: 1, Crashes: 1}}},
		{"two messages, each fault once", true, Config{Only: 2, Keys: different, Left: Budget{Crashes: 1, Lates: 1, Deletions: 1, HandOns: 1, Voids: 1}}},
		{"one message twice, a crash, two requests late", true, Config{Only: 2, Keys: same, Left: Budget{Crashes: 1, Lates: 2}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.large && !*large {
				t.Skip("takes long: -large")
			}
			tt.config.Most = most
			r, err := Explore(tt.config)
			report(t, r, err)
		})
	}
}

// TestBugsAreFound shows that the exploration finds what it is there to find.
func TestBugsAreFound(t *testing.T) {
	for _, tt := range []struct {
		name   string
		large  bool
		bugs   Bugs
		config Config
	}{
		{"release without looking at the head", false, Bugs{ReleaseAnyway: true}, Config{Only: 2, Keys: different}},
		{"release of another's lease", false, Bugs{ReleaseOfOthers: true}, Config{Only: 2, Keys: different, Left: Budget{Deletions: 1}}},
		{"fill without looking what stands there", false, Bugs{FillAnyway: true}, Config{Only: 2, Keys: same, Left: Budget{Voids: 1}}},
		{"claim without looking who has the key", false, Bugs{MarkAnyway: true}, Config{Only: 2, Keys: same}},
		{"move a key that another has moved", false, Bugs{MoveAnyway: true}, Config{Only: 2, Keys: same, Left: Budget{Voids: 1}}},
		{"wake before the entry is there", false, Bugs{WakeFirst: true}, Config{Only: 2, Keys: different}},
		{"a dead run is not repeated", false, Bugs{NeverRetried: true}, Config{Only: 2, Keys: different, Left: Budget{Crashes: 1}}},
		{"the pointer moves before the entries are offered", false, Bugs{PointerFirst: true}, Config{Only: 2, Keys: different}},
		{"a lease counts that was seen before the number was handed out", false, Bugs{TrustAnyLease: true}, Config{Keys: both, Left: Budget{Crashes: 1}}},
		{"a lease of another log counts", true, Bugs{TrustOtherLog: true}, Config{Keys: both, Left: Budget{Deletions: 1, Crashes: 1}}},
		{"what stands at one's number counts as one's own", false, Bugs{TrustForeign: true}, Config{Only: 2, Keys: different, Left: Budget{Deletions: 1, Lates: 1}}},
		{"a request for the lease that does not say which was seen", false, Bugs{NoGeneration: true}, Config{Only: 2, Keys: different, Left: Budget{Lates: 1}}},
		{"the generation stays when the lease is given back", false, Bugs{ReleaseKeepsGeneration: true}, Config{Only: 2, Keys: different, Left: Budget{Lates: 1}}},
		{"a wake-up is lost and nobody sweeps", false, Bugs{}, Config{Only: 2, Keys: different, Left: Budget{Losses: 1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.large && !*large {
				t.Skip("takes long: -large")
			}
			tt.config.Bugs, tt.config.Most = tt.bugs, most
			r, err := Explore(tt.config)
			found(t, r, err)
		})
	}
}
