package lambda_test

import (
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/sns"
	"github.com/gapless-rooms/gapless/localdev/sqs"
)

// A message whose function fails three times ends in the function's dead-letter
// queue, as the event with which the function was called.
func TestFromTopicToDeadLetterQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queues := sqs.RunT(t, sqs.Config{})
		dead, err := queues.CreateQueue("dead", nil)
		if err != nil {
			t.Fatal(err)
		}
		functions := lambda.RunT(t, lambda.Config{DeadLetter: func(arn string, l lambda.DeadLetter) error {
			_, err := queues.SendARN(arn, l.Message())
			return err
		}})
		register(t, functions, lambda.Function{
			Name: "broadcast", DeadLetterARN: dead,
			New: handler(func(events.SNSEvent) error { return errors.New("no table") }),
		})
		register(t, functions, lambda.Function{
			Name: "other", DeadLetterARN: dead + "-missing", // the letter is lost
			New: handler(func() error { return errors.New("no table") }),
		})
		topics := sns.RunT(t, sns.Config{Lambda: functions, Queue: queues})
		topic, err := topics.CreateTopic("wake")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"broadcast", "other"} {
			if _, err := topics.Subscribe(sns.Subscription{TopicARN: topic, Protocol: "lambda", Endpoint: functions.ARN(name)}); err != nil {
				t.Fatal(err)
			}
		}
		id, err := topics.Publish(topic, sns.Message{Body: `{"room":"lobby"}`})
		if err != nil {
			t.Fatal(err)
		}
		pass(4 * time.Minute)
		letters, err := queues.Messages("dead")
		if err != nil || len(letters) != 1 {
			t.Fatalf("letters %+v, %v", letters, err)
		}
		var event events.SNSEvent
		if err := json.Unmarshal([]byte(letters[0].Body), &event); err != nil || event.Records[0].SNS.MessageID != id {
			t.Errorf("letter %s, %v", letters[0].Body, err)
		}
		attributes := letters[0].Attributes
		if len(attributes["RequestID"].String) != 36 {
			t.Errorf("attributes %v", attributes)
		}
		delete(attributes, "RequestID")
		want := map[string]sqs.Attribute{"ErrorCode": {Type: "Number", String: "200"}, "ErrorMessage": {Type: "String", String: "no table"}}
		if diff := cmp.Diff(want, attributes); diff != "" {
			t.Error(diff)
		}
	})
}
