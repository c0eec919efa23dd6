package gateway

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Faults breaks things on purpose. It is safe for concurrent use. A fault
// about a connection is forgotten when the connection is gone; one that is
// set before the connection opens waits for it.
type Faults struct {
	g *Gateway

	mu              sync.Mutex
	connections     map[string]*connectionFaults
	loseDisconnects int
	refuse          int // handshakes to come, with refuseStatus
	refuseStatus    int
	every           func(ManagementCall) Verdict
}

// connectionFaults are the faults of one connection.
type connectionFaults struct {
	gone, throttled int // management calls to come
	fail            int // likewise, with failStatus
	failStatus      int
	postDelay       time.Duration
	loseDisconnect  bool
	lateDisconnect  time.Duration
}

// ManagementCall is a call that a fault may decide on.
type ManagementCall struct {
	ConnectionID string
	Method       string // POST, GET or DELETE
}

// Verdict is what a fault does to a call. The zero value does nothing.
type Verdict struct {
	// Status answers the call without it having an effect, unless 0.
	Status int
	// Delay passes before the call has its effect.
	Delay time.Duration
	// AfterEffect lets the call have its effect, and only then answers with
	// Status: an answer that was lost.
	AfterEffect bool
}

func newFaults(g *Gateway) *Faults {
	return &Faults{g: g, connections: map[string]*connectionFaults{}}
}

// of returns the faults of a connection. The caller holds mu.
func (f *Faults) of(id string) *connectionFaults {
	c := f.connections[id]
	if c == nil {
		c = &connectionFaults{}
		f.connections[id] = c
	}
	return c
}

func (f *Faults) forget(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.connections, id)
}

func (f *Faults) note(id, format string, args ...any) {
	f.g.emit(Event{Kind: EventFault, ConnectionID: id, Detail: fmt.Sprintf(format, args...)})
}

// open returns the open session with that id.
func (f *Faults) open(id string) (*session, error) {
	if s := f.g.lookup(id); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("connection %q: %w", id, ErrNoConnection)
}

// Cut drops the connection's transport without a close frame; $disconnect
// follows with 1006.
func (f *Faults) Cut(id string) error {
	s, err := f.open(id)
	if err != nil {
		return err
	}
	f.note(id, "cut")
	s.broken()
	return nil
}

// LoseDisconnect loses the $disconnect of one connection.
func (f *Faults) LoseDisconnect(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.of(id).loseDisconnect = true
}

// LoseDisconnects loses the next n $disconnects, whosever they are.
func (f *Faults) LoseDisconnects(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loseDisconnects = n
}

// RefuseHandshakes refuses the next n handshakes with status before any
// function runs, such as with 429 for a throttle or 500 for an outage.
func (f *Faults) RefuseHandshakes(n, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse, f.refuseStatus = n, status
}

// handshake is asked about each handshake; 0 lets it pass.
func (f *Faults) handshake() (status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if take(&f.refuse) {
		return f.refuseStatus
	}
	return 0
}

// DelayDisconnect has the $disconnect of one connection run d after its end.
func (f *Faults) DelayDisconnect(id string, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.of(id).lateDisconnect = d
}

// WrongGone answers the next n management calls for the connection with 410
// although it is open.
func (f *Faults) WrongGone(id string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.of(id).gone = n
}

// Throttle answers the next n management calls for the connection with 429.
func (f *Faults) Throttle(id string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.of(id).throttled = n
}

// FailPost answers the next n management calls for the connection with
// status, such as 500.
func (f *Faults) FailPost(id string, n, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.of(id)
	c.fail, c.failStatus = n, status
}

// DelayPost makes each POST to the connection take d longer; 0 ends that.
func (f *Faults) DelayPost(id string, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.of(id).postDelay = d
}

// Every has decide judge every management call, instead of the other faults
// wherever its Verdict is not zero; nil ends that. decide is called concurrently and must not call the gateway.
func (f *Faults) Every(decide func(ManagementCall) Verdict) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.every = decide
}

// DeadPeer lets everything to and from the client vanish, while the gateway
// takes the connection for alive: a POST answers 200 and nothing arrives.
func (f *Faults) DeadPeer(id string) error {
	s, err := f.open(id)
	if err != nil {
		return err
	}
	f.note(id, "dead peer")
	s.mu.Lock()
	s.dead = true
	s.mu.Unlock()
	return nil
}

// FreezeClient stops sending to the client, as if it did not read, so that
// its buffer fills and a POST answers 429.
func (f *Faults) FreezeClient(id string) error {
	return f.freeze(id, true)
}

// ThawClient ends FreezeClient.
func (f *Faults) ThawClient(id string) error {
	return f.freeze(id, false)
}

func (f *Faults) freeze(id string, frozen bool) error {
	s, err := f.open(id)
	if err != nil {
		return err
	}
	f.note(id, "frozen: %t", frozen)
	s.out.freeze(frozen)
	return nil
}

// Close closes one connection from the server's side, such as with 1001 for
// an idle timeout or 1011 for an internal error.
func (f *Faults) Close(id string, code int, reason string) error {
	s, err := f.open(id)
	if err != nil {
		return err
	}
	f.note(id, "close %d", code)
	s.close(serverEnding(code, reason))
	return nil
}

// CloseAll closes every open connection with code, such as 1012 for a restart
// of the service, and returns how many there were.
func (f *Faults) CloseAll(code int, reason string) int {
	all := f.g.snapshot()
	for _, s := range all {
		s.close(serverEnding(code, reason))
	}
	f.note("", "close all %d", code)
	return len(all)
}

// disconnect is asked by a session that ends.
func (f *Faults) disconnect(id string) (lost bool, delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.connections[id]; c != nil {
		lost, delay = c.loseDisconnect, c.lateDisconnect
	}
	if !lost && f.loseDisconnects > 0 {
		f.loseDisconnects--
		lost = true
	}
	return lost, delay
}

// management is asked about each call to the management API.
func (f *Faults) management(id, method string) Verdict {
	f.mu.Lock()
	every, c := f.every, f.connections[id]
	v := Verdict{}
	if c != nil {
		if method == http.MethodPost {
			v.Delay = c.postDelay
		}
		switch {
		case take(&c.gone):
			v.Status = http.StatusGone
		case take(&c.throttled):
			v.Status = http.StatusTooManyRequests
		case take(&c.fail):
			v.Status = c.failStatus
		}
	}
	f.mu.Unlock()
	if every != nil {
		if e := every(ManagementCall{ConnectionID: id, Method: method}); e != (Verdict{}) {
			v = e
		}
	}
	if v != (Verdict{}) {
		f.note(id, "%s answered %d after %v", method, v.Status, v.Delay)
	}
	return v
}

// take counts n down and reports whether there was one left.
func take(n *int) bool {
	if *n <= 0 {
		return false
	}
	*n--
	return true
}
