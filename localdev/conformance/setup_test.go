package conformance

import (
	"crypto/rand"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
)

// endpoint names a running DynamoDB Local.
const endpoint = "DYNAMODB_LOCAL_ENDPOINT"

// partitions is over how many the connections of these tests are spread.
const partitions = 3

// backend is an AWS client and the names of the tables behind it.
type backend struct {
	client *sdk.Client
	tables map[string]string // name in the schema → name of the table
}

func (b backend) log() *dynamo.Log {
	return dynamo.NewLog(b.client, b.tables["rooms"], b.tables["log"], slog.New(slog.DiscardHandler))
}

func (b backend) connections() *dynamo.Connections {
	return dynamo.NewConnections(b.client, b.tables["connections"], partitions)
}

func (b backend) tickets() *dynamo.Tickets {
	return dynamo.NewTickets(b.client, b.tables["connections"])
}

func (b backend) rooms() *dynamo.Rooms { return dynamo.NewRooms(b.client, b.tables["rooms"]) }

// onEngine returns a backend on an embedded engine of its own.
func onEngine(t *testing.T, config ...dynamodb.Config) (backend, *dynamodb.Server) {
	t.Helper()
	server := dynamodb.RunT(t, append(config, dynamodb.Config{})[0])
	return provision(t, server.Client), server
}

// attempts is so many that a call that fails by chance every third time never
// runs out of them: (1/3)^100. The SDK's own three, or ten, do in some runs.
const attempts = 100

// withRetries is a client that repeats failed calls at once, as the SDK's own
// does after a while.
func withRetries(server *dynamodb.Server) *sdk.Client {
	return server.Service.Client(func(o *sdk.Options) {
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			o.RateLimiter = ratelimit.None
		})
	})
}

// onDynamoDBLocal returns a backend on the official DynamoDB Local, or skips
// the test.
func onDynamoDBLocal(t *testing.T) backend {
	t.Helper()
	at := os.Getenv(endpoint)
	if at == "" {
		t.Skipf("NOT TESTED against DynamoDB Local: %s is not set; run it as .ci/dynamodb-local go test ./localdev/conformance", endpoint)
	}
	return provision(t, sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(at),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}))
}

// provision creates the tables of the schema, with the TTL switched on, under
// names that no other test uses, and deletes them after the test.
func provision(t *testing.T, client *sdk.Client) backend {
	t.Helper()
	b := backend{client, map[string]string{}}
	prefix := "conformance-" + rand.Text() + "-"
	for _, table := range dynamo.Schema() {
		name := prefix + table.Name
		b.tables[table.Name] = name
		sort := types.ScalarAttributeTypeS
		if table.NumericSort {
			sort = types.ScalarAttributeTypeN
		}
		_, err := client.CreateTable(t.Context(), &sdk.CreateTableInput{
			TableName: &name, BillingMode: types.BillingModePayPerRequest,
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
			t.Fatal(err)
		}
		_, err = client.UpdateTimeToLive(t.Context(), &sdk.UpdateTimeToLiveInput{
			TableName: &name,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{
				AttributeName: aws.String(dynamo.TTLAttribute), Enabled: aws.Bool(true),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}
