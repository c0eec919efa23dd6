package sns_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/sns"
	"github.com/gapless-rooms/gapless/localdev/sqs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inProcess calls a handler without a socket.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

func newClient(s http.Handler) *awssns.Client {
	return awssns.New(awssns.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://sns.local"),
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient:  &http.Client{Transport: inProcess{s}},
		Retryer:     aws.NopRetryer{},
	})
}

// queues records what is sent to queues.
type queues struct {
	mu   sync.Mutex
	sent map[string][]sqs.Message
	err  error
}

func (q *queues) SendARN(arn string, m sqs.Message) (string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return "", q.err
	}
	if q.sent == nil {
		q.sent = map[string][]sqs.Message{}
	}
	q.sent[arn] = append(q.sent[arn], m)
	return "id", nil
}

func (q *queues) bodies(arn string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var bodies []string
	for _, m := range q.sent[arn] {
		bodies = append(bodies, m.Body)
	}
	return bodies
}

const (
	functionARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
	queueARN    = "arn:aws:sqs:us-east-1:000000000000:q"
	deadARN     = "arn:aws:sqs:us-east-1:000000000000:dead"
)

type bundle struct {
	service *sns.Service
	client  *awssns.Client
	lambda  *lambda.Service
	queues  *queues
	topic   string
	// events are the raw events that the function f got.
	events func() [][]byte
}

func setup(t *testing.T, cfg sns.Config) *bundle {
	t.Helper()
	b := &bundle{lambda: lambda.RunT(t, lambda.Config{}), queues: &queues{}}
	var mu sync.Mutex
	var got [][]byte
	err := b.lambda.Register(lambda.Function{Name: "f", New: func(io.Writer) (awslambda.Handler, error) {
		return awslambda.NewHandler(func(event json.RawMessage) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, event)
			return nil
		}), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.events = func() [][]byte {
		if err := b.lambda.Idle(context.Background()); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		return got
	}
	cfg.Lambda, cfg.Queue = b.lambda, b.queues
	b.service = sns.RunT(t, cfg)
	b.client = newClient(b.service)
	created, err := b.client.CreateTopic(t.Context(), &awssns.CreateTopicInput{Name: aws.String("wake")})
	if err != nil {
		t.Fatal(err)
	}
	b.topic = *created.TopicArn
	return b
}

func (b *bundle) subscribe(t *testing.T, protocol, endpoint string, attributes map[string]string) string {
	t.Helper()
	out, err := b.client.Subscribe(t.Context(), &awssns.SubscribeInput{
		TopicArn: &b.topic, Protocol: &protocol, Endpoint: &endpoint, Attributes: attributes, ReturnSubscriptionArn: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.SubscriptionArn
}

func (b *bundle) publish(t *testing.T, message string) string {
	t.Helper()
	out, err := b.client.Publish(t.Context(), &awssns.PublishInput{TopicArn: &b.topic, Message: &message})
	if err != nil {
		t.Fatal(err)
	}
	return *out.MessageId
}

func TestPublishReachesTheFunction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, sns.Config{})
		sub := b.subscribe(t, "lambda", functionARN, nil)
		out, err := b.client.Publish(t.Context(), &awssns.PublishInput{
			TopicArn: &b.topic, Message: aws.String(`{"room":"ä<&>"}`), Subject: aws.String("hi"),
			MessageAttributes: map[string]types.MessageAttributeValue{
				"kind": {DataType: aws.String("String"), StringValue: aws.String("wake")},
				"raw":  {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		got := b.events()
		if len(got) != 1 {
			t.Fatalf("%d events", len(got))
		}
		var event map[string]any
		if err := json.Unmarshal(got[0], &event); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"Records": []any{map[string]any{
			"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": sub,
			"Sns": map[string]any{
				"Type": "Notification", "MessageId": *out.MessageId, "TopicArn": b.topic, "Subject": "hi",
				"Message": `{"room":"ä<&>"}`, "Timestamp": "2000-01-01T00:00:00.000Z",
				"SignatureVersion": "1", "Signature": "EXAMPLE",
				"SigningCertUrl": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-00000000000000000000000000000000.pem",
				"UnsubscribeUrl": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=" + sub,
				"MessageAttributes": map[string]any{
					"kind": map[string]any{"Type": "String", "Value": "wake"},
					"raw":  map[string]any{"Type": "Binary", "Value": "AQI="},
				},
			},
		}}}
		if diff := cmp.Diff(want, event); diff != "" {
			t.Error(diff)
		}
		var typed events.SNSEvent
		if err := json.Unmarshal(got[0], &typed); err != nil {
			t.Error(err)
		}
		if !typed.Records[0].SNS.Timestamp.Equal(time.Now()) {
			t.Errorf("timestamp %v", typed.Records[0].SNS.Timestamp)
		}
	})
}

func TestPublishWithoutSubjectSaysNull(t *testing.T) {
	t.Parallel()
	b := setup(t, sns.Config{})
	b.subscribe(t, "lambda", functionARN, nil)
	b.publish(t, "x")
	if got := string(b.events()[0]); !strings.Contains(got, `"Subject":null`) || !strings.Contains(got, `"MessageAttributes":{}`) {
		t.Error(got)
	}
}

func errorCode(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}
