package lambda_test

import (
	"context"
	"fmt"
	"io"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/gapless-rooms/gapless/localdev/lambda"
)

func Example() {
	s := lambda.New(lambda.Config{}) // in a test: lambda.RunT(t, lambda.Config{})
	defer s.Close()
	err := s.Register(lambda.Function{Name: "greet", New: func(io.Writer) (awslambda.Handler, error) {
		return awslambda.NewHandler(func(_ context.Context, name string) (string, error) { return "hello " + name, nil }), nil
	}})
	if err != nil {
		panic(err)
	}
	out, err := s.Client().Invoke(context.Background(), &sdk.InvokeInput{FunctionName: aws.String("greet"), Payload: []byte(`"Ada"`)})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", out.Payload)
	// Output: "hello Ada"
}
