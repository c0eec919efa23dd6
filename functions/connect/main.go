// Command connect is the Lambda function of that name; see app.Connect.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/gapless-rooms/gapless/pkg/app"
)

func main() {
	function, err := app.Connect(context.Background(), app.Process())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(function.Handle)
}
