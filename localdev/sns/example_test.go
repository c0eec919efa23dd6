package sns_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/gapless-rooms/gapless/localdev/sns"
	"github.com/gapless-rooms/gapless/localdev/sqs"
)

func Example() {
	queues := sqs.New(sqs.Config{}) // in a test: sqs.RunT and sns.RunT
	defer queues.Close()
	s := sns.New(sns.Config{Queue: queues})
	defer s.Close()

	inbox, err := queues.CreateQueue("inbox", nil)
	if err != nil {
		panic(err)
	}
	topic, err := s.CreateTopic("news")
	if err != nil {
		panic(err)
	}
	_, err = s.Subscribe(sns.Subscription{TopicARN: topic, Protocol: "sqs", Endpoint: inbox, RawDelivery: true})
	if err != nil {
		panic(err)
	}
	s.FailDeliveries(1, sns.DeliveryFault{Duplicates: 1})
	_, err = s.Client().Publish(context.Background(), &awssns.PublishInput{TopicArn: aws.String(topic), Message: aws.String("hello")})
	if err != nil {
		panic(err)
	}
	stored, err := queues.Messages("inbox")
	if err != nil {
		panic(err)
	}
	for _, m := range stored {
		fmt.Println(m.Body)
	}
	// Output:
	// hello
	// hello
}
