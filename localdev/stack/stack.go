package stack

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	movable "github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/iam"
	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/leak"
	"github.com/gapless-rooms/gapless/localdev/localstack"
	"github.com/gapless-rooms/gapless/localdev/logs"
	"github.com/gapless-rooms/gapless/localdev/schedule"
	"github.com/gapless-rooms/gapless/localdev/secretsmanager"
	"github.com/gapless-rooms/gapless/localdev/service"
	"github.com/gapless-rooms/gapless/localdev/sns"
	"github.com/gapless-rooms/gapless/localdev/sqs"
	"github.com/gapless-rooms/gapless/localdev/template"
	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

const (
	region  = "us-east-1"
	account = "000000000000"
)

// Config says how a Stack is set up. The zero value works.
type Config struct {
	// Clock tells all time. Default: a movable clock, see Stack.Advance.
	Clock clock.Clock
	// Environ is added to every function's environment.
	Environ map[string]string
	// Secret signs tokens, and lies in the local Secrets Manager. Default:
	// DevSecret.
	Secret string
	// Logger gets what the local AWS has to say. Default: nothing is logged.
	Logger *slog.Logger
	// FunctionLog gets what the functions log. Default: nothing is logged.
	FunctionLog io.Writer
	// Transport, if not nil, wraps the calls of AWS that functions make, one
	// transport for each function.
	Transport func(function string, next http.RoundTripper) http.RoundTripper
	// Isolated, if not empty, is a folder with a bootstrap file for each function,
	// {function}/bootstrap, as `make build` makes them: the functions run as
	// processes, go by the machine's clock, and bring their own Hooks. Default:
	// in this process.
	Isolated string
	// SAM, if not empty, is the URL of `sam local start-lambda`, which runs the
	// functions. What is said of Isolated holds for them too.
	SAM string
	// LocalStack is a URL such as http://localhost:4566, whose DynamoDB and SNS
	// take the place of the local ones: see Stack.Subscribe. Default: none.
	LocalStack string
	// Executor, if not nil, wraps what starts the processes of Isolated.
	Executor func(processes lambda.Executor) lambda.Executor
	// Policy, if not nil, changes what the role of a function is granted.
	Policy func(function string, p template.Policy) template.Policy
	// ResourcePolicy, if not nil, changes the policy of a topic or a queue.
	ResourcePolicy func(arn string, p template.ResourcePolicy) template.ResourcePolicy
	// OnCall, if not nil, is told of each call of AWS that a function makes and
	// whether its role grants it. It is called concurrently.
	OnCall func(function string, call iam.Call, granted bool)
	// Hooks makes the application's own rules. Default: there are none.
	Hooks func(ctx context.Context, h app.Host) (hook.Hooks, error)
	// NoSchedule leaves sweeping to Stack.Sweep.
	NoSchedule bool
	// Host, if not nil, adjusts what one environment of a function finds around
	// it, such as its clock and its ids.
	Host func(function string, host app.Host) app.Host
	// Seed, if not 0, is where all ids of the local AWS come from, so that a run
	// can be repeated. Default: they are random.
	Seed uint64
	// WakeLatency, if not nil, is the time from a wake-up's publish to its
	// delivery. Default: none.
	WakeLatency func(*rand.Rand) time.Duration
	// DynamoDBFault, if not nil, says how a request to DynamoDB goes wrong.
	DynamoDBFault func(operation, tables string) dynamodb.Fault
	// StaleReads, if not nil, says how many writes an eventually consistent
	// read of DynamoDB lags behind. Default: none.
	StaleReads func(dynamodb.Read) int
}

// rand is a source of ids for one service, nil for a random one.
func (c Config) rand(stream uint64) *rand.Rand {
	if c.Seed == 0 {
		return nil
	}
	return rand.New(rand.NewPCG(c.Seed, stream)) //nolint:gosec // ids, not secrets
}

// ids is the same as bytes, for the gateway.
func (c Config) ids() io.Reader {
	if c.Seed == 0 {
		return nil
	}
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], c.Seed)
	return rand.NewChaCha8(key)
}

// DevSecret signs the tokens of local stacks. It is public: never deploy it.
const DevSecret = "gapless-local-secret-never-deploy-me" //nolint:gosec // public, and of no use elsewhere

