package sns

import (
	"errors"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"
)

// Publish hands the message to the topic's subscriptions and returns its id.
// Without latency and delay it has been handed on when Publish returns. The
// error is an *Error or ErrClosed.
func (s *Service) Publish(topicARN string, m Message) (string, error) {
	if err := m.validate(); err != nil {
		return "", err
	}
	if m.size() > maxMessage {
		return "", invalidParameter("Message too long")
	}
	fault := s.publishFault(PublishCall{TopicARN: topicARN, Messages: []Message{m}})
	if err := fault.before(); err != nil {
		return "", err
	}
	ids, err := s.accept(topicARN, []Message{m})
	if err != nil {
		return "", err
	}
	if fault.Failure == PublishFailsAfter {
		return "", internalError()
	}
	return ids[0], nil
}

func (f PublishFault) before() error {
	switch f.Failure {
	case PublishFailsBefore:
		return internalError()
	case PublishThrottled:
		return throttledError()
	case PublishSucceeds, PublishFailsAfter:
	}
	return nil
}

// BatchEntry is one message of PublishBatch.
type BatchEntry struct {
	ID      string
	Message Message
	// err is why the entry could not be read.
	err error
}

// BatchResult is what became of one entry: MessageID or Err.
type BatchResult struct {
	ID        string
	MessageID string
	Err       *Error
}

var batchEntryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// PublishBatch publishes up to ten messages of together at most 256 KB. The
// results are in the order of the entries; single entries may fail.
func (s *Service) PublishBatch(topicARN string, entries []BatchEntry) ([]BatchResult, error) {
	if err := checkBatch(entries); err != nil {
		return nil, err
	}
	call := PublishCall{TopicARN: topicARN, Batch: true}
	for _, e := range entries {
		call.IDs = append(call.IDs, e.ID)
		call.Messages = append(call.Messages, e.Message)
	}
	fault := s.publishFault(call)
	if err := fault.before(); err != nil {
		return nil, err
	}
	results := make([]BatchResult, len(entries))
	var good []int
	var messages []Message
	for i, e := range entries {
		results[i].ID = e.ID
		err := e.err
		if err == nil {
			err = e.Message.validate()
		}
		if err == nil && slices.Contains(fault.Entries, e.ID) {
			err = internalError()
		}
		if err != nil {
			if !errors.As(err, &results[i].Err) {
				return nil, err
			}
			continue
		}
		good = append(good, i)
		messages = append(messages, e.Message)
	}
	ids, err := s.accept(topicARN, messages)
	if err != nil {
		return nil, err
	}
	for n, i := range good {
		results[i].MessageID = ids[n]
	}
	if fault.Failure == PublishFailsAfter {
		return nil, internalError()
	}
	return results, nil
}

// checkBatch refuses what fails a batch as a whole
// (https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html#API_PublishBatch_Errors).
func checkBatch(entries []BatchEntry) error {
	switch {
	case len(entries) == 0:
		return invalidBatch("EmptyBatchRequest", "The batch request doesn't contain any entries.")
	case len(entries) > maxBatch:
		return invalidBatch("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
	}
	size := 0
	seen := map[string]bool{}
	for _, e := range entries {
		if !batchEntryID.MatchString(e.ID) {
			return invalidBatch("InvalidBatchEntryId", "The Id of a batch entry in a batch request doesn't abide by the specification.")
		}
		if seen[e.ID] {
			return invalidBatch("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
		}
		seen[e.ID] = true
		size += e.Message.size()
	}
	if size > maxMessage {
		return invalidBatch("BatchRequestTooLong", "The length of all the batch messages put together is more than the limit.")
	}
	return nil
}

// accept takes valid messages, plans their deliveries and hands on those that
// are due.
func (s *Service) accept(topicARN string, messages []Message) ([]string, error) {
	now := s.clock.Now()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	t := s.topics[topicARN]
	if t == nil {
		s.mu.Unlock()
		return nil, notFound("Topic")
	}
	ids := make([]string, len(messages))
	var deliveries []Delivery
	var events []Event
	for i, m := range messages {
		m.Attributes, m.Bodies = maps.Clone(m.Attributes), maps.Clone(m.Bodies)
		ids[i] = s.ids.UUID()
		published := Delivery{MessageID: ids[i], TopicARN: topicARN, Message: m, Published: now}
		events = append(events, Event{Kind: Published, Delivery: published, At: now})
		for _, sub := range t.subscriptions {
			d := published
			d.SubscriptionARN, d.Protocol, d.Endpoint = sub.ARN, sub.Protocol, sub.Endpoint
			if !sub.filter.match(m.body(sub.Protocol), m.Attributes) {
				events = append(events, Event{Kind: Filtered, Delivery: d, At: now})
				continue
			}
			deliveries = append(deliveries, d)
		}
	}
	s.mu.Unlock()
	for _, e := range events {
		s.events.Emit(e)
	}
	for _, d := range deliveries {
		s.plan(d, now)
	}
	s.deliverDue()
	return ids, nil
}

// plan schedules a delivery with what its fault makes of it.
func (s *Service) plan(d Delivery, now time.Time) {
	fault := s.deliveryFault(d)
	if fault.Lose {
		s.events.Emit(Event{Kind: Lost, Delivery: d, At: now})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range fault.Duplicates + 1 {
		wait := fault.Delay
		if s.cfg.Latency != nil {
			s.ids.Use(func(r *rand.Rand) { wait += s.cfg.Latency(r) })
		}
		d.Copy, d.Due = n, now.Add(wait)
		s.schedule(&scheduled{Delivery: d, deadLetter: fault.DeadLetter})
	}
}
