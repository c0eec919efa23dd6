package sqs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gapless-rooms/gapless/localdev/iam"
)

type queue struct {
	name     string
	arn      string
	created  time.Time
	modified time.Time
	purged   time.Time
	settings settings
	messages []*message // in the order in which they were sent
	changed  chan struct{}
}

type message struct {
	Message
	id       string
	sent     time.Time
	visible  time.Time // from when on it can be received
	first    time.Time // of the first receive
	receives int
	receipt  string // the latest receipt handle
	source   string // ARN of the queue from which it was moved as a dead letter
}

// settings are the attributes that can be set.
type settings struct {
	visibility    time.Duration
	retention     time.Duration
	delay         time.Duration
	wait          time.Duration
	maxSize       int
	deadLetterARN string
	maxReceives   int
	policy        iam.ResourcePolicy
	// stored are attributes that are shown as they were set. All but Policy have
	// no effect here.
	stored map[string]string
}

var storedAttributes = []string{"Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled", "RedriveAllowPolicy"}

func defaultSettings() settings {
	return settings{visibility: defaultVisibility, retention: defaultRetention, maxSize: maxMessage, stored: map[string]string{}}
}

func (s *settings) set(name, value string) error {
	seconds := func(into *time.Duration, low, high time.Duration) error {
		n, err := strconv.Atoi(value)
		d := time.Duration(n) * time.Second
		if err != nil || d < low || d > high {
			return invalidAttribute(name, value, fmt.Sprintf("Must be an integer from %d to %d.", low/time.Second, high/time.Second))
		}
		*into = d
		return nil
	}
	switch name {
	case "VisibilityTimeout":
		return seconds(&s.visibility, 0, maxVisibility)
	case "MessageRetentionPeriod":
		return seconds(&s.retention, minRetention, maxRetention)
	case "DelaySeconds":
		return seconds(&s.delay, 0, maxDelay)
	case "ReceiveMessageWaitTimeSeconds":
		return seconds(&s.wait, 0, maxWait)
	case "MaximumMessageSize":
		n, err := strconv.Atoi(value)
		if err != nil || n < minMessageSize || n > maxMessage {
			return invalidAttribute(name, value, fmt.Sprintf("Must be an integer from %d to %d.", minMessageSize, maxMessage))
		}
		s.maxSize = n
		return nil
	case "RedrivePolicy":
		return s.setRedrive(value)
	case "FifoQueue":
		if value == "false" {
			return nil
		}
		return unsupported("FIFO queues")
	}
	if name == "Policy" {
		policy, err := iam.ParseResourcePolicy(value)
		if err != nil {
			return invalidAttribute(name, value, err.Error())
		}
		s.policy = policy
	}
	if !slices.Contains(storedAttributes, name) {
		return refuse(ErrInvalid, "InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute "+name+".")
	}
	s.stored[name] = value
	return nil
}

// setRedrive takes {"deadLetterTargetArn": …, "maxReceiveCount": n}, the number
// plain or as a string.
func (s *settings) setRedrive(value string) error {
	s.deadLetterARN, s.maxReceives = "", 0
	if value == "" {
		return nil
	}
	var policy struct {
		Target string          `json:"deadLetterTargetArn"`
		Max    json.RawMessage `json:"maxReceiveCount"`
	}
	err := json.Unmarshal([]byte(value), &policy)
	n, numErr := strconv.Atoi(strings.Trim(string(policy.Max), `"`))
	if err != nil || numErr != nil || policy.Target == "" || n < 1 || n > maxReceiveCount {
		return invalidAttribute("RedrivePolicy", value, "Must be a JSON object with deadLetterTargetArn and maxReceiveCount from 1 to 1000.")
	}
	s.deadLetterARN, s.maxReceives = policy.Target, n
	return nil
}

// attributes are those of GetQueueAttributes that do not count messages.
func (q *queue) attributes() map[string]string {
	inSeconds := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	all := map[string]string{
		"QueueArn":                      q.arn,
		"CreatedTimestamp":              strconv.FormatInt(q.created.Unix(), 10),
		"LastModifiedTimestamp":         strconv.FormatInt(q.modified.Unix(), 10),
		"VisibilityTimeout":             inSeconds(q.settings.visibility),
		"MessageRetentionPeriod":        inSeconds(q.settings.retention),
		"DelaySeconds":                  inSeconds(q.settings.delay),
		"ReceiveMessageWaitTimeSeconds": inSeconds(q.settings.wait),
		"MaximumMessageSize":            strconv.Itoa(q.settings.maxSize),
	}
	if q.settings.deadLetterARN != "" {
		policy, err := json.Marshal(struct {
			Target string `json:"deadLetterTargetArn"`
			Max    int    `json:"maxReceiveCount"`
		}{q.settings.deadLetterARN, q.settings.maxReceives})
		if err == nil { // strings and integers always marshal
			all["RedrivePolicy"] = string(policy)
		}
	}
	maps.Copy(all, q.settings.stored)
	if all["Policy"] == "" { // an empty one removes it
		delete(all, "Policy")
	}
	return all
}

// Counts are a queue's messages by state. Here they are exact.
type Counts struct {
	Visible  int // can be received
	InFlight int // received and neither deleted nor timed out
	Delayed  int // sent with a delay that has not passed
}

func (q *queue) counts(now time.Time) Counts {
	q.expire(now)
	var c Counts
	for _, m := range q.messages {
		switch {
		case !m.visible.After(now):
			c.Visible++
		case m.receives == 0:
			c.Delayed++
		default:
			c.InFlight++
		}
	}
	return c
}

// expire drops what is older than the retention, counted from the first sending
// even for dead letters
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html).
func (q *queue) expire(now time.Time) {
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return !m.sent.Add(q.settings.retention).After(now) })
}

// wake makes those look again who wait for a message.
func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Counts returns a queue's message counts.
func (s *Service) Counts(name string) (Counts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(name)
	if err != nil {
		return Counts{}, err
	}
	return q.counts(s.clock.Now()), nil
}

// StoredMessage is a message as it lies in a queue.
type StoredMessage struct {
	Message
	ID       string
	Sent     time.Time
	Visible  time.Time // from when on it can be received
	Receives int
	// SourceARN is the queue from which it was moved as a dead letter.
	SourceARN string
}

// Messages returns all messages of a queue, in the order of sending, without
// receiving them.
func (s *Service) Messages(name string) ([]StoredMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(name)
	if err != nil {
		return nil, err
	}
	q.expire(s.clock.Now())
	stored := make([]StoredMessage, 0, len(q.messages))
	for _, m := range q.messages {
		stored = append(stored, StoredMessage{m.Message, m.id, m.sent, m.visible, m.receives, m.source})
	}
	return stored, nil
}
