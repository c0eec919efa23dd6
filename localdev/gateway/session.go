package gateway

import (
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/gapless-rooms/gapless/localdev/clock"
)

// stage is where a connection stands in its life.
type stage int

const (
	stageOpening stage = iota // $connect has not answered: @connections says 410
	stageOpen
	stageClosing // a close frame is on its way, or the transport has failed
	stageClosed
)

// session is one connection, from the handshake to $disconnect. It knows the
// client only as a transport.
//
// Its goroutines: one reads frames, one writes, and up to
// Quirks.MessageConcurrency handle messages. The two timers only ask it to
// close.
type session struct {
	g           *Gateway
	id          string
	connectedAt time.Time
	identity    Identity
	domain      string
	authorizer  json.RawMessage
	out         *outbox
	slots       chan struct{} // a token per message in the works
	rate        *bucket       // Quirks.ClientRate

	// lost is closed when the transport is of no more use.
	lost     chan struct{}
	lostOnce sync.Once

	mu         sync.Mutex
	transport  transport // nil until start
	deflate    bool
	at         stage
	end        ending
	lastActive time.Time
	idle       clock.Timer
	lifetime   clock.Timer
	closing    clock.Timer
	dead       bool // frames vanish both ways, see Faults.DeadPeer
	counters   Counters
}

func (g *Gateway) newSession(h *handshake) *session {
	now := g.clock.Now()
	domain := g.routing.api.DomainName
	if domain == "" {
		domain = h.host
	}
	return &session{
		g:           g,
		id:          g.ids.next(),
		connectedAt: now,
		lastActive:  now,
		identity:    Identity{SourceIP: h.sourceIP, UserAgent: h.header("User-Agent")},
		domain:      domain,
		out:         newOutbox(g.quirks.ClientBufferBytes, g.quirks.ClientBufferMessages),
		slots:       make(chan struct{}, g.quirks.MessageConcurrency),
		rate:        newBucket(g.quirks.ClientRate, g.quirks.ClientBurst, now),
		lost:        make(chan struct{}),
	}
}

func (s *session) stage() stage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// open lets messages in, as $connect has answered. They wait for the
// transport, so that a client never finds its connection open here and gone
// in the management API.
func (s *session) open() {
	s.mu.Lock()
	s.at = stageOpen
	s.lastActive = s.g.clock.Now()
	s.idle = s.g.clock.AfterFunc(s.g.limits.IdleTimeout, s.idleExpired)
	s.lifetime = s.g.clock.AfterFunc(s.g.limits.Lifetime-s.lastActive.Sub(s.connectedAt), func() {
		s.close(endGoingAway)
	})
	s.mu.Unlock()
	s.g.emit(Event{Kind: EventOpened, ConnectionID: s.id})
	// Shutdown may have looked for open sessions just before this one opened.
	s.g.mu.Lock()
	closed := s.g.closed
	s.g.mu.Unlock()
	if closed {
		s.close(endGoingAway)
	}
}

// start gives an open session its transport and runs it in goroutines of its
// own.
func (s *session) start(t transport, deflate bool) {
	s.mu.Lock()
	s.transport, s.deflate = t, deflate
	s.mu.Unlock()
	select {
	case <-s.lost:
		t.cut() // cut before it had a transport
	default:
	}
	go s.run()
}

// abandon ends an open session whose client was gone when $connect had
// answered.
func (s *session) abandon() {
	defer s.g.drop(s)
	s.broken()
	s.finish(s.g.quirks.SilentHandshakeLoss)
}

// run is the life of an open session. It drops the session at its end.
func (s *session) run() {
	defer s.g.drop(s)
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.writeLoop()
	}()
	s.readLoop()
	<-written
	s.transport.close()
	s.finish(false)
}

// finish ends the session and runs $disconnect, unless it is to be silent.
func (s *session) finish(silent bool) {
	s.mu.Lock()
	s.at = stageClosed
	end := s.end
	for _, t := range []clock.Timer{s.idle, s.lifetime, s.closing} {
		if t != nil {
			t.Stop()
		}
	}
	s.mu.Unlock()
	s.g.emit(Event{Kind: EventClosed, ConnectionID: s.id, Status: end.code, Detail: end.reason})
	if !silent {
		s.disconnect(end)
	}
}

// disconnect runs the $disconnect route, if there is one and no fault loses
// it. Its answer is of no interest to anyone.
func (s *session) disconnect(end ending) {
	rt := s.g.routing.routes[RouteDisconnect]
	if rt == nil {
		return
	}
	lost, delay := s.g.faults.disconnect(s.id)
	if delay > 0 {
		if clock.Sleep(s.g.ctx, s.g.clock, delay) != nil {
			return
		}
	}
	if lost {
		s.g.emit(Event{Kind: EventFault, ConnectionID: s.id, Detail: "$disconnect lost"})
		return
	}
	rc := s.context(RouteDisconnect, eventDisconnect, s.g.ids.next())
	if _, err := s.call(rt, rc, func() event { return s.disconnectEvent(rc, end) }, nil); err != nil {
		s.g.log.Warn("gateway: $disconnect failed", "connection", s.id, "error", err)
	}
}

