package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	smithytime "github.com/aws/smithy-go/time"
)

// attempts performs an update like run, and repeats it when the client would,
// each time with the update that next returns. The SDK's own repetitions all send
// the same request, so the first may take effect after the second was answered,
// and write the values of both twice.
func attempts(ctx context.Context, client API, operation string, next func(attempt int) update) (item, error) {
	var retryer aws.Retryer = aws.NopRetryer{}
	once := func(o *dynamodb.Options) {
		if o.Retryer != nil {
			retryer = o.Retryer
		}
		o.Retryer = aws.NopRetryer{}
	}
	release := func(error) error { return nil }
	for attempt := 1; ; attempt++ {
		i, err := next(attempt).run(ctx, client, operation, once)
		_ = release(err) // it only counts
		most := retryer.MaxAttempts()
		if err == nil || !retryer.IsErrorRetryable(err) || most > 0 && attempt >= most {
			return i, err
		}
		var refused error
		if release, refused = retryer.GetRetryToken(ctx, err); refused != nil {
			return nil, err
		}
		delay, refused := retryer.RetryDelay(attempt, err)
		if refused != nil || smithytime.SleepWithContext(ctx, delay) != nil {
			return nil, err
		}
	}
}
