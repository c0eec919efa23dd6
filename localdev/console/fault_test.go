package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/console"
	"github.com/gapless-rooms/gapless/localdev/stack"
)

// happened reports whether an activity's text begins so.
func (p *page) happened(text string) func() bool {
	return func() bool {
		for _, list := range all[[]console.Activity](p, "activity") {
			for _, a := range list {
				if strings.HasPrefix(a.Text, text) {
					return true
				}
			}
		}
		return false
	}
}

func TestCutIsHealed(t *testing.T) {
	t.Parallel()
	p := setup(t)
	ada, bob := p.join("ada"), p.join("bob")
	was := p.connectionOf("bob")
	p.strike("cut", was)
	p.await("it is closed", p.happened("closed with 1006"))
	p.publish(ada, "missed or not")
	p.next(bob)
	if now := p.connectionOf("bob"); now == was {
		t.Error("bob's old connection is still open")
	}
}

func TestLostDisconnectLeavesATraceUntilSwept(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.join("ada")
	id := p.connectionOf("ada")
	p.strike("lose-disconnect", id)
	p.await("the table alone knows it", func() bool {
		c := all[connection](p, "connection")[id]
		return c.Known && !c.Open
	})
	for range 2 { // it takes two signs
		p.post("advance", map[string]int{"seconds": 900})
		p.strike("sweep", "")
	}
	p.await("nothing is left of it", func() bool {
		_, left := all[connection](p, "connection")[id]
		return !left
	})
}

func TestFrozenClientIsShownAndThaws(t *testing.T) {
	t.Parallel()
	p := setup(t)
	ada, bob := p.join("ada"), p.join("bob")
	id := p.connectionOf("bob")
	p.strike("freeze", id)
	p.await("it is frozen", func() bool { return all[connection](p, "connection")[id].Frozen })
	p.publish(ada, "later")
	p.strike("thaw", id)
	p.next(bob)
	p.await("it is not frozen", func() bool { return !all[connection](p, "connection")[id].Frozen })
}

// TestWhatRunsInContainersIsNotKilled wants the button to say so, and not to
// stay pressed for a broadcaster that cannot be had.
func TestWhatRunsInContainersIsNotKilled(t *testing.T) {
	t.Parallel()
	p := setupOn(t, stack.Config{NoSchedule: true, SAM: "http://127.0.0.1:1"})
	if status := p.post("fault/kill-broadcaster", map[string]string{}); status != http.StatusConflict {
		t.Errorf("status %d", status)
	}
	p.await("it is not armed", func() bool {
		armed, known := all[struct{ Kill bool }](p, "armed")[""]
		if armed.Kill {
			t.Error("it is armed")
		}
		return known
	})
}

func TestKilledBroadcasterIsRetried(t *testing.T) {
	t.Parallel()
	p := setup(t)
	ada, bob := p.join("ada"), p.join("bob")
	p.strike("kill-broadcaster", "")
	p.publish(ada, "through")
	p.await("it is to be tried again", p.happened("broadcast is tried again"))
	p.await("the room waits under a dead lease", func() bool {
		r := all[struct {
			Head, Delivered uint64
			Owner           string
		}](p, "room")["lobby"]
		return r.Head == 1 && r.Delivered == 0 && r.Owner != ""
	})
	p.post("advance", map[string]int{"seconds": 60})
	if m := p.next(bob); string(m.Data) != `"through"` {
		t.Errorf("bob got %s", m.Data)
	}
}

func TestWrong410ReapsNobody(t *testing.T) {
	t.Parallel()
	p := setup(t)
	ada, bob := p.join("ada"), p.join("bob")
	id := p.connectionOf("bob")
	p.strike("wrong-410", id)
	p.publish(ada, 1)
	p.await("it was answered", p.happened("POST answered 410"))
	p.strike("sweep", "")
	if now := p.connectionOf("bob"); now != id {
		t.Error("bob has another connection")
	}
	p.publish(ada, 2)
	for want := range 2 {
		if m := p.next(bob); m.Seq != uint64(want+1) {
			t.Errorf("bob got #%d", m.Seq)
		}
	}
}

func TestExpiredTokenEndsTheConnection(t *testing.T) {
	t.Parallel()
	p := setup(t)
	ada, bob := p.join("ada"), p.join("bob")
	was := p.connectionOf("bob")
	p.strike("expire-token", was)
	p.await("it is closed", func() bool { return !all[connection](p, "connection")[was].Open })
	p.publish(ada, "after")
	p.next(bob)
}

func TestFaultsThatCannotBe(t *testing.T) {
	t.Parallel()
	p := setup(t)
	if status := p.post("fault/cut", map[string]string{"connection": "nobody"}); status != http.StatusConflict {
		t.Errorf("cut nobody: status %d", status)
	}
	if status := p.post("fault/earthquake", struct{}{}); status != http.StatusNotFound {
		t.Errorf("unknown fault: status %d", status)
	}
	if status := p.post("advance", map[string]int{"seconds": -1}); status != http.StatusBadRequest {
		t.Errorf("back in time: status %d", status)
	}
	if status := p.post("token", map[string]string{"user": ""}); status != http.StatusBadRequest {
		t.Errorf("token for nobody: status %d", status)
	}
}
