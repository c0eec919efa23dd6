package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awssecretsmanager "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/gapless-rooms/gapless/localdev/iam"
	locallambda "github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/template"
	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/handler"
)

// provision creates tables, queues, topics, functions, subscriptions and
// schedule as the template has them, with the real SDK wherever AWS has a call
// for it.
func (s *Stack) provision(ctx context.Context) error {
	cfg := s.AWS()
	if err := createTables(ctx, awsdynamodb.NewFromConfig(cfg), s.template.Tables); err != nil {
		return err
	}
	queues := awssqs.NewFromConfig(cfg)
	for _, q := range s.template.Queues {
		attributes := maps.Clone(q.Attributes)
		if document := q.Policy.Document(); document != "" {
			attributes["Policy"] = document
		}
		_, err := queues.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String(q.Name), Attributes: attributes})
		if err != nil {
			return fmt.Errorf("create queue %s: %w", q.Name, err)
		}
	}
	topics := awssns.NewFromConfig(cfg)
	for _, t := range s.template.Topics {
		if _, err := topics.CreateTopic(ctx, &awssns.CreateTopicInput{Name: aws.String(t.Name)}); err != nil {
			return fmt.Errorf("create topic %s: %w", t.Name, err)
		}
	}
	if err := s.createSecrets(ctx); err != nil {
		return err
	}
	if err := s.registerFunctions(); err != nil {
		return err
	}
	for _, subscription := range s.template.Subscriptions {
		if s.subscriber != nil {
			break // Stack.Subscribe does, once SNS can reach us
		}
		if _, err := s.SNS.Subscribe(subscription); err != nil {
			return fmt.Errorf("subscribe %s: %w", subscription.Endpoint, err)
		}
	}
	if s.config.NoSchedule {
		return nil
	}
	for _, rule := range s.template.Rules {
		if err := s.Schedule.Add(rule); err != nil {
			return fmt.Errorf("schedule %s: %w", rule.Name, err)
		}
	}
	return nil
}

func createTables(ctx context.Context, client *awsdynamodb.Client, tables []template.Table) error {
	for _, t := range tables {
		name := aws.ToString(t.Create.TableName)
		_, err := client.CreateTable(ctx, &t.Create)
		if left := (*types.ResourceInUseException)(nil); errors.As(err, &left) {
			continue // LocalStack has it from another time
		}
		if err != nil {
			return fmt.Errorf("create table %s: %w", name, err)
		}
		if t.TTLAttribute == "" {
			continue
		}
		_, err = client.UpdateTimeToLive(ctx, &awsdynamodb.UpdateTimeToLiveInput{
			TableName: &name,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{
				AttributeName: &t.TTLAttribute, Enabled: aws.Bool(true),
			},
		})
		if err != nil {
			return fmt.Errorf("set time to live of table %s: %w", name, err)
		}
	}
	return nil
}

// TokenSecret is the name of the secret that signs tokens.
const TokenSecret = "gapless/" + Stage + "/tokens"

// createSecrets gives secrets their values, which on AWS CloudFormation
// generates.
func (s *Stack) createSecrets(ctx context.Context) error {
	values := map[string]string{TokenSecret: s.config.Secret}
	client := awssecretsmanager.NewFromConfig(s.AWS())
	for _, secret := range s.template.Secrets {
		value, ok := values[secret.Name]
		if !ok {
			return fmt.Errorf("the template has a secret %s, which has no value here", secret.Name)
		}
		_, err := client.CreateSecret(ctx, &awssecretsmanager.CreateSecretInput{
			Name: aws.String(secret.Name), SecretString: aws.String(value), ClientRequestToken: aws.String(firstVersion),
		})
		if err != nil {
			return fmt.Errorf("create secret %s: %w", secret.Name, err)
		}
	}
	return nil
}

// firstVersion is the id of each secret's first version: the SDK's own would be
// random.
const firstVersion = "00000000-0000-4000-8000-000000000001"