// Stack is a running Gapless on a local AWS. Its fields are the services, for
// faults and inspection. It is safe for concurrent use; whoever made it calls
// Shutdown.
type Stack struct {
	Clock    clock.Clock
	Gateway  *gateway.Gateway
	DynamoDB *dynamodb.Service
	Lambda   *lambda.Service
	SNS      *sns.Service
	SQS      *sqs.Service
	Secrets  *secretsmanager.Service
	Schedule *schedule.Service
	Logs     *logs.Service
	Tokens   *auth.SharedSecret

	config     Config
	watch      *leak.Watch // in tests
	template   *template.Template
	router     router
	isolation  *isolation             // nil for functions in process
	subscriber *localstack.Subscriber // nil without LocalStack
	serving    sync.WaitGroup
	ttl        clock.Timer
}

// New puts a stack together. Nothing listens yet; see Serve and Gateway.Dial.
func New(config Config) (*Stack, error) {
	if config.Clock == nil {
		config.Clock = movable.NewMovable()
	}
	if config.Secret == "" {
		config.Secret = DevSecret
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.FunctionLog == nil {
		config.FunctionLog = io.Discard
	}
	var watch *leak.Watch
	if testing.Testing() {
		watch = leak.New()
		config.FunctionLog = watch.Writer(config.FunctionLog)
		config.Logger = slog.New(slog.NewMultiHandler(config.Logger.Handler(),
			slog.NewJSONHandler(watch.Writer(io.Discard), &slog.HandlerOptions{Level: slog.LevelDebug})))
	}
	tokens, err := auth.NewSharedSecret(config.Secret, config.Clock)
	if err != nil {
		return nil, err
	}
	s := &Stack{Clock: config.Clock, Tokens: tokens, config: config, watch: watch}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.Shutdown(context.Background()))
	}
	return s, nil
}

func (s *Stack) start() error {
	var err error
	if s.config.Isolated != "" {
		if err := s.isolate(); err != nil {
			return err
		}
		s.template, err = deployed(s.isolation.url())
	} else {
		s.template, err = inProcess()
	}
	if err != nil {
		return fmt.Errorf("read the CloudFormation templates: %w", err)
	}
	s.Logs = logs.New(logs.Config{Clock: s.Clock, Region: region, AccountID: account, Rand: s.config.rand(5)})
	s.DynamoDB = dynamodb.New(dynamodb.Config{Clock: s.Clock, Fault: s.config.DynamoDBFault, StaleReads: s.config.StaleReads})
	s.SQS = sqs.New(sqs.Config{Clock: s.Clock, Region: region, AccountID: account, Rand: s.config.rand(1)})
	s.Lambda = lambda.New(lambda.Config{
		Clock: s.Clock, Logger: s.config.Logger, Region: region, AccountID: account, DeadLetter: s.deadLetter,
		Rand: s.config.rand(2), Executor: s.executor(), Log: s.keepLog,
	})
	if s.watch != nil {
		s.Lambda.Observe(func(e lambda.Event) {
			if e.Kind == lambda.Started {
				s.watch.Event(e.Invocation.Payload)
			}
		})
	}
	s.SNS = sns.New(sns.Config{
		Clock: s.Clock, Logger: s.config.Logger, Lambda: s.Lambda, Queue: s.SQS, Region: region, AccountID: account,
		Rand: s.config.rand(3), Latency: s.config.WakeLatency, MaySend: s.maySend,
	})
	s.Secrets = secretsmanager.New(secretsmanager.Config{Clock: s.Clock, Region: region, AccountID: account, Rand: s.config.rand(4)})
	s.Schedule = schedule.New(schedule.Config{Clock: s.Clock, Lambda: s.Lambda})
	gw, err := gateway.New(gateway.Config{
		API: s.template.API, Invoke: invoker{s.Lambda}, Clock: s.Clock, Logger: s.config.Logger, Rand: s.config.ids(),
	})
	if err != nil {
		return fmt.Errorf("set up gateway: %w", err)
	}
	s.Gateway = gw
	ids := service.NewIDs(s.config.rand(6))
	s.router = router{ids: ids, services: map[string]http.Handler{
		"dynamodb": s.DynamoDB, "sns": s.SNS, "sqs": s.SQS, "lambda": s.Lambda, "execute-api": gw.Handler(),
		"secretsmanager": s.Secrets, "logs": s.Logs, "apigateway": gw.Control(), "sts": iam.STS(account, ids, s.callerOf),
	}}
	if s.config.LocalStack != "" {
		if err := s.useLocalStack(); err != nil {
			return err
		}
	}
	s.expireHourly()
	return s.provision(context.Background())
}

