package sqs

import (
	"encoding/base64"
	"time"
)

// Attribute is a message attribute
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_MessageAttributeValue.html).
type Attribute struct {
	// Type is String, Number or Binary, optionally with a custom label after a
	// dot.
	Type string
	// String is the value of a String or Number.
	String string
	// Binary is the value of a Binary.
	Binary []byte
}

// Text is the value as SNS shows it: a Binary in base64.
func (a Attribute) Text() string {
	if a.Binary != nil {
		return base64.StdEncoding.EncodeToString(a.Binary)
	}
	return a.String
}

// Message is what a sender sends.
type Message struct {
	Body       string
	Attributes map[string]Attribute
	// Delay keeps the message from receivers; 0 means the queue's own delay.
	Delay time.Duration
}
