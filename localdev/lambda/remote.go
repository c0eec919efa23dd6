package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
)

var _ Executor = (*Remote)(nil)

// Remote runs functions elsewhere, by the Invoke operation of Lambda's API:
// where `sam local start-lambda` serves them in containers. Code, environment
// variables and memory are what they are there; time-outs, retries, dead
// letters and concurrency stay this service's.
//
// An invocation that this service ends runs on at the other side, as far as
// that lets it. Free environments are only permissions to call: which container
// serves a call is not ours to choose.
type Remote struct {
	client *awslambda.Client
	name   func(function string) string
}

// NewRemote returns an executor that calls the API at url, such as
// http://127.0.0.1:3001. name gives a function's name there.
func NewRemote(url, region string, name func(function string) string) *Remote {
	return &Remote{name: name, client: awslambda.New(awslambda.Options{
		BaseEndpoint: &url, Region: region,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		// The service retries where Lambda does, and nowhere else.
		Retryer: aws.NopRetryer{},
	})}
}

// Start cannot fail: what is wrong at the other side shows when it is called.
func (r *Remote) Start(_ context.Context, f Function) (Environment, error) {
	return remoteEnvironment{r, r.name(f.Name)}, nil
}

type remoteEnvironment struct {
	*Remote
	function string
}

// Gone is false: a container that has ended is replaced over there.
func (remoteEnvironment) Gone() bool { return false }

func (remoteEnvironment) Close() {}

// Invoke waits for the answer, or for ctx to end.
func (e remoteEnvironment) Invoke(ctx context.Context, inv Invocation) Outcome {
	out, err := e.client.Invoke(ctx, &awslambda.InvokeInput{FunctionName: &e.function, Payload: inv.Payload})
	switch {
	case err != nil:
		return exitOutcome(inv.RequestID, "before it was reached", fmt.Errorf("invoke %s elsewhere: %w", e.function, err))
	case !json.Valid(out.Payload):
		// SAM answers so when the container has died or run out of its time.
		return exitOutcome(inv.RequestID, "without providing a reason", errors.New("the answer is not JSON: the container has ended"))
	case out.FunctionError != nil:
		return Outcome{Payload: out.Payload, FunctionError: unhandled, Cause: fmt.Errorf("%s: %s", e.function, out.Payload)}
	default:
		return Outcome{Payload: out.Payload}
	}
}
