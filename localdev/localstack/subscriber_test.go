package localstack_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/gapless-rooms/gapless/localdev/localstack"
	"github.com/gapless-rooms/gapless/localdev/sns"
)

// subscribed is a subscriber whose SNS has the subscription of "f" already.
func subscribed(t *testing.T, invoke func(string, []byte) error) *localstack.Subscriber {
	t.Helper()
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := `<SubscribeResponse><SubscribeResult><SubscriptionArn>topic:1</SubscriptionArn></SubscribeResult></SubscribeResponse>`
		if r.FormValue("Action") == "GetSubscriptionAttributes" {
			answer = `<R><GetSubscriptionAttributesResult><Attributes><entry><key>PendingConfirmation</key><value>false</value></entry></Attributes></GetSubscriptionAttributesResult></R>`
		} else if r.FormValue("Protocol") != "http" || r.FormValue("Endpoint") != "http://here"+localstack.Prefix+"f" ||
			r.FormValue("Attributes.entry.1.key") != "FilterPolicy" {
			t.Errorf("subscribes by %v", r.Form)
		}
		_, _ = w.Write([]byte(answer)) // the test sees
	}))
	t.Cleanup(there.Close)
	s := &localstack.Subscriber{
		Client: awssns.New(awssns.Options{BaseEndpoint: &there.URL, Region: "us-east-1", Credentials: aws.AnonymousCredentials{}}),
		Invoke: invoke, Logger: slog.New(slog.DiscardHandler),
	}
	err := s.Subscribe(t.Context(), []sns.Subscription{{
		TopicARN: "topic", Protocol: "lambda", Endpoint: "arn:aws:lambda:us-east-1:000000000000:function:f", FilterPolicy: `{"kind":["a"]}`,
	}}, "http://here")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func deliver(t *testing.T, s *localstack.Subscriber, path, body string) int {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body)))
	return w.Code
}

func TestNotificationBecomesTheEventOfLambda(t *testing.T) {
	t.Parallel()
	var got events.SNSEvent
	s := subscribed(t, func(function string, event []byte) error {
		if function != "f" {
			t.Errorf("invokes %q", function)
		}
		return json.Unmarshal(event, &got)
	})
	code := deliver(t, s, localstack.Prefix+"f", `{"Type":"Notification","MessageId":"m","TopicArn":"topic","Message":"wake","Timestamp":"2026-01-19T21:13:26.345Z",
		"MessageAttributes":{"kind":{"Type":"String","Value":"a"}}}`)
	if code != http.StatusOK || len(got.Records) != 1 {
		t.Fatalf("status %d, %+v", code, got)
	}
	r := got.Records[0]
	if r.EventSource != "aws:sns" || r.EventSubscriptionArn != "topic:1" || r.SNS.Message != "wake" || r.SNS.MessageID != "m" ||
		r.SNS.MessageAttributes["kind"] == nil || r.SNS.Timestamp.IsZero() {
		t.Errorf("event %+v", r)
	}
}

func TestDeliveriesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := subscribed(t, func(string, []byte) error { return http.ErrServerClosed })
	const notification = `{"Type":"Notification","TopicArn":"topic","Message":"wake"}`
	for name, test := range map[string]struct {
		path, body string
		code       int
	}{
		"another function":        {localstack.Prefix + "g", notification, http.StatusNotFound},
		"another topic":           {localstack.Prefix + "f", `{"Type":"Notification","TopicArn":"other"}`, http.StatusBadRequest},
		"not JSON":                {localstack.Prefix + "f", `wake`, http.StatusBadRequest},
		"a queue that is closed":  {localstack.Prefix + "f", notification, http.StatusServiceUnavailable},
		"a confirmation not ours": {localstack.Prefix + "f", `{"Type":"SubscriptionConfirmation","TopicArn":"other"}`, http.StatusBadRequest},
	} {
		if code := deliver(t, s, test.path, test.body); code != test.code {
			t.Errorf("%s: %d, want %d", name, code, test.code)
		}
	}
}
