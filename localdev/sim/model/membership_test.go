package model

import "testing"

// kinds are all sequences of joins and leaves.
func kinds() [][commands]bool {
	all := make([][commands]bool, 1<<commands)
	for n := range all {
		for i := range commands {
			all[n][i] = n>>i&1 == 1
		}
	}
	return all
}

// explore explores all sequences and returns the first report that says what is
// broken.
func explore(t *testing.T, bugs MembershipBugs, crashes, lates uint8, removed bool) Report[Membership] {
	t.Helper()
	var sum Report[Membership]
	for _, leaves := range kinds() {
		r, err := ExploreMembership(bugs, leaves, crashes, lates, removed, most)
		if err != nil {
			t.Fatal(err)
		}
		if r.Broken != "" {
			return r
		}
		sum.States += r.States
		sum.Steps += r.Steps
		sum.Ends += r.Ends
	}
	return sum
}

func TestMembershipHolds(t *testing.T) {
	for _, tt := range []struct {
		name           string
		crashes, lates uint8
		removed, large bool
	}{
		{"two crashes", 2, 0, false, false},
		{"two crashes, the connection ends", 2, 0, true, false},
		{"a crash and a late request", 1, 1, false, false},
		{"a crash and a late request, the connection ends", 1, 1, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.large && !*large {
				t.Skip("takes long: -large")
			}
			report(t, explore(t, MembershipBugs{}, tt.crashes, tt.lates, tt.removed), nil)
		})
	}
}

func TestMembershipBugsAreFound(t *testing.T) {
	for name, tt := range map[string]struct {
		bugs    MembershipBugs
		lates   uint8
		removed bool
	}{
		"a join is written over a newer leave":                  {MembershipBugs{PutAnyway: true}, 0, false},
		"a leave is written over a newer join":                  {MembershipBugs{LeaveAnyway: true}, 0, false},
		"a leave drops the room of a newer join":                {MembershipBugs{DropAnyway: true}, 0, false},
		"the membership is written before the room":             {MembershipBugs{PutFirst: true}, 0, false},
		"the connection ends though a join is under way":        {MembershipBugs{EndAnyway: true}, 0, true},
		"the removal takes away the mark that keeps a join out": {MembershipBugs{DeleteMarks: true}, 0, true},
		"the removal asks too late whether a join is under way": {MembershipBugs{LookLate: true}, 0, true},
		"a late join takes the room from a newer one":           {MembershipBugs{ListAnyway: true}, 1, false},
		"a late join sets the latest join back":                 {MembershipBugs{SetBack: true}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			found(t, explore(t, tt.bugs, 0, tt.lates, tt.removed), nil)
		})
	}
}
