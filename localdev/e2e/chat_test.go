package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

func ptr[T any](v T) *T { return &v }

func TestTwoClientsChat(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(ada, "lobby", nil, "")
	join(bob, "lobby", nil, "")

	first := publish(ada, "lobby", m{"text": "hello"}, "k1")
	if first.Seq != 1 || first.Duplicate || first.Epoch == "" {
		t.Fatalf("first publish: %+v", first)
	}
	got := bob.receive(0, 1)[0]
	if got.User != "ada" || string(got.Data) != `{"text":"hello"}` || got.Key != "k1" || got.At == 0 {
		t.Fatalf("bob got %+v", got)
	}
	if second := publish(bob, "lobby", "hi", ""); second.Seq != 2 || second.Epoch != first.Epoch {
		t.Fatalf("second publish: %+v", second)
	}
	// A publisher gets its own message as the reply, not as a push.
	if got := ada.receive(1, 2); len(got) != 1 || got[0].User != "bob" {
		t.Fatalf("ada got %+v", got)
	}
}

func TestCutClientGetsExactlyWhatItMissed(t *testing.T) {
	t.Parallel()
	const missed = 250
	s := start(t, stack.Config{Environ: map[string]string{"GAPLESS_PUBLISH_RATE": "1000"}})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	hello := call[protocol.HelloResult](bob, m{"action": "hello", "session": "bob-1"})
	joined := join(bob, "lobby", nil, "")
	publish(ada, "lobby", 1, "")
	if got := bob.receive(joined.Head, 1); len(got) != 1 {
		t.Fatalf("before the cut bob got %v", got)
	}
	epoch := publish(ada, "lobby", 2, "").Epoch
	bob.receive(1, 2)
	if err := s.Gateway.Faults().Cut(hello.ConnectionID); err != nil {
		t.Fatal(err)
	}
	<-bob.done
	for i := range missed {
		publish(ada, "lobby", m{"n": i + 3, "pad": strings.Repeat("x", 500)}, "")
	}

	again := connect(t, s, "bob")
	p := join(again, "lobby", ptr(uint64(2)), epoch)
	got := p.Messages
	for p.More {
		if !p.Recovered {
			t.Fatalf("not recovered: %+v", p)
		}
		last := got[len(got)-1].Seq
		p = call[page](again, m{"action": "history", "room": "lobby", "since": last, "epoch": epoch})
		got = append(got, p.Messages...)
	}
	if last := 2 + uint64(len(got)); last < missed+2 { // what was still being drained comes live
		got = append(got, again.receive(last, missed+2)...)
	}
	if len(got) != missed {
		t.Fatalf("got %d messages, want %d", len(got), missed)
	}
	for i, e := range got {
		if want := uint64(i + 3); e.Seq != want || !strings.HasPrefix(string(e.Data), fmt.Sprintf(`{"n":%d,`, want)) {
			t.Fatalf("message %d is %d %.20s", want, e.Seq, e.Data)
		}
	}
}

func TestPublishRetriedOverNewConnectionAppearsOnce(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(bob, "lobby", nil, "")
	first := publish(ada, "lobby", "once", "the-key")
	ada.close()
	again := connect(t, s, "ada")
	retry := publish(again, "lobby", "once", "the-key")
	if !retry.Duplicate || retry.Seq != first.Seq || retry.Epoch != first.Epoch {
		t.Fatalf("first %+v, retry %+v", first, retry)
	}
	// Another user's key is another key.
	other := publish(bob, "lobby", "other", "the-key")
	if other.Duplicate {
		t.Fatalf("bob's own key counted as ada's: %+v", other)
	}
	p := call[page](bob, m{"action": "history", "room": "lobby", "since": 0})
	var texts []string
	for _, e := range p.Messages {
		if !e.Void {
			texts = append(texts, string(e.Data))
		}
	}
	if want := []string{`"once"`, `"other"`}; fmt.Sprint(texts) != fmt.Sprint(want) {
		t.Fatalf("log holds %v, want %v", texts, want)
	}
}

func TestFiftyClientsPublishAtOnce(t *testing.T) {
	t.Parallel()
	const clients, each = 50, 4
	// On a machine that is short of time, nobody is behind for it.
	s := start(t, stack.Config{Environ: map[string]string{"GAPLESS_SLOW_AFTER": "2m"}})
	all := make([]*client, clients)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			all[i] = connect(t, s, fmt.Sprintf("user-%d", i))
			join(all[i], "hall", nil, "")
		})
	}
	wg.Wait()
	own := make([]map[uint64]bool, clients)
	for i, c := range all {
		wg.Go(func() {
			own[i] = map[uint64]bool{}
			for n := range each {
				own[i][publish(c, "hall", m{"from": i, "n": n}, fmt.Sprintf("k%d", n)).Seq] = true
			}
		})
	}
	wg.Wait()

	wantSameLog(t, "hall", all, own)
}

// wantSameLog checks that a room's log is dense and holds each client's publishes
// once (voids may be in it), and that each client got all others', in order. own
// is what each published.
func wantSameLog(t *testing.T, room string, clients []*client, own []map[uint64]bool) {
	t.Helper()
	var log []protocol.Entry
	for more := true; more; {
		p := call[page](clients[0], m{"action": "history", "room": room, "since": len(log)})
		log, more = append(log, p.Messages...), p.More
	}
	texts, published := map[string]bool{}, 0
	for _, seqs := range own {
		published += len(seqs)
	}
	for i, e := range log {
		if e.Seq != uint64(i+1) {
			t.Fatalf("entry %d has number %d", i+1, e.Seq)
		}
		if !e.Void {
			if texts[string(e.Data)] {
				t.Fatalf("twice in the log: %s", e.Data)
			}
			texts[string(e.Data)] = true
		}
	}
	if len(texts) != published {
		t.Fatalf("%d messages were acknowledged, the log holds %d", published, len(texts))
	}
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			last := uint64(len(log))
			for own[i][last] {
				last--
			}
			at := uint64(0)
			for _, e := range c.receive(0, last) {
				for at++; own[i][at]; at++ {
				}
				if e.Seq != at || string(e.Data) != string(log[at-1].Data) {
					t.Errorf("client %d got %d %s where the log has %d %s", i, e.Seq, e.Data, at, log[at-1].Data)
					return
				}
			}
		})
	}
	wg.Wait()
}
