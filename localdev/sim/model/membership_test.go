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
func explore(t *testing.T, bugs MembershipBugs, crashes uint8, removed bool) Report[Membership] {
	t.Helper()
	var sum Report[Membership]
	for _, leaves := range kinds() {
		r, err := ExploreMembership(bugs, leaves, crashes, removed, most)
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
	for _, removed := range []bool{false, true} {
		r := explore(t, MembershipBugs{}, 2, removed)
		t.Logf("every sequence of %d joins and leaves, two crashes, connection ends %t: %d states, %d steps, %d ends",
			commands, removed, r.States, r.Steps, r.Ends)
		if r.Broken != "" {
			t.Errorf("%s", r.Broken)
			for _, s := range r.Path {
				t.Logf("%+v", s)
			}
		}
	}
}

func TestMembershipBugsAreFound(t *testing.T) {
	for name, tt := range map[string]struct {
		bugs    MembershipBugs
		removed bool
	}{
		"a join is written over a newer leave":                  {MembershipBugs{PutAnyway: true}, false},
		"a leave is written over a newer join":                  {MembershipBugs{LeaveAnyway: true}, false},
		"a leave drops the room of a newer join":                {MembershipBugs{DropAnyway: true}, false},
		"the membership is written before the room":             {MembershipBugs{PutFirst: true}, false},
		"the connection ends though a join is under way":        {MembershipBugs{EndAnyway: true}, true},
		"the removal takes away the mark that keeps a join out": {MembershipBugs{DeleteMarks: true}, true},
		"the removal asks too late whether a join is under way": {MembershipBugs{LookLate: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := explore(t, tt.bugs, 0, tt.removed)
			if r.Broken == "" {
				t.Fatalf("not found in %d states", r.States)
			}
			t.Logf("after %d steps: %s", len(r.Path)-1, r.Broken)
		})
	}
}
