package sns

import "time"

// EventKind says what happened to a message.
type EventKind int

const (
	// Published means: the topic took the message. Delivery names no subscription.
	Published EventKind = iota + 1
	// Filtered means: the subscription's filter policy does not let it through.
	Filtered
	// Delivered means: the target took it.
	Delivered
	// DeadLettered means: the target did not take it, the dead-letter queue did; Err
	// says why.
	DeadLettered
	// Lost means: neither did, or a fault lost it.
	Lost
)

// String is the kind's name in logs and traces.
func (k EventKind) String() string {
	switch k {
	case Published:
		return "published"
	case Filtered:
		return "filtered"
	case Delivered:
		return "delivered"
	case DeadLettered:
		return "dead-lettered"
	case Lost:
		return "lost"
	}
	return "unknown"
}

// Event is something that happened to a message.
type Event struct {
	Kind     EventKind
	At       time.Time
	Delivery Delivery
	Err      error
}

// Observe calls f for each event from now on, in the goroutine in which it
// happens. f must not block and must not call the service's methods that
// publish, deliver or close. stop ends it.
func (s *Service) Observe(f func(Event)) (stop func()) { return s.events.Observe(f) }
