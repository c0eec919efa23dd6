// Command connect is the Lambda function of that name; see app.Connect.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/rule"
)

func main() {
	host := app.Process()
	host.Hooks = rule.New
	function, err := app.Connect(context.Background(), host)
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(function.Handle)
}
