package iam_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/gapless-rooms/gapless/localdev/iam"
	"github.com/gapless-rooms/gapless/localdev/sqs"
)

func Example() {
	queues := sqs.New(sqs.Config{})
	defer queues.Close()
	jobs, err := queues.CreateQueue("jobs", nil)
	if err != nil {
		panic(err)
	}
	sender := queues.Client(func(o *sdk.Options) {
		o.HTTPClient = &http.Client{Transport: iam.Transport(iam.Config{
			Policy: iam.Grants{{Actions: []string{"sqs:SendMessage"}, Resources: []string{jobs}}},
			Caller: "arn:aws:sts::000000000000:assumed-role/sender/me", Region: "us-east-1", AccountID: "000000000000",
		}, queues.Transport())}
	})
	url := aws.String(queues.URL("jobs"))
	_, err = sender.SendMessage(context.Background(), &sdk.SendMessageInput{QueueUrl: url, MessageBody: aws.String("hello")})
	fmt.Println("send:", err)
	_, err = sender.ReceiveMessage(context.Background(), &sdk.ReceiveMessageInput{QueueUrl: url})
	var refusal smithy.APIError
	if errors.As(err, &refusal) {
		fmt.Println("receive:", refusal.ErrorCode())
	}
	// Output:
	// send: <nil>
	// receive: AccessDeniedException
}
