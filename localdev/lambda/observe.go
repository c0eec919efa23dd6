package lambda

import (
	"maps"
	"slices"
	"time"
)

// EventKind says what happened to an invocation.
type EventKind int

const (
	// Started means: an environment was found and the handler is called next.
	Started EventKind = iota + 1
	// Ended means: the run is over; Result says how.
	Ended
	// Throttled means: the run was refused; Err says why.
	Throttled
	// Requeued means: the event is tried again after Wait.
	Requeued
	// DeadLettered means: the event was given up as Letter.
	DeadLettered
)

// String is the kind's name in logs and traces.
func (k EventKind) String() string {
	switch k {
	case Started:
		return "started"
	case Ended:
		return "ended"
	case Throttled:
		return "throttled"
	case Requeued:
		return "requeued"
	case DeadLettered:
		return "dead-lettered"
	}
	return "unknown"
}

// Event is something that happened to an invocation.
type Event struct {
	Kind       EventKind
	At         time.Time
	Invocation Invocation
	Result     Result        // of Ended
	Err        error         // of Throttled
	Wait       time.Duration // of Requeued
	Letter     DeadLetter    // of DeadLettered
}

// Observe calls f for each event from now on, in the goroutine in which it
// happens, so events of different invocations may come at once. f must not
// block and must not call Close or Shutdown. stop ends it.
func (s *Service) Observe(f func(Event)) (stop func()) { return s.events.Observe(f) }

// Stats counts what a function has done since it was registered.
type Stats struct {
	Invocations int // runs that ended, in whatever way
	Errors      int // of these, function errors
	ColdStarts  int
	Throttles   int
	Retries     int // events put back into the queue
	DeadLetters int
	Busy        int // environments that run now
	Free        int // environments that wait
}

// Stats returns the function's counts, and zero for an unknown function.
func (s *Service) Stats(name string) Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[name]
	if f == nil {
		return Stats{}
	}
	stats := f.stats
	stats.Busy, stats.Free = f.busy, len(f.free)
	return stats
}

// Functions returns the registered functions, ordered by name.
func (s *Service) Functions() []Function {
	s.mu.Lock()
	defer s.mu.Unlock()
	functions := make([]Function, 0, len(s.functions))
	for _, name := range slices.Sorted(maps.Keys(s.functions)) {
		def := s.functions[name].def
		def.Env = maps.Clone(def.Env)
		functions = append(functions, def)
	}
	return functions
}

// InFlight returns the invocations that run now, in the order of their start.
// One whose environment is still starting has no Started.
func (s *Service) InFlight() []Invocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	running := make([]Invocation, 0, len(s.inFlight))
	for _, run := range slices.Sorted(maps.Keys(s.inFlight)) {
		running = append(running, s.inFlight[run])
	}
	return running
}

// QueuedEvent is an asynchronous event that does not run now.
type QueuedEvent struct {
	Invocation Invocation
	Queued     time.Time // when it was sent
	Due        time.Time // when it may run next
}

// Queue returns the events that wait for a worker or for their retry, ordered
// by Due.
func (s *Service) Queue() []QueuedEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := slices.AppendSeq(slices.Clone(s.ready), maps.Keys(s.waiting))
	slices.SortFunc(events, byDue)
	queue := make([]QueuedEvent, 0, len(events))
	for _, e := range events {
		queue = append(queue, QueuedEvent{e.inv, e.queued, e.due})
	}
	return queue
}
