// Command message is the Lambda function of that name; see app.Message.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/gapless-rooms/gapless/pkg/app"
)

func main() {
	function, err := app.Message(context.Background(), app.Process())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(function.Handle)
}
