package sns

import "time"

// DeliveryFault says what goes wrong in one delivery. The zero value is a good
// one.
type DeliveryFault struct {
	// Delay is added to the latency.
	Delay time.Duration
	// Duplicates is how often the message is delivered once more.
	Duplicates int
	// DeadLetter sends it to the subscription's dead-letter queue instead, as
	// when the target could not be reached. Without such a queue it is lost.
	DeadLetter bool
	// Lose drops it. SNS promises that this does not happen; tests of what
	// happens then may ask for it.
	Lose bool
}

// PublishFailure is a way in which a call of Publish or PublishBatch fails.
type PublishFailure int

const (
	// PublishSucceeds lets the call be.
	PublishSucceeds PublishFailure = iota
	// PublishFailsBefore answers InternalError; nothing was published.
	PublishFailsBefore
	// PublishFailsAfter answers InternalError; all was published.
	PublishFailsAfter
	// PublishThrottled answers Throttled; nothing was published.
	PublishThrottled
)

// PublishFault says what goes wrong in one call. The zero value is a good one.
type PublishFault struct {
	Failure PublishFailure
	// Entries are the ids of entries of a batch that fail alone, with
	// InternalError, in a call that succeeds.
	Entries []string
}

// PublishCall is one call of Publish or PublishBatch.
type PublishCall struct {
	TopicARN string
	Batch    bool
	Messages []Message
	// IDs are the entries' ids in a batch, in the order of Messages.
	IDs []string
}

// faults holds the hooks and the one-off faults that go before them.
type faults struct {
	delivery       func(Delivery) DeliveryFault
	publish        func(PublishCall) PublishFault
	nextDeliveries []DeliveryFault
	nextPublishes  []PublishFault
}

// SetDeliveryFault replaces Config.DeliveryFault; nil ends it.
func (s *Service) SetDeliveryFault(fault func(Delivery) DeliveryFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.delivery = fault
}

// SetPublishFault replaces Config.PublishFault; nil ends it.
func (s *Service) SetPublishFault(fault func(PublishCall) PublishFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.publish = fault
}

// FailDeliveries gives the next n deliveries, to whatever subscription, the
// fault f. It adds to what earlier calls left over.
func (s *Service) FailDeliveries(n int, f DeliveryFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.faults.nextDeliveries = append(s.faults.nextDeliveries, f)
	}
}

// FailPublishes gives the next n calls of Publish or PublishBatch the fault f.
// It adds to what earlier calls left over.
func (s *Service) FailPublishes(n int, f PublishFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.faults.nextPublishes = append(s.faults.nextPublishes, f)
	}
}

// ReorderNext holds the next n deliveries back until the last of them comes, and
// then hands them on in reverse order. Release lets them go before.
func (s *Service) ReorderNext(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holdUntil = len(s.held) + n
}

// Release hands on, in reverse order, what ReorderNext holds back, and ends it.
func (s *Service) Release() {
	s.mu.Lock()
	s.release()
	s.mu.Unlock()
	s.deliverDue()
}

func (s *Service) deliveryFault(d Delivery) DeliveryFault {
	s.mu.Lock()
	if next := s.faults.nextDeliveries; len(next) > 0 {
		s.faults.nextDeliveries = next[1:]
		s.mu.Unlock()
		return next[0]
	}
	fault := s.faults.delivery
	s.mu.Unlock()
	if fault == nil {
		return DeliveryFault{}
	}
	return fault(d)
}

func (s *Service) publishFault(c PublishCall) PublishFault {
	s.mu.Lock()
	if next := s.faults.nextPublishes; len(next) > 0 {
		s.faults.nextPublishes = next[1:]
		s.mu.Unlock()
		return next[0]
	}
	fault := s.faults.publish
	s.mu.Unlock()
	if fault == nil {
		return PublishFault{}
	}
	return fault(c)
}
