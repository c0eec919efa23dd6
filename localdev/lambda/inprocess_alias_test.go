package lambda_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/gapless-rooms/gapless/localdev/lambda"
)

// An answer stays what it was when the environment serves the next invocation.
func TestAnswerOutlivesTheEnvironmentsNextRun(t *testing.T) {
	t.Parallel()
	s := lambda.RunT(t, lambda.Config{})
	err := s.Register(lambda.Function{Name: "echo", New: func(io.Writer) (awslambda.Handler, error) {
		return awslambda.NewHandler(func(_ context.Context, n int) (int, error) { return n, nil }), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var answers [][]byte
	for n := range 50 {
		result, err := s.Invoke(t.Context(), "echo", fmt.Appendf(nil, "%d", n))
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, result.Payload)
	}
	for n, answer := range answers {
		if string(answer) != fmt.Sprint(n) {
			t.Errorf("answer %d has become %s", n, answer)
		}
	}
}
