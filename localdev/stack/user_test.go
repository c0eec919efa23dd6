package stack_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/gapless-rooms/gapless/localdev/stack"
)

// A developer's own queue gets a topic's messages once its policy lets it.
func TestQueueMadeAtRunTime(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	topics, queues := awssns.NewFromConfig(s.AWS()), awssqs.NewFromConfig(s.AWS())
	topic, err := topics.CreateTopic(t.Context(), &awssns.CreateTopicInput{Name: aws.String("mine")})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := queues.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String("mine")})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(*queue.QueueUrl, "amazonaws") {
		t.Errorf("the queue's URL leads to AWS: %s", *queue.QueueUrl)
	}
	_, err = topics.Subscribe(t.Context(), &awssns.SubscribeInput{
		TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String(s.SQS.ARN("mine")),
	})
	if err != nil {
		t.Fatal(err)
	}
	publish := func() int {
		if _, err := topics.Publish(t.Context(), &awssns.PublishInput{TopicArn: topic.TopicArn, Message: aws.String("m")}); err != nil {
			t.Fatal(err)
		}
		stored, err := s.SQS.Messages("mine")
		if err != nil {
			t.Fatal(err)
		}
		return len(stored)
	}
	if n := publish(); n != 0 {
		t.Errorf("%d messages without a policy", n)
	}
	_, err = queues.SetQueueAttributes(t.Context(), &awssqs.SetQueueAttributesInput{QueueUrl: queue.QueueUrl, Attributes: map[string]string{
		"Policy": `{"Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}}`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if n := publish(); n != 1 {
		t.Errorf("%d messages with a policy", n)
	}
}
