// Package sqs reads the queue of dead letters.
package sqs

import (
	"context"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/go-json-experiment/json"

	"github.com/gapless-rooms/gapless/pkg/aws/fault"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/sweep"
)

var _ sweep.DeadLetters = (*DeadLetters)(nil)

// DeadLetters reads the queue. It is safe for concurrent use.
type DeadLetters struct {
	client *api.Client
	queue  string
}

// New returns the DeadLetters of the queue with the given URL.
func New(cfg aws.Config, queue string) *DeadLetters {
	return &DeadLetters{api.NewFromConfig(cfg), queue}
}

// receiveMost is the largest number of letters that one call returns
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html).
const receiveMost = 10

// Receive takes up to ten letters without waiting.
func (d *DeadLetters) Receive(ctx context.Context) ([]sweep.DeadLetter, error) {
	out, err := d.client.ReceiveMessage(ctx, &api.ReceiveMessageInput{QueueUrl: &d.queue, MaxNumberOfMessages: receiveMost})
	if err != nil {
		return nil, fault.Wrap("receive dead letters", err)
	}
	letters := make([]sweep.DeadLetter, 0, len(out.Messages))
	for _, m := range out.Messages {
		letters = append(letters, sweep.DeadLetter{
			ID: aws.ToString(m.ReceiptHandle), Wakes: decode(aws.ToString(m.Body)),
		})
	}
	return letters, nil
}

// Forget deletes a letter.
func (d *DeadLetters) Forget(ctx context.Context, letter sweep.DeadLetter) error {
	_, err := d.client.DeleteMessage(ctx, &api.DeleteMessageInput{QueueUrl: &d.queue, ReceiptHandle: &letter.ID})
	return fault.Wrap("delete dead letter", err)
}

// decode reads both forms of dead letters: the event of a function that failed
// each time
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html),
// and the notification that SNS could not deliver to Lambda
// (https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html).
func decode(body string) []broadcast.Wake {
	var event struct {
		Records []struct{ Sns events.SNSEntity }
		Message string
	}
	if err := json.Unmarshal([]byte(body), &event); err != nil {
		return nil
	}
	messages := []string{event.Message}
	for _, r := range event.Records {
		messages = append(messages, r.Sns.Message)
	}
	var wakes []broadcast.Wake
	for _, m := range messages {
		if wake, err := broadcast.DecodeWake([]byte(m)); err == nil {
			wakes = append(wakes, wake)
		}
	}
	return wakes
}
