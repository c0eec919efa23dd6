package sns_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/google/go-cmp/cmp"

	movable "github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/sns"
	"github.com/gapless-rooms/gapless/localdev/sqs"
)

// messages are the messages in the events that the function got, in order of
// arrival. Those that arrive at one time may run in any order.
func (b *bundle) messages(t *testing.T) []string {
	t.Helper()
	var messages []string
	for _, raw := range b.events() {
		var event events.SNSEvent
		if err := json.Unmarshal(raw, &event); err != nil {
			t.Fatal(err)
		}
		if len(event.Records) != 1 {
			t.Errorf("%d records", len(event.Records))
		}
		messages = append(messages, event.Records[0].SNS.Message)
	}
	return messages
}

func TestQueueGetsTheEnvelopeOrTheMessageAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, sns.Config{})
		sub := b.subscribe(t, "sqs", queueARN, nil)
		b.subscribe(t, "sqs", deadARN, map[string]string{"RawMessageDelivery": "true"})
		id := b.publish(t, "plain")
		var got map[string]any
		if err := json.Unmarshal([]byte(b.queues.bodies(queueARN)[0]), &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"Type": "Notification", "MessageId": id, "TopicArn": b.topic, "Message": "plain", "Timestamp": "2000-01-01T00:00:00.000Z",
			"SignatureVersion": "1", "Signature": "EXAMPLE",
			"SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-00000000000000000000000000000000.pem",
			"UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=" + sub,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		_, err := b.client.Publish(t.Context(), &awssns.PublishInput{
			TopicArn: &b.topic, MessageStructure: aws.String("json"), Message: aws.String(`{"default":"d","sqs":"for queues"}`),
			MessageAttributes: map[string]types.MessageAttributeValue{"a": {DataType: aws.String("Number"), StringValue: aws.String("1")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		raw := b.queues.sent[deadARN][1]
		if diff := cmp.Diff(sqs.Message{Body: "for queues", Attributes: map[string]sqs.Attribute{"a": {Type: "Number", String: "1"}}}, raw); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDeliveryFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, sns.Config{})
		b.subscribe(t, "lambda", functionARN, map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + deadARN + `"}`})
		var kinds []string
		b.service.Observe(func(e sns.Event) {
			if e.Kind != sns.Published {
				kinds = append(kinds, e.Kind.String()+" "+e.Delivery.Message.Body)
			}
		})
		b.service.FailDeliveries(1, sns.DeliveryFault{Duplicates: 2})
		b.service.FailDeliveries(1, sns.DeliveryFault{Delay: 2 * time.Minute})
		b.service.FailDeliveries(1, sns.DeliveryFault{DeadLetter: true})
		b.service.FailDeliveries(1, sns.DeliveryFault{Lose: true})
		for _, m := range []string{"twice more", "late", "dead", "lost", "good"} {
			b.publish(t, m)
		}
		if pending := b.service.Pending(); len(pending) != 1 || pending[0].Message.Body != "late" {
			t.Errorf("pending = %+v", pending)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		want := []string{
			"delivered twice more", "delivered twice more", "delivered twice more",
			"dead-lettered dead", "lost lost", "delivered good", "delivered late",
		}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Error(diff)
		}
		if n := len(b.messages(t)); n != 5 {
			t.Errorf("%d invocations", n)
		}
		if dead := b.queues.bodies(deadARN); len(dead) != 1 || !strings.Contains(dead[0], `"Message":"dead"`) || !strings.Contains(dead[0], `"Type":"Notification"`) {
			t.Errorf("dead letters: %v", dead)
		}
	})
}

