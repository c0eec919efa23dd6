package e2e

import (
	"fmt"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// talker is a member of a room that keeps account of what it sent and got,
// over all its connections.
type talker struct {
	t    *testing.T
	s    *stack.Running
	user string
	c    *client

	epoch string
	last  uint64            // up to here it has everything
	got   map[uint64]string // by number
	sent  map[string]uint64 // its own texts, with their numbers
}

const talkRoom = "lobby"

func newTalker(t *testing.T, s *stack.Running, user string) *talker {
	t.Helper()
	k := &talker{t: t, s: s, user: user, got: map[uint64]string{}, sent: map[string]uint64{}}
	k.c = connect(t, s, user)
	k.epoch = join(k.c, talkRoom, nil, "").Epoch
	return k
}

// talk publishes a round of messages. One that is cut loses its connection in
// the middle, and sends the last message again on the next one.
func (k *talker) talk(round int, cut bool) {
	const each = 10
	for n := range each {
		text := fmt.Sprintf("%s %d %d", k.user, round, n)
		k.publish(text)
		if cut && n == each/2 {
			k.c.close()
			k.comeBack()
			k.publish(text)
		}
	}
}

func (k *talker) publish(text string) {
	r := publish(k.c, talkRoom, text, text)
	if before, again := k.sent[text]; again && (r.Seq != before || !r.Duplicate) {
		k.t.Errorf("%q is number %d, and sent again %d, duplicate %t", text, before, r.Seq, r.Duplicate)
	}
	if k.epoch == "" {
		k.epoch = r.Epoch
	}
	if r.Epoch != k.epoch {
		k.t.Errorf("the room went from epoch %s to %s", k.epoch, r.Epoch)
	}
	k.sent[text] = r.Seq
}

// comeBack takes what its old connection still brought, and joins anew with
// its position.
func (k *talker) comeBack() {
	for p := range k.c.pushes { // closed with the connection
		k.take(p.Messages)
	}
	k.c = connect(k.t, k.s, k.user)
	p := join(k.c, talkRoom, &k.last, k.epoch)
	for {
		if !p.Recovered || p.Epoch != k.epoch {
			k.t.Errorf("came back with %d and is not recovered: %+v", k.last, p)
		}
		k.take(p.Messages)
		if !p.More {
			return
		}
		p = call[page](k.c, m{"action": "history", "room": talkRoom, "since": k.last, "epoch": k.epoch})
	}
}

// take accounts for what came. Its own messages come as replies, so that there
// may be gaps, which they must fill.
func (k *talker) take(entries []protocol.Entry) {
	for _, e := range entries {
		text := string(e.Data)
		if before, again := k.got[e.Seq]; again && before != text {
			k.t.Errorf("number %d was %s and is %s", e.Seq, before, text)
		}
		k.got[e.Seq] = text
		if e.Seq > k.last {
			k.fill(e.Seq)
		}
	}
}

// fill moves the position up to a number; what is missing must be its own.
func (k *talker) fill(upto uint64) {
	own := map[uint64]bool{}
	for _, seq := range k.sent {
		own[seq] = true
	}
	for seq := k.last + 1; seq < upto; seq++ {
		if _, ok := k.got[seq]; !ok && !own[seq] {
			k.t.Errorf("%s got number %d before %d", k.user, upto, seq)
		}
	}
	k.last = upto
}

// check reads what is still to come and compares all with the log.
func (k *talker) check() {
	head := call[page](k.c, m{"action": "history", "room": talkRoom, "since": 0}).Head
	own := map[uint64]string{}
	for text, seq := range k.sent {
		own[seq] = text
	}
	foreign := head
	for own[foreign] != "" {
		foreign--
	}
	for k.last < foreign {
		k.take(k.c.next(protocol.PushMessages).Messages)
	}
	at := uint64(0)
	for more := true; more; {
		p := call[page](k.c, m{"action": "history", "room": talkRoom, "since": at})
		for _, e := range p.Messages {
			at++
			if e.Seq != at {
				k.t.Fatalf("entry %d has number %d", at, e.Seq)
			}
			if own[at] != "" && string(e.Data) != `"`+own[at]+`"` {
				k.t.Errorf("%s published %q as number %d, and the log has %s", k.user, own[at], at, e.Data)
			}
			if text, ok := k.got[at]; ok && text != string(e.Data) {
				k.t.Errorf("%s got %s as number %d, and the log has %s", k.user, text, at, e.Data)
			}
			if _, ok := k.got[at]; !ok && own[at] == "" {
				k.t.Errorf("%s never got number %d, %s", k.user, at, e.Data)
			}
		}
		more = p.More
	}
}
