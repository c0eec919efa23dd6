package model

import "testing"

func TestDeliveryHolds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		large bool
		left  Faults
	}{
		{"a refusal", false, Faults{Refusals: 1}},
		{"a refusal and another join", false, Faults{Refusals: 1, Joins: 1}},
		{"two refusals and another join", true, Faults{Refusals: 2, Joins: 1}},

		{"a refusal, another join, out of time", true, Faults{Refusals: 1, Joins: 1, HandOns: 1}},
		{"a refusal, another join, a crash", true, Faults{Refusals: 1, Joins: 1, Crashes: 1}},
		{"two refusals, another join, a request late", true, Faults{Refusals: 2, Joins: 1, Lates: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.large && !*large {
				t.Skip("takes long: -large")
			}
			r, err := ExploreDelivery(DeliveryConfig{Left: tt.left, Most: most})
			report(t, r, err)
		})
	}
}

func TestDeliveryBugsAreFound(t *testing.T) {
	refused := Faults{Refusals: 1}
	rejoined := Faults{Refusals: 1, Joins: 1}
	twice := Faults{Refusals: 2, Joins: 1}
	late := Faults{Refusals: 1, Joins: 1, Lates: 1}
	for _, tt := range []struct {
		name string
		bugs DeliveryBugs
		left Faults
	}{
		{"read before the membership is written", DeliveryBugs{ReadBeforeEnter: true}, refused},
		{"members before entries", DeliveryBugs{MembersFirst: true}, refused},
		{"the pointer does not wait for the outboxes", DeliveryBugs{PointerFirst: true}, refused},
		{"an outbox is emptied before the member is on record", DeliveryBugs{EmptyFirst: true}, refused},
		{"an outbox is emptied by the next offer, before the member is on record", DeliveryBugs{OfferEmpties: true}, refused},
		{"the member is told once and nothing is recorded", DeliveryBugs{NoRecord: true}, refused},
		{"the membership is flagged before the connection", DeliveryBugs{FlagFirst: true}, refused},
		{"an outbox stays stopped for a newer join", DeliveryBugs{StaysStopped: true}, rejoined},
		{"giving up an older join empties a newer one's outbox", DeliveryBugs{KeepsLine: true}, rejoined},
		{"a membership is flagged whatever join stands there", DeliveryBugs{FlagAnyway: true}, rejoined},
		{"a record is written over a newer join's", DeliveryBugs{MarkAnyway: true}, twice},
		{"a record is cleared whatever join it is for", DeliveryBugs{ClearAnyway: true}, twice},
		{"a record is cleared of a member that refused to be told", DeliveryBugs{ClearUntold: true}, twice},
		{"a join is written over a newer one", DeliveryBugs{PutAnyway: true}, late},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ExploreDelivery(DeliveryConfig{DeliveryBugs: tt.bugs, Left: tt.left, Most: most})
			found(t, r, err)
		})
	}
}
