package gateway

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// EventKind says what an Event is about.
type EventKind string

// The kinds of events.
const (
	EventRefused    EventKind = "refused"    // a handshake failed: Status
	EventOpened     EventKind = "opened"     // the socket is open
	EventReceived   EventKind = "received"   // a message came: RouteKey ("" if none matches), Bytes
	EventInvoked    EventKind = "invoked"    // a function answered: Function, Duration, Detail ("ok" or the failure)
	EventSent       EventKind = "sent"       // a message went out: Bytes
	EventManagement EventKind = "management" // a @connections call was answered: Detail (method), Status
	EventClosed     EventKind = "closed"     // the connection is gone: Status (close code), Detail (reason)
	EventFault      EventKind = "fault"      // an injected fault took effect: Detail
)

// Event is something that happened in the gateway. It carries no message data
// and no headers.
type Event struct {
	At           time.Time     `json:"at"`
	Kind         EventKind     `json:"kind"`
	ConnectionID string        `json:"connectionId,omitempty"`
	RouteKey     string        `json:"routeKey,omitempty"`
	RequestID    string        `json:"requestId,omitempty"`
	Function     string        `json:"function,omitempty"`
	Duration     time.Duration `json:"durationNs,omitempty"`
	Status       int           `json:"status,omitempty"`
	Bytes        int           `json:"bytes,omitempty"`
	Detail       string        `json:"detail,omitempty"`
}

// Counters count messages as they are billed: each started 32 KB, in and out.
// https://aws.amazon.com/api-gateway/pricing/
type Counters struct {
	MessagesIn  int64 `json:"messagesIn"`
	MessagesOut int64 `json:"messagesOut"`
	BytesIn     int64 `json:"bytesIn"`
	BytesOut    int64 `json:"bytesOut"`
	UnitsIn     int64 `json:"unitsIn"`
	UnitsOut    int64 `json:"unitsOut"`
}

func (c *Counters) in(n int) {
	c.MessagesIn++
	c.BytesIn += int64(n)
	c.UnitsIn += units(n)
}

func (c *Counters) out(n int) {
	c.MessagesOut++
	c.BytesOut += int64(n)
	c.UnitsOut += units(n)
}

// units is how many billed messages a message of n bytes is.
func units(n int) int64 {
	return int64(max(1, (n+BillingUnitBytes-1)/BillingUnitBytes))
}

// ConnectionInfo describes an open connection.
type ConnectionInfo struct {
	ID           string    `json:"id"`
	ConnectedAt  time.Time `json:"connectedAt"`
	LastActiveAt time.Time `json:"lastActiveAt"`
	Identity     Identity  `json:"identity"`
	// WaitingMessages and WaitingBytes are in the client-side buffer.
	WaitingMessages int      `json:"waitingMessages"`
	WaitingBytes    int      `json:"waitingBytes"`
	Counters        Counters `json:"counters"`
}

// Connections lists the open connections, oldest first.
func (g *Gateway) Connections() []ConnectionInfo {
	list := []ConnectionInfo{}
	for _, s := range g.snapshot() {
		messages, bytes := s.out.load()
		s.mu.Lock()
		list = append(list, ConnectionInfo{
			ID: s.id, ConnectedAt: s.connectedAt, LastActiveAt: s.lastActive, Identity: s.identity,
			WaitingMessages: messages, WaitingBytes: bytes, Counters: s.counters,
		})
		s.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b ConnectionInfo) int {
		return cmp.Or(a.ConnectedAt.Compare(b.ConnectedAt), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// Counters returns what all connections have sent and received so far.
func (g *Gateway) Counters() Counters {
	g.tally.mu.Lock()
	defer g.tally.mu.Unlock()
	return g.tally.total
}

// tally counts what all connections send and receive.
type tally struct {
	mu    sync.Mutex
	total Counters
}

func (t *tally) count(add func(*Counters)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	add(&t.total)
}

// Observe calls f for every event from now on, until stop is called. f runs on
// the goroutine that the event happens on, concurrently with itself: it must be
// quick, must not block, and must not call the gateway.
func (g *Gateway) Observe(f func(Event)) (stop func()) { return g.events.Observe(f) }

// emit dates an event and tells the observers.
func (g *Gateway) emit(e Event) {
	e.At = g.clock.Now()
	g.events.Emit(e)
}
