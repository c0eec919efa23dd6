package console

import "testing"

// TestSlowViewerGetsTheLatest is told each place once, whatever happened since.
func TestSlowViewerGetsTheLatest(t *testing.T) {
	t.Parallel()
	b := newBoard()
	b.put("room", "old", 1)
	v, _ := b.join()
	for n := range 100 {
		b.put("room", "lobby", n)
	}
	b.keep("room", map[string]bool{"lobby": true})
	got := b.take(v)
	if len(got) != 2 || got[0].Key != "lobby" || string(got[0].Value) != "99" || string(got[1].Value) != "null" {
		t.Errorf("took %s", got)
	}
	b.put("room", "lobby", 99)
	if again := b.take(v); len(again) != 0 {
		t.Errorf("told again what it knows: %v", again)
	}
	b.close()
	if _, open := <-v.wake; open {
		<-v.wake // the token of the changes above, then the end
	}
	if _, ok := b.join(); ok {
		t.Error("a closed board let one in")
	}
}
