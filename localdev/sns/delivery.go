package sns

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/sqs"
)

// Delivery is one message on its way to one subscription.
type Delivery struct {
	MessageID       string
	TopicARN        string
	SubscriptionARN string
	Protocol        string
	Endpoint        string
	Message         Message
	Published       time.Time
	Due             time.Time
	// Copy is 0 for the delivery itself and counts its injected duplicates.
	Copy int
}

// scheduled is a delivery that waits.
type scheduled struct {
	Delivery
	deadLetter bool
	timer      clock.Timer // nil for one that was due from the start
}

func (d *scheduled) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// schedule adds the delivery to those that are pending or held. The caller holds
// mu and calls deliverDue afterwards.
func (s *Service) schedule(d *scheduled) {
	if s.closed {
		return
	}
	if s.holdUntil > 0 {
		s.held = append(s.held, d)
		if len(s.held) >= s.holdUntil {
			s.release()
		}
		return
	}
	s.enqueue(d)
}

// enqueue makes the delivery pending. The caller holds mu.
func (s *Service) enqueue(d *scheduled) {
	at, _ := slices.BinarySearchFunc(s.pending, d, func(other, d *scheduled) int {
		if other.Due.After(d.Due) {
			return 1
		}
		return -1 // equal ones stay in their order
	})
	s.pending = slices.Insert(s.pending, at, d)
	if wait := d.Due.Sub(s.clock.Now()); wait > 0 {
		d.timer = s.clock.AfterFunc(wait, s.deliverDue)
	}
}

// release makes the held deliveries pending in reverse order. The caller holds
// mu and calls deliverDue afterwards.
func (s *Service) release() {
	s.holdUntil = 0
	held := s.held
	s.held = nil
	now := s.clock.Now()
	for _, d := range slices.Backward(held) {
		if d.Due.Before(now) {
			d.Due = now
		}
		s.enqueue(d)
	}
}

// deliverDue hands on what is due, in order. It returns when all that was due
// when it was called has been handed on, by it or by another.
func (s *Service) deliverDue() {
	s.delivering.Lock()
	defer s.delivering.Unlock()
	for d := s.pop(); d != nil; d = s.pop() {
		s.deliver(d)
	}
}

func (s *Service) pop() *scheduled {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 || s.pending[0].Due.After(s.clock.Now()) {
		return nil
	}
	d := s.pending[0]
	s.pending = slices.Delete(s.pending, 0, 1)
	d.stop()
	return d
}

// errUnreachable is why an injected dead letter was not delivered.
var errUnreachable = errors.New("the target could not be reached (injected)")

func (s *Service) deliver(d *scheduled) {
	s.mu.Lock()
	var sub Subscription
	t, i := s.find(d.SubscriptionARN)
	if t != nil {
		sub = t.subscriptions[i].Subscription
	}
	s.mu.Unlock()
	if t == nil {
		return // unsubscribed in the meantime
	}
	err := errUnreachable
	if !d.deadLetter {
		err = s.handOn(d.Delivery, sub)
	}
	now := s.clock.Now()
	if err == nil {
		s.events.Emit(Event{Kind: Delivered, Delivery: d.Delivery, At: now})
		return
	}
	log := s.log.With(slog.String("subscription", sub.ARN), slog.String("messageId", d.MessageID), slog.Any("error", err))
	if sub.DeadLetterARN == "" {
		log.Warn("message not delivered and lost: the subscription has no dead-letter queue")
		s.events.Emit(Event{Kind: Lost, Delivery: d.Delivery, Err: err, At: now})
		return
	}
	// A target that refuses is not tried again: in process it refuses only what
	// AWS calls a client-side error, such as a function that does not exist
	// (https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html).
	if dlqErr := s.send(d.Delivery, sub.DeadLetterARN, sub.RawDelivery); dlqErr != nil {
		log.Error("message lost: the dead-letter queue does not take it", slog.Any("deadLetterError", dlqErr))
		s.events.Emit(Event{Kind: Lost, Delivery: d.Delivery, Err: errors.Join(err, dlqErr), At: now})
		return
	}
	log.Warn("message not delivered, sent to the dead-letter queue", slog.String("queue", sub.DeadLetterARN))
	s.events.Emit(Event{Kind: DeadLettered, Delivery: d.Delivery, Err: err, At: now})
}

func (s *Service) handOn(d Delivery, sub Subscription) error {
	if sub.Protocol == "sqs" {
		return s.send(d, sub.Endpoint, sub.RawDelivery)
	}
	event, err := s.lambdaEvent(d)
	if err != nil {
		return err
	}
	_, err = s.cfg.Lambda.InvokeAsync(sub.Endpoint, event)
	return err
}

// send puts the message into a queue: alone with its attributes if raw, else in
// SNS' envelope.
func (s *Service) send(d Delivery, queueARN string, raw bool) error {
	m := sqs.Message{Body: d.Message.body(d.Protocol), Attributes: d.Message.Attributes}
	if !raw {
		body, err := s.notification(d)
		if err != nil {
			return err
		}
		m = sqs.Message{Body: string(body)}
	}
	if s.cfg.MaySend != nil {
		if err := s.cfg.MaySend(d.TopicARN, queueARN); err != nil {
			return err
		}
	}
	_, err := s.cfg.Queue.SendARN(queueARN, m)
	return err
}

// Pending returns the deliveries that wait for their time, in its order, and
// after them those that ReorderNext holds back.
func (s *Service) Pending() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := make([]Delivery, 0, len(s.pending)+len(s.held))
	for _, d := range slices.Concat(s.pending, s.held) {
		waiting = append(waiting, d.Delivery)
	}
	return waiting
}
