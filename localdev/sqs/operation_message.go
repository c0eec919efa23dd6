package sqs

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// wireAttribute is a message attribute in the JSON protocol.
type wireAttribute struct {
	DataType    string
	StringValue string `json:"StringValue,omitempty"`
	BinaryValue []byte `json:"BinaryValue,omitempty"`
}

// wireMessage is what SendMessage and the entries of SendMessageBatch share.
type wireMessage struct {
	MessageBody       string
	DelaySeconds      int
	MessageAttributes map[string]wireAttribute
}

func (w wireMessage) message() Message {
	m := Message{Body: w.MessageBody, Delay: time.Duration(w.DelaySeconds) * time.Second}
	for name, a := range w.MessageAttributes {
		if m.Attributes == nil {
			m.Attributes = map[string]Attribute{}
		}
		m.Attributes[name] = Attribute{Type: a.DataType, String: a.StringValue, Binary: a.BinaryValue}
	}
	return m
}

type sendResult struct {
	ID                     string `json:"Id,omitempty"`
	MessageID              string `json:"MessageId"`
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:"MD5OfMessageAttributes,omitempty"`
}

func (s *Service) sendWire(name, entry string, w wireMessage) (sendResult, error) {
	m := w.message()
	id, err := s.Send(name, m)
	return sendResult{entry, id, bodyDigest(m.Body), attributesDigest(m.Attributes)}, err
}

type sendMessageRequest struct {
	queueURL
	wireMessage
}

func (s *Service) doSendMessage(_ *http.Request, r sendMessageRequest) (any, error) {
	name, err := nameOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	return s.sendWire(name, "", r.wireMessage)
}

// batchRequest is a batch of entries of one type.
type batchRequest[E any] struct {
	queueURL
	Entries []E
}

type batchFailure struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

type batchAnswer[R any] struct {
	Successful []R
	Failed     []batchFailure
}

type entryID struct {
	ID string `json:"Id"`
}

var batchEntryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// runBatch checks a batch and does each entry on its own.
func runBatch[E, R any](s *Service, r batchRequest[E], id func(E) string, do func(queue string, e E) (R, error)) (any, error) {
	name, err := nameOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	if _, err := s.Counts(name); err != nil {
		return nil, err
	}
	switch {
	case len(r.Entries) == 0:
		return nil, invalidBatch("EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(r.Entries) > maxBatch:
		return nil, invalidBatch("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent "+strconv.Itoa(len(r.Entries))+".")
	}
	seen := map[string]bool{}
	for _, e := range r.Entries {
		switch {
		case !batchEntryID.MatchString(id(e)):
			return nil, invalidBatch("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		case seen[id(e)]:
			return nil, invalidBatch("BatchEntryIdsNotDistinct", "Id "+id(e)+" repeated.")
		}
		seen[id(e)] = true
	}
	answer := batchAnswer[R]{Successful: []R{}, Failed: []batchFailure{}}
	for _, e := range r.Entries {
		result, err := do(name, e)
		var refusal *Error
		switch {
		case err == nil:
			answer.Successful = append(answer.Successful, result)
		case errors.As(err, &refusal):
			answer.Failed = append(answer.Failed, batchFailure{id(e), refusal.ReportedCode(), refusal.Message, true})
		default:
			return nil, err
		}
	}
	return answer, nil
}

type sendEntry struct {
	entryID
	wireMessage
}

func (s *Service) doSendMessageBatch(_ *http.Request, r batchRequest[sendEntry]) (any, error) {
	size := 0
	for _, e := range r.Entries {
		size += e.message().size()
	}
	if size > maxMessage {
		return nil, invalidBatch("BatchRequestTooLong", "Batch requests cannot be longer than "+strconv.Itoa(maxMessage)+" bytes. You have sent "+strconv.Itoa(size)+" bytes.")
	}
	return runBatch(s, r, func(e sendEntry) string { return e.ID }, func(queue string, e sendEntry) (sendResult, error) {
		return s.sendWire(queue, e.ID, e.wireMessage)
	})
}

type receipt struct {
	ReceiptHandle string
}

type deleteMessageRequest struct {
	queueURL
	receipt
}

func (s *Service) doDeleteMessage(_ *http.Request, r deleteMessageRequest) (any, error) {
	name, err := nameOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	return nil, s.Delete(name, r.ReceiptHandle)
}

type deleteEntry struct {
	entryID
	receipt
}

func (s *Service) doDeleteMessageBatch(_ *http.Request, r batchRequest[deleteEntry]) (any, error) {
	return runBatch(s, r, func(e deleteEntry) string { return e.ID }, func(queue string, e deleteEntry) (entryID, error) {
		return e.entryID, s.Delete(queue, e.ReceiptHandle)
	})
}

type visibility struct {
	VisibilityTimeout *int
}

type changeVisibilityRequest struct {
	queueURL
	receipt
	visibility
}

func (s *Service) changeVisibility(queue string, r receipt, v visibility) error {
	if v.VisibilityTimeout == nil {
		return missing("VisibilityTimeout")
	}
	return s.ChangeVisibility(queue, r.ReceiptHandle, time.Duration(*v.VisibilityTimeout)*time.Second)
}

func (s *Service) doChangeMessageVisibility(_ *http.Request, r changeVisibilityRequest) (any, error) {
	name, err := nameOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	return nil, s.changeVisibility(name, r.receipt, r.visibility)
}

type visibilityEntry struct {
	entryID
	receipt
	visibility
}

func (s *Service) doChangeMessageVisibilityBatch(_ *http.Request, r batchRequest[visibilityEntry]) (any, error) {
	return runBatch(s, r, func(e visibilityEntry) string { return e.ID }, func(queue string, e visibilityEntry) (entryID, error) {
		return e.entryID, s.changeVisibility(queue, e.receipt, e.visibility)
	})
}

type receiveMessageRequest struct {
	queueURL
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	MessageAttributeNames       []string
	MessageSystemAttributeNames []string
	AttributeNames              []string // the former name of the one above
}

type wireReceived struct {
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	Body                   string
	MD5OfBody              string
	MD5OfMessageAttributes string                   `json:"MD5OfMessageAttributes,omitempty"`
	Attributes             map[string]string        `json:"Attributes,omitempty"`
	MessageAttributes      map[string]wireAttribute `json:"MessageAttributes,omitempty"`
}

func (s *Service) doReceiveMessage(from *http.Request, r receiveMessageRequest) (any, error) {
	name, err := nameOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	o := ReceiveOptions{Visibility: duration(r.VisibilityTimeout), Wait: duration(r.WaitTimeSeconds)}
	if n := r.MaxNumberOfMessages; n != nil {
		if o.Max = *n; o.Max == 0 {
			o.Max = -1 // refused by Receive
		}
	}
	received, err := s.Receive(from.Context(), name, o)
	if err != nil {
		return nil, err
	}
	system := slices.Concat(r.MessageSystemAttributeNames, r.AttributeNames)
	messages := make([]wireReceived, 0, len(received))
	for _, m := range received {
		shown := shownAttributes(m.Attributes, r.MessageAttributeNames)
		w := wireReceived{
			MessageID: m.ID, ReceiptHandle: m.ReceiptHandle, Body: m.Body,
			MD5OfBody: bodyDigest(m.Body), MD5OfMessageAttributes: attributesDigest(shown),
			Attributes: s.systemAttributes(m, system),
		}
		for attribute, a := range shown {
			if w.MessageAttributes == nil {
				w.MessageAttributes = map[string]wireAttribute{}
			}
			w.MessageAttributes[attribute] = wireAttribute{a.Type, a.String, a.Binary}
		}
		messages = append(messages, w)
	}
	return struct {
		Messages []wireReceived `json:"Messages,omitempty"`
	}{messages}, nil
}

func duration(seconds *int) *time.Duration {
	if seconds == nil {
		return nil
	}
	d := time.Duration(*seconds) * time.Second
	return &d
}

// shownAttributes picks the attributes by name, "All", ".*" or "prefix.*".
func shownAttributes(attributes map[string]Attribute, names []string) map[string]Attribute {
	shown := map[string]Attribute{}
	for name, a := range attributes {
		for _, wanted := range names {
			prefix, isPrefix := strings.CutSuffix(wanted, ".*")
			if wanted == "All" || wanted == name || isPrefix && strings.HasPrefix(name, prefix) {
				shown[name] = a
			}
		}
	}
	return shown
}

// systemAttributes picks a received message's system attributes.
func (s *Service) systemAttributes(m Received, names []string) map[string]string {
	all := map[string]string{
		"SenderId":                         s.cfg.AccountID,
		"SentTimestamp":                    strconv.FormatInt(m.Sent.UnixMilli(), 10),
		"ApproximateReceiveCount":          strconv.Itoa(m.Receives),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstReceive.UnixMilli(), 10),
	}
	if m.SourceARN != "" {
		all["DeadLetterQueueSourceArn"] = m.SourceARN
	}
	if slices.Contains(names, "All") {
		return all
	}
	shown := map[string]string{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			shown[name] = value
		}
	}
	return shown
}
