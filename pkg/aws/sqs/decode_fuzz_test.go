package sqs

import "testing"

// A dead letter in any form yields wake-ups for rooms or none, and an unreadable
// one does not hide its neighbours.
func FuzzDecode(f *testing.F) {
	f.Add(`{"Type":"Notification","Message":"{\"kind\":\"drain\",\"room\":\"lobby\"}"}`)
	f.Add(`{"Records":[{"Sns":{"Message":"{\"kind\":\"drain\",\"room\":\"a\"}"}},{"Sns":{"Message":"{"}}]}`)
	f.Add(`{"Records":[{"Sns":null}]}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, w := range decode(body) {
			if w.Room == "" {
				t.Fatalf("a wake-up for no room from %q", body)
			}
		}
	})
}

func TestBrokenLetterKeepsItsNeighbours(t *testing.T) {
	t.Parallel()
	wakes := decode(`{"Records":[{"Sns":{"Message":"{"}},{"Sns":{"Message":"{\"kind\":\"drain\",\"room\":\"a\"}"}},{"Sns":{"Message":"null"}}]}`)
	if len(wakes) != 1 || wakes[0].Room != "a" {
		t.Errorf("read %+v", wakes)
	}
}
