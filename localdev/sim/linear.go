package sim

import (
	"math"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// operation is an append or a read, with its time from call to return.
type operation struct {
	client         int
	log            line
	begun, ended   time.Duration
	seq            uint64 // of an append
	duplicate      bool
	head, readUpTo uint64 // of a read: its head, and its highest message that is no void
	cut            bool   // a read that was cut: there may be a hole below its head
}

func (k *checker) append(m *message, p protocol.PublishResult, now time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.operations = append(k.operations, operation{
		client: m.client, log: line{m.room, p.Epoch}, begun: m.begun, ended: now, seq: p.Seq,
		duplicate: p.Duplicate,
	})
}

func (k *checker) read(client int, room string, p page, begun, ended time.Duration) {
	o := operation{client: client, log: line{room, p.Epoch}, begun: begun, ended: ended, head: p.Head, cut: p.More}
	for _, e := range p.Messages {
		if !e.Void {
			o.readUpTo = e.Seq
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.operations = append(k.operations, o)
}

// linearModel says what the log is as one object: an append takes a number
// above all that were taken, a read shows nothing that was not appended, and
// never less than one before it. A read may lack an acknowledged message that
// stands behind the hole of a slow writer; that one comes live.
var linearModel = porcupine.Model{
	Init: func() any { return linearState{} },
	Step: func(state, input, _ any) (bool, any) {
		s, o := state.(linearState), input.(operation)
		if o.seq > 0 {
			next := linearState{max(s.taken, o.seq), s.readable}
			return o.seq > s.taken, next
		}
		if o.cut {
			return o.readUpTo <= s.taken, s
		}
		return o.readUpTo <= s.taken && o.head >= s.readable, linearState{s.taken, max(s.readable, o.head)}
	},
}

type linearState struct{ taken, readable uint64 }

// most bounds a history: the search is exponential in what overlaps.
const most = 60

// linearizable checks the history of each room and epoch against the model. An entry that
// nobody was told of is an append that never ended: its publisher's answers were
// lost, or it published again after its key had expired.
func (k *checker) linearizable(s state) {
	logs := map[line][]porcupine.Operation{}
	k.mu.Lock()
	appends := map[place]int{}
	var operations []operation
	for _, o := range k.operations {
		// Who publishes a message once more, or from another device, is told of one
		// entry: it was appended after any of them began and before the first was told.
		at := place{o.log.room, o.log.epoch, o.seq}
		if o.duplicate {
			e := s.entries[at]
			o.begun = min(o.begun, k.begun(&message{room: at.room, user: e.user, key: e.key, begun: o.begun}))
		}
		if i, known := appends[at]; known && o.seq > 0 {
			one := &operations[i]
			one.begun, one.ended = min(one.begun, o.begun), min(one.ended, o.ended)
			continue
		}
		if o.seq > 0 {
			appends[at] = len(operations)
		}
		operations = append(operations, o)
	}
	for _, o := range operations {
		logs[o.log] = append(logs[o.log], porcupine.Operation{
			ClientId: o.client, Input: o, Call: int64(o.begun), Return: int64(o.ended),
		})
	}
	k.mu.Unlock()
	known := map[place]bool{}
	for _, m := range k.acks {
		known[m.place()] = true
	}
	for _, c := range k.w.clients {
		for _, m := range c.messages {
			for at, e := range s.entries {
				if at.room != m.room || e.user != m.user || e.data != m.data || e.void || known[at] {
					continue
				}
				known[at] = true
				o := operation{client: m.client, log: at.log(), begun: k.begun(m), seq: at.seq}
				logs[at.log()] = append(logs[at.log()], porcupine.Operation{
					ClientId: m.client, Input: o, Call: int64(o.begun), Return: math.MaxInt64,
				})
			}
		}
	}
	for log, history := range logs {
		if len(history) > most {
			continue
		}
		if !porcupine.CheckOperations(linearModel, history) {
			k.fail(sound, log.room, "the history of %s/%s, %d appends and reads, is not linearizable", log.room, log.epoch, len(history))
		}
	}
}

// begun is when a message was first sent, by whichever device.
func (k *checker) begun(m *message) time.Duration {
	begun := time.Duration(math.MaxInt64)
	if m.key == "" {
		return m.begun
	}
	for _, c := range k.w.clients {
		for _, other := range c.messages {
			if other.key == m.key && other.user == m.user && other.room == m.room && other.begun >= 0 {
				begun = min(begun, other.begun)
			}
		}
	}
	return begun
}
