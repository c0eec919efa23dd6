package gateway

import (
	"sync"

	"github.com/gobwas/ws"
)

// item is one thing for the writer to send.
type item struct {
	op      ws.OpCode // OpText, OpPong or OpClose
	payload []byte
}

// outbox is what waits for one client: the "client side buffer" of
// https://docs.aws.amazon.com/apigatewaymanagementapi/latest/reference/,
// bounded in bytes and in messages. It is safe for concurrent use; one writer
// takes from it.
type outbox struct {
	maxBytes, maxMessages int

	mu     sync.Mutex
	queue  [][]byte
	bytes  int    // in the queue and in the writer's hands
	count  int    // likewise
	pong   []byte // the newest unanswered Ping, as RFC 6455 5.5.3 permits
	ping   bool   // whether pong is to be sent
	last   []byte // the close frame's payload, sent when the queue is empty
	ending bool
	dead   bool // the writer has to stop at once
	frozen bool
	wake   chan struct{}
}

func newOutbox(maxBytes, maxMessages int) *outbox {
	return &outbox{maxBytes: maxBytes, maxMessages: maxMessages, wake: make(chan struct{}, 1)}
}

// push queues a message. It fails with errBufferFull or errNotOpen. A message
// always fits an empty outbox, whatever the bound in bytes.
func (o *outbox) push(payload []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ending || o.dead {
		return errNotOpen
	}
	if o.count > 0 && (o.count >= o.maxMessages || o.bytes+len(payload) > o.maxBytes) {
		return errBufferFull
	}
	o.queue = append(o.queue, payload)
	o.bytes += len(payload)
	o.count++
	o.signal()
	return nil
}

// answer queues a Pong, ahead of the messages.
func (o *outbox) answer(ping []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pong, o.ping = ping, true
	o.signal()
}

// finish lets no further message in and has the writer send a close frame
// after those that wait.
func (o *outbox) finish(closeFrame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ending {
		o.ending, o.last = true, closeFrame
		o.signal()
	}
}

// abort drops everything and stops the writer.
func (o *outbox) abort() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dead = true
	o.queue = nil
	o.signal()
}

// freeze stops and thaws the writer, so that the buffer fills.
func (o *outbox) freeze(frozen bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frozen = frozen
	o.signal()
}

// next waits for something to send. ok is false when the writer has to stop.
func (o *outbox) next() (it item, ok bool) {
	for {
		o.mu.Lock()
		switch {
		case o.dead:
			o.mu.Unlock()
			return item{}, false
		case o.frozen:
		case o.ping:
			it = item{op: ws.OpPong, payload: o.pong}
			o.ping, o.pong = false, nil
			o.mu.Unlock()
			return it, true
		case len(o.queue) > 0:
			it = item{op: ws.OpText, payload: o.queue[0]}
			o.queue[0] = nil
			o.queue = o.queue[1:]
			o.mu.Unlock()
			return it, true
		case o.ending:
			it = item{op: ws.OpClose, payload: o.last}
			o.mu.Unlock()
			return it, true
		}
		o.mu.Unlock()
		<-o.wake
	}
}

// sent gives back the room that a message of next took.
func (o *outbox) sent(it item) {
	if it.op != ws.OpText {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= len(it.payload)
	o.count--
}

// load is what waits for the client now.
func (o *outbox) load() (messages, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count, o.bytes
}

// signal wakes the writer. The caller holds mu.
func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
