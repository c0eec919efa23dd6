// Package sns publishes wake-ups to the topic that starts broadcasters.
package sns

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/gapless-rooms/gapless/pkg/aws/fault"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
)

var _ broadcast.Waker = (*Waker)(nil)

// Waker publishes wake-ups. It is safe for concurrent use.
type Waker struct {
	client *api.Client
	topic  string
}

// New returns a Waker for the topic with the given ARN.
func New(cfg aws.Config, topic string) *Waker {
	return &Waker{api.NewFromConfig(cfg), topic}
}

// batch is the number of messages that PublishBatch takes
// (https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html). Together
// they may have 256 KB; only wake-ups without an entry are sent in batches.
const batch = 10

// Wake publishes one wake-up with Publish, several with PublishBatch. It fails if
// the topic refuses any of them.
func (w *Waker) Wake(ctx context.Context, wakes ...broadcast.Wake) error {
	if len(wakes) == 1 {
		return w.publish(ctx, wakes[0])
	}
	for chunk := range slices.Chunk(wakes, batch) {
		if err := w.publishBatch(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (w *Waker) publish(ctx context.Context, wake broadcast.Wake) error {
	body, err := wake.Encode()
	if err != nil {
		return err
	}
	_, err = w.client.Publish(ctx, &api.PublishInput{TopicArn: &w.topic, Message: aws.String(string(body))})
	return fault.Wrap("publish wake-up", err)
}

func (w *Waker) publishBatch(ctx context.Context, wakes []broadcast.Wake) error {
	entries := make([]types.PublishBatchRequestEntry, len(wakes))
	for i, wake := range wakes {
		body, err := wake.Encode()
		if err != nil {
			return err
		}
		entries[i] = types.PublishBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), Message: aws.String(string(body))}
	}
	out, err := w.client.PublishBatch(ctx, &api.PublishBatchInput{TopicArn: &w.topic, PublishBatchRequestEntries: entries})
	if err != nil {
		return fault.Wrap("publish wake-ups", err)
	}
	if len(out.Failed) > 0 {
		first := out.Failed[0]
		return &RefusedError{len(out.Failed), aws.ToString(first.Code), first.SenderFault}
	}
	return nil
}

// RefusedError is returned when the topic accepted a batch only in part.
type RefusedError struct {
	Count       int
	Code        string
	SenderFault bool
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("publish wake-ups: %d refused, first with %s", e.Count, e.Code)
}

// Temporary reports whether the fault was the service's.
func (e *RefusedError) Temporary() bool { return !e.SenderFault }