// expireHourly deletes expired items now and then. DynamoDB does so within
// days; nothing may depend on when.
func (s *Stack) expireHourly() {
	s.ttl = s.Clock.AfterFunc(time.Hour, func() {
		s.DynamoDB.SweepExpired()
		s.ttl.Reset(time.Hour)
	})
}

// invoker lets the gateway run functions.
type invoker struct{ lambda *lambda.Service }

func (i invoker) Invoke(ctx context.Context, function string, payload []byte) (gateway.Result, error) {
	result, err := i.lambda.Invoke(ctx, function, payload)
	return gateway.Result{Payload: result.Payload, FunctionError: result.FunctionError}, err
}

// AWS is an SDK configuration whose calls go to this stack's services without a
// socket.
func (s *Stack) AWS() aws.Config { return sdk(s.router, nil) }

// Serve lets clients connect through a listener, until Shutdown.
func (s *Stack) Serve(listener net.Listener) {
	s.serving.Go(func() {
		if err := s.Gateway.Serve(listener); err != nil {
			s.config.Logger.Error("gateway stopped serving", "error", err)
		}
	})
}

// Advance moves time forward. It panics if the stack was given a clock that
// cannot be moved.
func (s *Stack) Advance(d time.Duration) { s.Clock.(*movable.Movable).Advance(d) }

// Sweep runs the sweep function once and returns its error.
func (s *Stack) Sweep(ctx context.Context) error {
	result, err := s.Lambda.Invoke(ctx, "sweep", []byte(`{"source":"aws.events","detail":{}}`))
	if err != nil {
		return err
	}
	if result.FunctionError != "" {
		return fmt.Errorf("sweep: %s", result.Payload)
	}
	return nil
}

// Token is a token for a user, valid for a day; nil permissions say nothing of
// rooms.
func (s *Stack) Token(user string, rooms auth.Permissions) (string, error) {
	return s.Tokens.Sign(user, 24*time.Hour, rooms)
}

// Ticket is a ticket for a user, as a back end makes it; nil permissions say
// nothing of rooms.
func (s *Stack) Ticket(ctx context.Context, user string, rooms auth.Permissions) (string, error) {
	host := app.Process()
	host.Environ = map[string]string{"GAPLESS_CONNECTIONS_TABLE": s.template.Outputs["ConnectionsTable"]}
	host.Clock, host.AWS = s.Clock, func(context.Context) (aws.Config, error) { return s.AWS(), nil }
	office, err := app.Tickets(ctx, host)
	if err != nil {
		return "", err
	}
	return office.Issue(ctx, ticket.Params{User: user, Rooms: rooms})
}

// Shutdown closes every connection, lets running functions end, and stops the
// services. ctx bounds how long it waits. In a test it fails if a function or a
// service has logged a token, a ticket, or the data of a message.
func (s *Stack) Shutdown(ctx context.Context) error {
	var errs []error
	if s.ttl != nil {
		s.ttl.Stop()
	}
	if s.Schedule != nil {
		s.Schedule.Close()
	}
	if s.Gateway != nil {
		errs = append(errs, s.Gateway.Shutdown(ctx))
	}
	if s.subscriber != nil {
		errs = append(errs, s.subscriber.Unsubscribe(ctx))
	}
	if s.SNS != nil {
		s.SNS.Close()
	}
	if s.Lambda != nil {
		errs = append(errs, s.Lambda.Shutdown(ctx))
	}
	if s.isolation != nil {
		errs = append(errs, s.isolation.close())
	}
	s.serving.Wait()
	if s.watch != nil {
		errs = append(errs, s.watch.Found())
	}
	return errors.Join(errs...)
}

// environ is a function's environment: the template's, and what is different
// here.
func (s *Stack) environ(f template.Function) map[string]string {
	environ := map[string]string{"AWS_REGION": region}
	maps.Copy(environ, f.Env)
	if _, grants := environ[roomsVariable]; grants {
		environ[roomsVariable] = "true"
	}
	if s.watch != nil {
		environ["GAPLESS_LOG_LEVEL"] = "debug" // all that can be logged is looked at
	}
	maps.Copy(environ, s.config.Environ)
	return environ
}

// roomsVariable grants all rooms to tokens that say nothing of rooms.
const roomsVariable = "GAPLESS_OPEN_ROOMS"
