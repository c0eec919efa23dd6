// Command sweep is the Lambda function of that name; see app.Sweep.
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
	function, err := app.Sweep(context.Background(), host)
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(function.Handle)
}
