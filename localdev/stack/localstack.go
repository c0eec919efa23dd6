package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/gapless-rooms/gapless/localdev/localstack"
)

// useLocalStack puts LocalStack in the place of the local DynamoDB and SNS.
// IAM, SQS, Lambda and the schedule stay here.
func (s *Stack) useLocalStack() error {
	proxy, err := localstack.Proxy(s.config.LocalStack, s.config.Logger)
	if err != nil {
		return fmt.Errorf("set up LocalStack: %w", err)
	}
	s.router.services["dynamodb"], s.router.services["sns"] = proxy, proxy
	s.subscriber = &localstack.Subscriber{
		Client: awssns.NewFromConfig(s.AWS()), Logger: s.config.Logger,
		Invoke: func(function string, event []byte) error {
			_, err := s.Lambda.InvokeAsync(function, event)
			return err
		},
	}
	return nil
}

// ErrNoLocalStack is returned by Subscribe of a stack that has its own SNS.
var ErrNoLocalStack = errors.New("the stack has an SNS of its own")

// Subscribe makes LocalStack's SNS deliver to this stack's functions, by way of
// Handler, which it reaches at callback. Without it, no function is woken.
func (s *Stack) Subscribe(ctx context.Context, callback string) error {
	if s.subscriber == nil {
		return ErrNoLocalStack
	}
	return s.subscriber.Subscribe(ctx, s.template.Subscriptions, callback)
}

// deliveries serves what LocalStack's SNS delivers, and hands on the rest.
func (s *Stack) deliveries(next http.Handler) http.Handler {
	if s.subscriber == nil {
		return next
	}
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.Handle(localstack.Prefix, s.subscriber)
	return mux
}
