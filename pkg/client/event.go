package client

import (
	"sync"
	"time"
)

// State is the state of a client's connection.
type State string

// The states. A client begins as Connecting inside Dial.
const (
	Connecting   State = "connecting"
	Connected    State = "connected"
	Reconnecting State = "reconnecting"
	Closed       State = "closed"
)

// StateChange is passed to [Options.OnState].
type StateChange struct {
	State State
	// Err is the reason; nil for Connected.
	Err error
	// RetryIn is the pause before the next attempt.
	RetryIn time.Duration
}

// events calls handlers, one after the other, on one goroutine.
type events struct {
	mu     sync.Mutex
	wake   chan struct{}
	queue  []event
	states int
	closed bool
	// lost counts dropped hints that were not logged yet.
	lost int
}

type event struct {
	state  *StateChange
	handle func()
}

func newEvents() *events { return &events{wake: make(chan struct{}, 1)} }

// hint queues a call of a handler, or drops it when too many wait.
func (e *events) hint(handle func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	if len(e.queue)-e.states >= maxHints {
		e.lost++
		return
	}
	e.queue = append(e.queue, event{handle: handle})
	signal(e.wake)
}

// state queues a change. When too many wait, it replaces the last of them: the
// present state is always delivered.
func (e *events) state(change StateChange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	if e.states >= maxStates {
		for i := len(e.queue) - 1; i >= 0; i-- {
			if e.queue[i].state != nil {
				e.queue = append(e.queue[:i], e.queue[i+1:]...)
				e.states--
				break
			}
		}
	}
	e.queue = append(e.queue, event{state: &change})
	e.states++
	signal(e.wake)
}

// close lets run end after it has handled what is queued.
func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	signal(e.wake)
}

// run calls handlers until close, and dropped with the number of hints that were
// dropped before.
func (e *events) run(onState func(StateChange), dropped func(int)) {
	for range e.wake {
		for {
			e.mu.Lock()
			if len(e.queue) == 0 {
				closed := e.closed
				e.mu.Unlock()
				if closed {
					return
				}
				break
			}
			next := e.queue[0]
			e.queue[0] = event{}
			e.queue = e.queue[1:]
			if next.state != nil {
				e.states--
			}
			lost := e.lost
			e.lost = 0
			e.mu.Unlock()
			if lost > 0 {
				dropped(lost)
			}
			switch {
			case next.handle != nil:
				next.handle()
			case onState != nil:
				onState(*next.state)
			}
		}
	}
}
