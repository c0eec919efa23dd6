package sqs

import (
	"context"
	"encoding/base64"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ReceiveOptions are the parameters of Receive.
type ReceiveOptions struct {
	// Max is 1 to 10; default 1.
	Max int
	// Visibility hides the received messages from others; nil means the queue's
	// own time-out.
	Visibility *time.Duration
	// Wait is how long to wait for a first message; nil means the queue's own
	// time.
	Wait *time.Duration
}

// Received is a received message.
type Received struct {
	StoredMessage
	// ReceiptHandle is what Delete and ChangeVisibility take.
	ReceiptHandle string
	FirstReceive  time.Time
}

// Receive takes messages from a queue in the order of sending. It returns none
// when the wait has passed. The error is an *Error, ErrClosed, or ctx's error.
func (s *Service) Receive(ctx context.Context, name string, o ReceiveOptions) ([]Received, error) {
	if o.Max == 0 {
		o.Max = 1
	}
	if o.Max < 1 || o.Max > maxBatch {
		return nil, invalidValue("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", o.Max)
	}
	if v := o.Visibility; v != nil && (*v < 0 || *v > maxVisibility) {
		return nil, invalidVisibility(*v)
	}
	if w := o.Wait; w != nil && (*w < 0 || *w > maxWait) {
		return nil, invalidValue("Value %v for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", w.Seconds())
	}
	var until time.Time
	for {
		got, wait, err := s.tryReceive(name, o, &until)
		if err != nil || len(got) > 0 || wait == nil {
			return got, err
		}
		if err := wait(ctx); err != nil {
			return nil, err
		}
	}
}

// tryReceive looks once. Without a message and before until, which it sets the
// first time, it returns a function that waits for a reason to look again.
func (s *Service) tryReceive(name string, o ReceiveOptions, until *time.Time) ([]Received, func(context.Context) error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(name)
	if err != nil {
		return nil, nil, err
	}
	now := s.clock.Now()
	if until.IsZero() {
		wait := q.settings.wait
		if o.Wait != nil {
			wait = *o.Wait
		}
		*until = now.Add(wait)
	}
	q.expire(now)
	got, err := s.take(q, now, o)
	if err != nil || len(got) > 0 || !until.After(now) {
		return got, nil, err
	}
	next := *until
	for _, m := range q.messages {
		if m.visible.Before(next) {
			next = m.visible
		}
	}
	changed := q.changed
	return nil, func(ctx context.Context) error { return s.wait(ctx, next.Sub(now), changed) }, nil
}

// wait returns nil after d or a change, or why waiting makes no sense any more.
func (s *Service) wait(ctx context.Context, d time.Duration, changed <-chan struct{}) error {
	due := make(chan struct{})
	timer := s.clock.AfterFunc(d, func() { close(due) })
	defer timer.Stop()
	select {
	case <-due:
		return nil
	case <-changed:
		return nil
	case <-s.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take receives the visible messages, and moves those that were received too
// often. The caller holds mu.
func (s *Service) take(q *queue, now time.Time, o ReceiveOptions) ([]Received, error) {
	visibility := q.settings.visibility
	if o.Visibility != nil {
		visibility = *o.Visibility
	}
	if q.counts(now).InFlight >= maxInFlight {
		return nil, refuse(ErrInvalid, "OverLimit", "OverLimit", "Too many messages in flight")
	}
	var got []Received
	for _, m := range slices.Clone(q.messages) {
		if len(got) == o.Max {
			break
		}
		if m.visible.After(now) || s.moveDead(q, m, now) {
			continue
		}
		m.receives++
		if m.receives == 1 {
			m.first = now
		}
		m.visible = now.Add(visibility)
		m.receipt = receiptHandle(q.name, m.id, s.ids.UUID())
		got = append(got, Received{
			StoredMessage: StoredMessage{m.Message, m.id, m.sent, m.visible, m.receives, m.source},
			ReceiptHandle: m.receipt, FirstReceive: m.first,
		})
	}
	return got, nil
}

// moveDead moves a message that has been received as often as the redrive policy
// allows. The caller holds mu.
func (s *Service) moveDead(q *queue, m *message, now time.Time) bool {
	if q.settings.deadLetterARN == "" || m.receives < q.settings.maxReceives {
		return false
	}
	target := s.byARN(q.settings.deadLetterARN)
	if target == nil || target == q {
		return false // deleted since: the message stays
	}
	q.messages = slices.DeleteFunc(q.messages, func(other *message) bool { return other == m })
	m.visible, m.receipt, m.source = now, "", q.arn
	target.messages = append(target.messages, m)
	slices.SortStableFunc(target.messages, func(a, b *message) int { return a.sent.Compare(b.sent) })
	target.wake()
	s.log.Warn("message moved to the dead-letter queue", slog.String("queue", q.name),
		slog.String("deadLetterQueue", target.name), slog.String("messageId", m.id), slog.Int("receives", m.receives))
	return true
}

func receiptHandle(queue, id, nonce string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Join([]string{queue, id, nonce}, "/")))
}

// locate finds the message of a receipt handle; nil if it is gone or was
// received again since. The caller holds mu.
func (q *queue) locate(handle string) (*message, error) {
	raw, err := base64.StdEncoding.DecodeString(handle)
	parts := strings.Split(string(raw), "/")
	if err != nil || len(parts) != 3 || parts[0] != q.name {
		return nil, invalidReceipt(handle)
	}
	for _, m := range q.messages {
		if m.id == parts[1] && m.receipt == handle {
			return m, nil
		}
	}
	return nil, nil
}

// Delete removes a received message. With the handle of an earlier receive it
// succeeds and leaves the message, which is the worst that AWS allows
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html).
func (s *Service) Delete(name, receiptHandle string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(name)
	if err != nil {
		return err
	}
	m, err := q.locate(receiptHandle)
	if err != nil {
		return err
	}
	q.messages = slices.DeleteFunc(q.messages, func(other *message) bool { return other == m })
	return nil
}

// ChangeVisibility hides a received message for d from now; 0 shows it at once.
func (s *Service) ChangeVisibility(name, receiptHandle string, d time.Duration) error {
	if d < 0 || d > maxVisibility {
		return invalidVisibility(d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(name)
	if err != nil {
		return err
	}
	m, err := q.locate(receiptHandle)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	if m == nil || !m.visible.After(now) {
		return refuse(ErrInvalid, "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "The message referred to is not in flight.")
	}
	m.visible = now.Add(d)
	q.wake()
	return nil
}

func invalidVisibility(d time.Duration) error {
	return invalidValue("Value %s for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200.",
		strconv.FormatFloat(d.Seconds(), 'f', -1, 64))
}