// deadLetter puts an event that Lambda gave up into the queue, with the rights
// of the function's role
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
func (s *Stack) deadLetter(target string, letter locallambda.DeadLetter) error {
	f, _ := s.template.Function(letter.Function)
	call := iam.Call{Action: sendMessage, Resource: target}
	granted := s.policy(f).Allows(call.Action, call.Resource) && !s.denies(f, call)
	if s.config.OnCall != nil {
		s.config.OnCall(f.Name, call, granted)
	}
	if !granted {
		return fmt.Errorf("%s: %s may not %s", target, f.FullName, call.Action)
	}
	_, err := s.SQS.SendARN(target, letter.Message())
	return err
}

// composer makes what lambda.NewHandler takes.
type composer func(ctx context.Context, h app.Host) (any, error)

// functions are the functions by name: all that the template names must be
// here.
var functions = map[string]composer{
	"connect":    entry(app.Connect, (*handler.Connect).Handle),
	"disconnect": entry(app.Disconnect, (*handler.Disconnect).Handle),
	"message":    entry(app.Message, (*handler.Commands).Handle),
	"broadcast": entry(app.Broadcast, func(h *handler.Broadcast, ctx context.Context, e events.SNSEvent) (any, error) {
		return nil, h.Handle(ctx, e)
	}),
	"sweep": entry(app.Sweep, (*handler.Sweep).Handle),
}

// entry composes a function and takes its Handle method.
func entry[H, E, R any](compose func(context.Context, app.Host) (H, error), handle func(H, context.Context, E) (R, error)) composer {
	return func(ctx context.Context, host app.Host) (any, error) {
		h, err := compose(ctx, host)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, event E) (R, error) { return handle(h, ctx, event) }, nil
	}
}

func (s *Stack) registerFunctions() error {
	if s.isolation != nil {
		s.serveIsolated()
	}
	for _, f := range s.template.Functions {
		s.Logs.CreateGroup(logGroup(f))
		compose, ok := functions[f.Name]
		if !ok {
			return fmt.Errorf("the template has a function %s, which is not known here", f.Name)
		}
		env, binary := s.environ(f), ""
		if s.isolation != nil {
			var err error
			if binary, err = s.binary(f); err != nil {
				return err
			}
			env = s.processEnviron(f)
		}
		err := s.Lambda.Register(locallambda.Function{
			Name: f.Name, FullName: f.FullName, Timeout: f.Timeout, MemoryMB: f.MemoryMB, Env: env, Binary: binary,
			ReservedConcurrency: f.ReservedConcurrency, MaxRetries: f.MaxRetries, MaxEventAge: f.MaxEventAge,
			DeadLetterARN: f.DeadLetterARN,
			New: func(log io.Writer) (lambda.Handler, error) {
				entry, err := compose(context.Background(), s.host(f, log))
				if err != nil {
					return nil, err
				}
				return lambda.NewHandler(entry), nil
			},
		})
		if err != nil {
			return fmt.Errorf("register function %s: %w", f.Name, err)
		}
	}
	return nil
}

// host is what a function finds around it here: what it finds on Lambda, but
// with calls that stay in this process and a clock that can be moved.
func (s *Stack) host(f template.Function, log io.Writer) app.Host {
	h := app.Process()
	h.Hooks = s.config.Hooks
	h.Environ, h.Clock, h.Log = s.environ(f), s.Clock, io.MultiWriter(s.config.FunctionLog, log)
	h.Environ["AWS_LAMBDA_FUNCTION_NAME"] = f.FullName // reserved: Lambda sets it
	h.AWS = func(context.Context) (aws.Config, error) {
		return sdk(s.router, func(next http.RoundTripper) http.RoundTripper { return s.calls(f, next) }), nil
	}
	if s.config.Host != nil {
		return s.config.Host(f.Name, h)
	}
	return h
}

// calls is the way of a function's calls to the services.
func (s *Stack) calls(f template.Function, next http.RoundTripper) http.RoundTripper {
	next = s.guard(f, next)
	if s.config.Transport != nil {
		next = s.config.Transport(f.Name, next)
	}
	return next
}