// close begins the close from the server's side: what waits is still sent,
// then a close frame, and the client has Quirks.CloseTimeout to answer it.
// Only the first call has an effect.
func (s *session) close(e ending) { s.begin(e, false) }

// begin moves an open session to closing and reports whether it did. A
// session in its handshake is left alone.
func (s *session) begin(e ending, abort bool) bool {
	s.mu.Lock()
	if s.at != stageOpen {
		s.mu.Unlock()
		return false
	}
	s.at, s.end = stageClosing, e
	if !abort {
		s.closing = s.g.clock.AfterFunc(s.g.quirks.CloseTimeout, s.cut)
	}
	s.mu.Unlock()
	if abort {
		s.out.abort()
	} else {
		s.out.finish(e.payload())
	}
	return true
}

// cut drops the transport, if there is one yet. The reader then ends the
// session, with 1006 unless it was closing already.
func (s *session) cut() {
	s.lostOnce.Do(func() { close(s.lost) })
	s.out.abort()
	s.mu.Lock()
	t := s.transport
	s.mu.Unlock()
	if t != nil {
		t.cut()
	}
}

// broken ends the session after its transport failed.
func (s *session) broken() {
	s.begin(ending{code: codeAbnormal, reason: s.g.quirks.AbortReason}, true)
	s.cut()
}

// touch restarts the idle timeout.
func (s *session) touch() {
	now := s.g.clock.Now()
	s.mu.Lock()
	s.lastActive = now
	s.mu.Unlock()
}

// idleExpired closes the session if it was idle all the time, and else looks
// again when it can be.
func (s *session) idleExpired() {
	s.mu.Lock()
	left := s.g.limits.IdleTimeout - s.g.clock.Now().Sub(s.lastActive)
	if left > 0 && s.at == stageOpen {
		s.idle.Reset(left)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	s.close(endGoingAway)
}

// send queues a message for the client. It fails with errBufferFull or
// errNotOpen.
func (s *session) send(text []byte) error {
	s.mu.Lock()
	if s.at != stageOpen {
		s.mu.Unlock()
		return errNotOpen
	}
	dead := s.dead
	if dead {
		s.lastActive = s.g.clock.Now()
	}
	s.mu.Unlock()
	if dead {
		return nil
	}
	return s.out.push(text)
}

// writeLoop sends what the outbox holds until the close frame is out or the
// transport fails.
func (s *session) writeLoop() {
	for {
		it, ok := s.out.next()
		if !ok {
			return
		}
		var frames []frame
		if it.op == ws.OpText {
			frames = split(it.payload, s.deflate)
		} else {
			frames = []frame{newFrame(it.op, true, it.payload)}
		}
		if s.isDead() {
			frames = nil
		}
		if err := s.transport.write(frames); err != nil {
			s.broken()
			return
		}
		s.out.sent(it)
		switch it.op {
		case ws.OpText:
			s.touch()
			s.count(func(c *Counters) { c.out(len(it.payload)) })
			s.g.emit(Event{Kind: EventSent, ConnectionID: s.id, Bytes: len(it.payload)})
		case ws.OpClose:
			return
		}
	}
}

func (s *session) isDead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// readLoop takes the client's frames until a close frame or the transport's
// end.
func (s *session) readLoop() {
	in := assembler{deflate: s.deflate}
	for {
		f, err := s.transport.read(MaxFrameBytes)
		if err != nil {
			s.broken()
			return
		}
		if s.isDead() {
			continue
		}
		if s.stage() != stageOpen {
			// After our close frame only the client's is of interest.
			if f.payload == nil && f.header.Length > 0 {
				s.transport.drain()
				return
			}
			if f.header.OpCode == ws.OpClose {
				return
			}
			continue
		}
		if err := s.take(&in, f); err != nil {
			var wrong *protocolError
			if !errors.As(err, &wrong) {
				return
			}
			s.close(serverEnding(int(wrong.code), wrong.reason))
			if f.payload == nil && f.header.Length > 0 {
				// The rest of an oversized frame cannot be told from frames.
				// It is read all the same: closing a socket with unread
				// data would take the close frame from the client.
				s.transport.drain()
				return
			}
		}
	}
}

// errClosedByClient ends the read loop after the client's close frame.
var errClosedByClient = errors.New("client closed")

// take handles one frame.
func (s *session) take(in *assembler, f frame) error {
	if err := in.check(f.header); err != nil {
		return err
	}
	switch f.header.OpCode {
	case ws.OpClose:
		s.close(clientEnding(f.payload))
		return errClosedByClient
	case ws.OpPing:
		s.out.answer(f.payload)
		if s.g.quirks.PingResetsIdle {
			s.touch()
		}
		return nil
	case ws.OpPong:
		return nil
	}
	text, done, err := in.add(f)
	if err != nil || !done {
		return err
	}
	s.touch()
	s.receive(text)
	return nil
}

func (s *session) count(add func(*Counters)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.counters)
	s.g.tally.count(add)
}
