package lambda

import (
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"

	"github.com/gapless-rooms/gapless/localdev/sqs"
)

// DeadLetter is an event that was given up.
type DeadLetter struct {
	Function string
	// Payload is the event as it was sent.
	Payload []byte
	// RequestID, ErrorCode and ErrorMessage are the message attributes that
	// Lambda sets, of type String, Number and String
	// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
	// ErrorCode is the HTTP status of the last attempt, so 200 for a function
	// error; ErrorMessage is cut at 1 KB.
	RequestID    string
	ErrorCode    int
	ErrorMessage string
}

// Message is the letter as Lambda puts it into a queue: the event as the body,
// the rest as attributes.
func (l DeadLetter) Message() sqs.Message {
	m := sqs.Message{Body: string(l.Payload), Attributes: map[string]sqs.Attribute{
		"RequestID": {Type: "String", String: l.RequestID},
		"ErrorCode": {Type: "Number", String: strconv.Itoa(l.ErrorCode)},
	}}
	if l.ErrorMessage != "" { // a queue takes no empty attribute
		m.Attributes["ErrorMessage"] = sqs.Attribute{Type: "String", String: l.ErrorMessage}
	}
	return m
}

// giveUp turns the event into a dead letter.
func (s *Service) giveUp(e *event) {
	letter := DeadLetter{
		Function: e.inv.Function, Payload: e.inv.Payload, RequestID: e.inv.RequestID,
		ErrorCode: e.last.code, ErrorMessage: e.last.message,
	}
	if len(letter.ErrorMessage) > maxDeadLetterMessage {
		letter.ErrorMessage = strings.ToValidUTF8(letter.ErrorMessage[:maxDeadLetterMessage], "")
	}
	s.mu.Lock()
	f := s.functions[e.inv.Function]
	if f == nil {
		s.mu.Unlock()
		return
	}
	f.stats.DeadLetters++
	def := f.def
	s.mu.Unlock()

	log := s.log.With(slog.String("function", letter.Function), slog.String("requestId", letter.RequestID),
		slog.Int("errorCode", letter.ErrorCode), slog.String("errorMessage", letter.ErrorMessage))
	log.Warn("event given up", slog.String("target", def.DeadLetterARN))
	if def.DeadLetterARN != "" {
		if s.cfg.DeadLetter == nil {
			log.Error("no sender for dead letters is configured; the event is lost")
		} else if err := s.cfg.DeadLetter(def.DeadLetterARN, letter); err != nil {
			log.Error("dead letter was not delivered; the event is lost", slog.Any("error", err))
		}
	}
	if def.DeadLetter != nil {
		def.DeadLetter(letter)
	}
	s.events.Emit(Event{Kind: DeadLettered, Invocation: e.inv, Letter: letter, At: s.clock.Now()})
}

// errorMessage is the errorMessage of a function's error object.
func errorMessage(payload []byte) string {
	var e struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &e) != nil || e.Message == "" {
		return string(payload)
	}
	return e.Message
}
