package iam_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/gapless-rooms/gapless/localdev/iam"
)

// policy grants the calls that it holds.
type policy map[iam.Call]bool

func (p policy) Allows(action, resource string) bool {
	return p[iam.Call{Action: action, Resource: resource}]
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// config is an SDK configuration with the policy before a service that answers
// everything with an empty 200.
func config(p policy, onCall func(iam.Call, bool)) aws.Config {
	next := roundTripper(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.WriteString("{}")
		response := w.Result()
		response.Request = r
		return response, nil
	})
	return aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		HTTPClient: &http.Client{Transport: iam.Transport(iam.Config{
			Policy: p, Caller: "arn:aws:sts::1:assumed-role/r/f", Region: "us-east-1", AccountID: "1", APIID: "api", OnCall: onCall,
		}, next)},
	}
}

// TestCalls makes each call with the real SDK, with nothing granted, and wants
// AccessDenied in the service's form; then with the grant, and wants it passed on.
func TestCalls(t *testing.T) {
	t.Parallel()
	tests := []struct {
		call iam.Call
		code string
		do   func(aws.Config) error
	}{
		{iam.Call{Action: "dynamodb:GetItem", Resource: "arn:aws:dynamodb:us-east-1:1:table/t"}, "AccessDeniedException", func(c aws.Config) error {
			_, err := dynamodb.NewFromConfig(c).GetItem(t.Context(), &dynamodb.GetItemInput{
				TableName: aws.String("t"), Key: map[string]types.AttributeValue{"k": &types.AttributeValueMemberS{Value: "v"}},
			})
			return err
		}},
		{iam.Call{Action: "dynamodb:Query", Resource: "arn:aws:dynamodb:us-east-1:1:table/t/index/i"}, "AccessDeniedException", func(c aws.Config) error {
			_, err := dynamodb.NewFromConfig(c).Query(t.Context(), &dynamodb.QueryInput{TableName: aws.String("t"), IndexName: aws.String("i")})
			return err
		}},
		{iam.Call{Action: "sns:Publish", Resource: "arn:aws:sns:us-east-1:1:t"}, "AuthorizationError", func(c aws.Config) error {
			_, err := sns.NewFromConfig(c).Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String("arn:aws:sns:us-east-1:1:t"), Message: aws.String("m")})
			return err
		}},
		{iam.Call{Action: "sqs:ReceiveMessage", Resource: "arn:aws:sqs:us-east-1:1:q"}, "AccessDeniedException", func(c aws.Config) error {
			_, err := sqs.NewFromConfig(c).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String("https://sqs.us-east-1.amazonaws.com/1/q")})
			return err
		}},
		{iam.Call{Action: "secretsmanager:GetSecretValue", Resource: "arn:aws:secretsmanager:us-east-1:1:secret:s-abcdef"}, "AccessDeniedException", func(c aws.Config) error {
			_, err := secretsmanager.NewFromConfig(c).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{
				SecretId: aws.String("arn:aws:secretsmanager:us-east-1:1:secret:s-abcdef"),
			})
			return err
		}},
		{iam.Call{Action: "execute-api:ManageConnections", Resource: "arn:aws:execute-api:us-east-1:1:api/s/POST/@connections/x="}, "AccessDeniedException", func(c aws.Config) error {
			client := apigatewaymanagementapi.NewFromConfig(c, func(o *apigatewaymanagementapi.Options) { o.BaseEndpoint = aws.String("https://h/s") })
			_, err := client.PostToConnection(t.Context(), &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: aws.String("x="), Data: []byte("d")})
			return err
		}},
	}
	for _, test := range tests {
		var seen []iam.Call
		note := func(call iam.Call, _ bool) { seen = append(seen, call) }
		var refusal smithy.APIError
		err := test.do(config(policy{}, note))
		if !errors.As(err, &refusal) || refusal.ErrorCode() != test.code || !strings.Contains(refusal.ErrorMessage(), test.call.Action+" on resource: "+test.call.Resource) {
			t.Errorf("%v, not granted: %v", test.call, err)
		}
		// The empty answer is none that every service gives: only a refusal counts.
		if err := test.do(config(policy{test.call: true}, note)); errors.As(err, &refusal) && refusal.ErrorCode() == test.code {
			t.Errorf("%v, granted: %v", test.call, err)
		}
		for _, call := range seen {
			if call != test.call {
				t.Errorf("seen %v, want %v", call, test.call)
			}
		}
	}
}

// TestUnknownCalls wants calls whose resource is not known here to be refused,
// whatever is granted.
func TestUnknownCalls(t *testing.T) {
	t.Parallel()
	c := config(policy{}, nil)
	_, batch := dynamodb.NewFromConfig(c).ListTables(t.Context(), &dynamodb.ListTablesInput{})
	_, list := sns.NewFromConfig(c).ListTopics(t.Context(), &sns.ListTopicsInput{})
	_, named := secretsmanager.NewFromConfig(c).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
	unsigned := func() error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://h/", http.NoBody)
		if err != nil {
			return err
		}
		_, err = c.HTTPClient.Do(r)
		return err
	}()
	for name, err := range map[string]error{"ListTables": batch, "ListTopics": list, "GetSecretValue by name": named, "unsigned": unsigned} {
		if !errors.Is(err, iam.ErrUnknownCall) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
