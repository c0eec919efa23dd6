package sqs

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Send puts a message into a queue and returns its id. The error is an *Error or
// ErrClosed.
func (s *Service) Send(name string, m Message) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(name)
	if err != nil {
		return "", err
	}
	return s.send(q, m)
}

// SendARN is Send for a queue by its ARN, as SNS and Lambda name their targets.
func (s *Service) SendARN(arn string, m Message) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", ErrClosed
	}
	q := s.byARN(arn)
	if q == nil {
		return "", queueNotFound()
	}
	return s.send(q, m)
}

// send adds the message. The caller holds mu.
func (s *Service) send(q *queue, m Message) (string, error) {
	if err := m.validate(); err != nil {
		return "", err
	}
	if m.size() > q.settings.maxSize {
		return "", invalidValue("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.settings.maxSize)
	}
	delay := m.Delay
	if delay == 0 {
		delay = q.settings.delay
	}
	m.Attributes = maps.Clone(m.Attributes)
	for attribute, a := range m.Attributes {
		a.Binary = bytes.Clone(a.Binary)
		m.Attributes[attribute] = a
	}
	now := s.clock.Now()
	added := &message{Message: m, id: s.ids.UUID(), sent: now, visible: now.Add(delay)}
	q.messages = append(q.messages, added)
	q.wake()
	return added.id, nil
}

func (m Message) size() int {
	n := len(m.Body)
	for name, a := range m.Attributes {
		n += len(name) + len(a.Type) + len(a.String) + len(a.Binary)
	}
	return n
}

// validate checks everything but the size.
func (m Message) validate() error {
	switch {
	case m.Body == "":
		return missing("MessageBody")
	case !validText(m.Body):
		return refuse(ErrInvalid, "InvalidMessageContents", "InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	case m.Delay < 0 || m.Delay > maxDelay || m.Delay%time.Second != 0:
		return invalidValue("Value %v for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= %d.", m.Delay.Seconds(), maxDelay/time.Second)
	case len(m.Attributes) > maxAttributes:
		return invalidValue("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(m.Attributes), maxAttributes)
	}
	for name, a := range m.Attributes {
		if err := a.validate(name); err != nil {
			return err
		}
	}
	return nil
}

// validText tells whether SQS takes the characters
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
func validText(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}

var attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

func (a Attribute) validate(name string) error {
	invalid := func(format string, args ...any) error {
		return invalidValue("The message attribute '%s' %s", name, fmt.Sprintf(format, args...))
	}
	lower := strings.ToLower(name)
	if len(name) > 256 || !attributeName.MatchString(name) || strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") {
		return invalid("has an invalid name.")
	}
	base, _, _ := strings.Cut(a.Type, ".")
	switch base {
	case "String", "Number":
		if a.String == "" || a.Binary != nil {
			return invalid("must contain a non-empty value of type '%s'.", a.Type)
		}
		if _, err := strconv.ParseFloat(a.String, 64); base == "Number" && err != nil {
			return invalid("has no numeric value.")
		}
		if !validText(a.String) {
			return invalid("has invalid characters.")
		}
	case "Binary":
		if len(a.Binary) == 0 || a.String != "" {
			return invalid("must contain a non-empty value of type '%s'.", a.Type)
		}
	default:
		return invalid("has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.")
	}
	return nil
}
