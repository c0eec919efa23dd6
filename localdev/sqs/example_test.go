package sqs_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/gapless-rooms/gapless/localdev/sqs"
)

func Example() {
	ctx := context.Background()
	s := sqs.New(sqs.Config{}) // in a test: sqs.RunT(t, sqs.Config{})
	defer s.Close()
	client := s.Client()

	queue, err := client.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		panic(err)
	}
	if _, err := client.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("hello")}); err != nil {
		panic(err)
	}
	stored, err := s.Messages("jobs") // look without receiving
	if err != nil {
		panic(err)
	}
	fmt.Println(stored[0].Body)
	// Output: hello
}