func TestReorder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, sns.Config{})
		b.subscribe(t, "sqs", queueARN, map[string]string{"RawMessageDelivery": "true"})
		b.service.ReorderNext(3)
		for _, m := range []string{"1", "2"} {
			b.publish(t, m)
		}
		if got := b.queues.bodies(queueARN); len(got) != 0 {
			t.Errorf("delivered too early: %v", got)
		}
		b.publish(t, "3")
		b.publish(t, "4")
		b.service.ReorderNext(3)
		b.publish(t, "5")
		b.publish(t, "6")
		if pending := b.service.Pending(); len(pending) != 2 {
			t.Errorf("pending = %+v", pending)
		}
		b.service.Release()
		b.publish(t, "7")
		if diff := cmp.Diff([]string{"3", "2", "1", "4", "6", "5", "7"}, b.queues.bodies(queueARN)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLatencyAndFaultHooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, sns.Config{
			Rand:    rand.New(rand.NewPCG(1, 2)),
			Latency: func(*rand.Rand) time.Duration { return 100 * time.Millisecond },
			DeliveryFault: func(d sns.Delivery) sns.DeliveryFault {
				if d.Message.Body == "slow" {
					return sns.DeliveryFault{Delay: time.Second}
				}
				return sns.DeliveryFault{}
			},
		})
		b.subscribe(t, "sqs", queueARN, map[string]string{"RawMessageDelivery": "true"})
		b.publish(t, "slow")
		b.publish(t, "fast")
		for _, step := range []struct {
			wait time.Duration
			want []string
		}{
			{100*time.Millisecond - 1, nil}, {1, []string{"fast"}},
			{time.Second - 1, []string{"fast"}}, {1, []string{"fast", "slow"}},
		} {
			time.Sleep(step.wait)
			synctest.Wait()
			if diff := cmp.Diff(step.want, b.queues.bodies(queueARN)); diff != "" {
				t.Error(diff)
			}
		}
		b.service.SetDeliveryFault(func(sns.Delivery) sns.DeliveryFault { return sns.DeliveryFault{Lose: true} })
		b.publish(t, "lost")
		b.service.SetDeliveryFault(nil)
		b.publish(t, "dropped at the end")
		b.service.Close()
		if err := b.service.Idle(t.Context()); err != nil || len(b.service.Pending()) != 0 {
			t.Errorf("%v, pending %v", err, b.service.Pending())
		}
		if _, err := b.service.Publish(b.topic, sns.Message{Body: "x"}); !errors.Is(err, sns.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestDelayFollowsAMovedClock(t *testing.T) {
	t.Parallel()
	c := movable.NewMovable()
	b := setup(t, sns.Config{Clock: c})
	b.subscribe(t, "sqs", queueARN, map[string]string{"RawMessageDelivery": "true"})
	b.service.FailDeliveries(1, sns.DeliveryFault{Delay: time.Hour})
	b.publish(t, "late")
	b.publish(t, "early")
	c.Advance(time.Hour)
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"early", "late"}, b.queues.bodies(queueARN)); diff != "" {
		t.Error(diff)
	}
}

func TestPublishFaults(t *testing.T) {
	t.Parallel()
	b := setup(t, sns.Config{})
	b.subscribe(t, "sqs", queueARN, map[string]string{"RawMessageDelivery": "true"})
	for _, f := range []sns.PublishFailure{sns.PublishFailsBefore, sns.PublishFailsAfter, sns.PublishThrottled} {
		b.service.FailPublishes(1, sns.PublishFault{Failure: f})
	}
	var codes []string
	for _, m := range []string{"before", "after", "throttled", "good"} {
		_, err := b.client.Publish(t.Context(), &awssns.PublishInput{TopicArn: &b.topic, Message: &m})
		codes = append(codes, errorCode(err))
	}
	if diff := cmp.Diff([]string{"InternalError", "InternalError", "Throttled", ""}, codes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"after", "good"}, b.queues.bodies(queueARN)); diff != "" {
		t.Error(diff)
	}
	var calls []sns.PublishCall
	b.service.SetPublishFault(func(c sns.PublishCall) sns.PublishFault {
		calls = append(calls, c)
		return sns.PublishFault{Failure: sns.PublishFailsAfter}
	})
	_, err := b.client.PublishBatch(t.Context(), &awssns.PublishBatchInput{TopicArn: &b.topic, PublishBatchRequestEntries: entries("x", "y")})
	if errorCode(err) != "InternalError" || len(calls) != 1 || !calls[0].Batch || len(calls[0].IDs) != 2 {
		t.Errorf("%v, calls %+v", err, calls)
	}
	if diff := cmp.Diff([]string{"after", "good", "x", "y"}, b.queues.bodies(queueARN)); diff != "" {
		t.Error(diff)
	}
}

