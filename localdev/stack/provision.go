package stack

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	locallambda "github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/schedule"
	"github.com/gapless-rooms/gapless/localdev/sqs"
	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/handler"
)

// names are what provisioning learned.
type names struct{ topic, queueURL, queueARN string }

func (names) table(name string) string { return "gapless-" + name }

// provision creates tables, topic, queue, functions and schedule, with the
// real SDK wherever AWS has a call for it.
func (s *Stack) provision(ctx context.Context) error {
	cfg := s.AWS()
	if err := CreateTables(ctx, awsdynamodb.NewFromConfig(cfg), s.names.table); err != nil {
		return err
	}
	if err := s.createQueue(ctx, awssqs.NewFromConfig(cfg)); err != nil {
		return err
	}
	topics := awssns.NewFromConfig(cfg)
	topic, err := topics.CreateTopic(ctx, &awssns.CreateTopicInput{Name: aws.String("gapless-wake")})
	if err != nil {
		return fmt.Errorf("create topic: %w", err)
	}
	s.names.topic = aws.ToString(topic.TopicArn)
	if err := s.registerFunctions(); err != nil {
		return err
	}
	_, err = topics.Subscribe(ctx, &awssns.SubscribeInput{
		TopicArn: topic.TopicArn, Protocol: aws.String("lambda"), Endpoint: aws.String(s.Lambda.ARN("broadcast")),
		Attributes: map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q}`, s.names.queueARN)},
	})
	if err != nil {
		return fmt.Errorf("subscribe broadcaster: %w", err)
	}
	if s.config.NoSchedule {
		return nil
	}
	return s.Schedule.Add(schedule.Rule{Name: "sweep", Expression: "rate(1 minute)", Function: "sweep"})
}

// CreateTables creates the tables of dynamo.Schema under the names that the
// given function makes of theirs.
func CreateTables(ctx context.Context, client *awsdynamodb.Client, name func(string) string) error {
	for _, table := range dynamo.Schema() {
		sort := types.ScalarAttributeTypeS
		if table.NumericSort {
			sort = types.ScalarAttributeTypeN
		}
		tableName := aws.String(name(table.Name))
		_, err := client.CreateTable(ctx, &awsdynamodb.CreateTableInput{
			TableName: tableName, BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{
				{AttributeName: aws.String(dynamo.PartitionKey), AttributeType: types.ScalarAttributeTypeS},
				{AttributeName: aws.String(dynamo.SortKey), AttributeType: sort},
			},
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String(dynamo.PartitionKey), KeyType: types.KeyTypeHash},
				{AttributeName: aws.String(dynamo.SortKey), KeyType: types.KeyTypeRange},
			},
		})
		if err != nil {
			return fmt.Errorf("create table %s: %w", table.Name, err)
		}
		_, err = client.UpdateTimeToLive(ctx, &awsdynamodb.UpdateTimeToLiveInput{
			TableName: tableName,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{
				AttributeName: aws.String(dynamo.TTLAttribute), Enabled: aws.Bool(true),
			},
		})
		if err != nil {
			return fmt.Errorf("set time to live of table %s: %w", table.Name, err)
		}
	}
	return nil
}

func (s *Stack) createQueue(ctx context.Context, client *awssqs.Client) error {
	queue, err := client.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("gapless-dead-letters")})
	if err != nil {
		return fmt.Errorf("create queue: %w", err)
	}
	s.names.queueURL = aws.ToString(queue.QueueUrl)
	attributes, err := client.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{
		QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return fmt.Errorf("read queue attributes: %w", err)
	}
	s.names.queueARN = attributes.Attributes[string(sqstypes.QueueAttributeNameQueueArn)]
	return nil
}

// deadLetter puts an event that Lambda gave up into the queue.
func (s *Stack) deadLetter(target string, letter locallambda.DeadLetter) error {
	_, err := s.SQS.SendARN(target, sqs.Message{Body: string(letter.Payload)})
	return err
}

// function is how one function is made and run. compose returns what
// lambda.NewHandler takes.
type function struct {
	name    string
	timeout time.Duration
	compose func(ctx context.Context, h app.Host) (any, error)
}

var functions = []function{
	{"connect", 10 * time.Second, entry(app.Connect, (*handler.Connect).Handle)},
	{"disconnect", 29 * time.Second, entry(app.Disconnect, (*handler.Disconnect).Handle)},
	{"message", 29 * time.Second, entry(app.Message, (*handler.Message).Handle)},
	{"broadcast", time.Minute, entry(app.Broadcast, func(h *handler.Broadcast, ctx context.Context, e events.SNSEvent) (any, error) {
		return nil, h.Handle(ctx, e)
	})},
	{"sweep", time.Minute, entry(app.Sweep, (*handler.Sweep).Handle)},
}

// entry composes a function and takes its Handle method.
func entry[H, E, R any](compose func(context.Context, app.Host) (H, error), handle func(H, context.Context, E) (R, error)) func(context.Context, app.Host) (any, error) {
	return func(ctx context.Context, host app.Host) (any, error) {
		h, err := compose(ctx, host)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, event E) (R, error) { return handle(h, ctx, event) }, nil
	}
}

func (s *Stack) registerFunctions() error {
	for _, f := range functions {
		definition := locallambda.Function{
			Name: f.name, Timeout: f.timeout, MemoryMB: 256,
			New: func() (lambda.Handler, error) {
				entry, err := f.compose(context.Background(), s.host(f.name))
				if err != nil {
					return nil, err
				}
				return lambda.NewHandler(entry), nil
			},
		}
		if f.name == "broadcast" {
			definition.DeadLetterARN = s.names.queueARN
		}
		if err := s.Lambda.Register(definition); err != nil {
			return fmt.Errorf("register function %s: %w", f.name, err)
		}
	}
	return nil
}

// host is what a function finds around it here: what it finds on Lambda, but
// with calls that stay in this process and a clock that can be moved.
func (s *Stack) host(name string) app.Host {
	h := app.Process()
	h.Environ, h.Clock, h.Log = s.environ(), s.Clock, s.config.FunctionLog
	h.AWS = func(context.Context) (aws.Config, error) {
		if s.config.Transport == nil {
			return sdk(s.router, nil), nil
		}
		return sdk(s.router, func(next http.RoundTripper) http.RoundTripper {
			return s.config.Transport(name, next)
		}), nil
	}
	if s.config.Host != nil {
		return s.config.Host(name, h)
	}
	return h
}