func entries(messages ...string) []types.PublishBatchRequestEntry {
	var batch []types.PublishBatchRequestEntry
	for i, m := range messages {
		batch = append(batch, types.PublishBatchRequestEntry{Id: aws.String(fmt.Sprint("e", i)), Message: aws.String(m)})
	}
	return batch
}

func TestPublishBatch(t *testing.T) {
	t.Parallel()
	b := setup(t, sns.Config{})
	b.subscribe(t, "sqs", queueARN, map[string]string{"RawMessageDelivery": "true"})
	b.service.FailPublishes(1, sns.PublishFault{Entries: []string{"e2"}})
	batch := entries("a", "", "c", "d")
	batch[1].Message = aws.String("bad subject")
	batch[1].Subject = aws.String("two\nlines")
	batch[3].MessageAttributes = map[string]types.MessageAttributeValue{"k": {DataType: aws.String("String"), StringValue: aws.String("v")}}
	out, err := b.client.PublishBatch(t.Context(), &awssns.PublishBatchInput{TopicArn: &b.topic, PublishBatchRequestEntries: batch})
	if err != nil {
		t.Fatal(err)
	}
	var good, bad []string
	for _, s := range out.Successful {
		good = append(good, *s.Id)
		if len(*s.MessageId) != 36 {
			t.Errorf("message id %q", *s.MessageId)
		}
	}
	for _, f := range out.Failed {
		bad = append(bad, fmt.Sprint(*f.Id, " ", *f.Code, " ", f.SenderFault))
	}
	if diff := cmp.Diff([]string{"e0", "e3"}, good); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"e1 InvalidParameter true", "e2 InternalError false"}, bad); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a", "d"}, b.queues.bodies(queueARN)); diff != "" {
		t.Error(diff)
	}
	if b.queues.sent[queueARN][1].Attributes["k"].String != "v" {
		t.Error("the attribute is missing")
	}
}

func TestBatchLimits(t *testing.T) {
	t.Parallel()
	b := setup(t, sns.Config{})
	half := strings.Repeat("x", 128<<10)
	badID := entries("a")
	badID[0].Id = aws.String("a.b")
	same := entries("a", "b")
	same[1].Id = same[0].Id
	for code, batch := range map[string][]types.PublishBatchRequestEntry{
		"":                             entries(half, half),
		"BatchRequestTooLong":          entries(half, half+"x"),
		"TooManyEntriesInBatchRequest": entries("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"),
		"InvalidBatchEntryId":          badID,
		"BatchEntryIdsNotDistinct":     same,
		"EmptyBatchRequest":            {},
	} {
		_, err := b.client.PublishBatch(t.Context(), &awssns.PublishBatchInput{TopicArn: &b.topic, PublishBatchRequestEntries: batch})
		if got := errorCode(err); got != code {
			t.Errorf("want %q, got %v", code, err)
		}
	}
}

func TestTargetThatRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, sns.Config{})
	var lost []error
	b.service.Observe(func(e sns.Event) {
		if e.Kind == sns.Lost {
			lost = append(lost, e.Err)
		}
	})
	missing := "arn:aws:lambda:us-east-1:000000000000:function:missing"
	b.subscribe(t, "lambda", missing, nil)
	b.subscribe(t, "lambda", missing+"2", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + deadARN + `"}`})
	b.publish(t, "one")
	if len(lost) != 1 || !errors.Is(lost[0], lambda.ErrFunctionNotFound) || len(b.queues.bodies(deadARN)) != 1 {
		t.Errorf("lost %v, dead %v", lost, b.queues.bodies(deadARN))
	}
	b.queues.err = errors.New("no queue")
	b.publish(t, "two")
	if len(lost) != 3 {
		t.Errorf("lost %v", lost)
	}
}
