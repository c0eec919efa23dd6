package sqs_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/service"
	"github.com/gapless-rooms/gapless/localdev/sqs"
)

// Some SDKs call the host of a queue's URL, so it must be the one that answered.
func TestQueueURLsNameTheServerThatWasAsked(t *testing.T) {
	t.Parallel()
	s := sqs.RunT(t, sqs.Config{})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	client := func(endpoint string, c *http.Client) *awssqs.Client {
		return awssqs.New(awssqs.Options{
			Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: c, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		})
	}
	inProcess := &http.Client{Transport: s.Transport()}
	for endpoint, test := range map[string]struct {
		client *http.Client
		want   string
	}{
		server.URL: {server.Client(), server.URL},
		strings.Replace(server.URL, "127.0.0.1", "localhost", 1): {server.Client(), strings.Replace(server.URL, "127.0.0.1", "localhost", 1)},
		"https://sqs.us-east-1.amazonaws.com":                    {inProcess, "http://sqs.us-east-1.localhost"},
	} {
		c := client(endpoint, test.client)
		made, err := c.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String("q")})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.GetQueueUrl(t.Context(), &awssqs.GetQueueUrlInput{QueueName: aws.String("q")})
		if err != nil {
			t.Fatal(err)
		}
		list, err := c.ListQueues(t.Context(), &awssqs.ListQueuesInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, url := range []string{*made.QueueUrl, *got.QueueUrl, list.QueueUrls[0]} {
			if want := test.want + "/000000000000/q"; url != want {
				t.Errorf("from %s: %s, want %s", endpoint, url, want)
			}
		}
	}
	fixed := sqs.RunT(t, sqs.Config{URL: "http://queues.test"})
	out, err := fixed.Client().CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil || *out.QueueUrl != "http://queues.test/000000000000/q" {
		t.Errorf("%v, %v", out, err)
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	b := setup(t, sqs.Config{}, nil)
	const topic, principal = "arn:aws:sns:us-east-1:000000000000:topic", "sns.amazonaws.com"
	arn := b.service.ARN("q")
	set := func(policy string) error {
		_, err := b.client.SetQueueAttributes(t.Context(), &awssqs.SetQueueAttributesInput{QueueUrl: b.url, Attributes: map[string]string{"Policy": policy}})
		return err
	}
	may := func() bool {
		err := b.service.MaySend(principal, topic, arn)
		if err != nil && !errors.Is(err, sqs.ErrDenied) {
			t.Errorf("not a denial: %v", err)
		}
		return err == nil
	}
	if may() {
		t.Error("a queue without a policy takes messages of a service")
	}
	if err := set(`{"Version":"2012-10-17","Id":"p","Statement":{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"` + arn + `","Condition":{"ArnEquals":{"aws:SourceArn":"` + topic + `"}}}}`); err != nil {
		t.Fatal(err)
	}
	if !may() {
		t.Error("the policy does not count")
	}
	if err := b.service.MaySend(principal, topic+"-other", arn); !errors.Is(err, sqs.ErrDenied) {
		t.Errorf("another topic: %v", err)
	}
	for _, bad := range []string{`{`, `{"Statement":[{"Effect":"Perhaps"}]}`, `{"Statement":[{"Effect":"Allow","Condition":{"DateGreaterThan":{"aws:CurrentTime":"x"}}}]}`} {
		if err := set(bad); errorCode(err) != "InvalidAttributeValue" {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if !may() {
		t.Error("a refused policy has replaced the other")
	}
	if err := set(""); err != nil || may() {
		t.Errorf("after the policy's end: %v, may send %v", err, may())
	}
}

// A client of the Query protocol reads XML only.
func TestQueryRequestsAreRefusedInXML(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(sqs.RunT(t, sqs.Config{}))
	t.Cleanup(server.Close)
	response, err := http.PostForm(server.URL, url.Values{"Action": {"ListQueues"}}) //nolint:noctx // a test server
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read whole
	var body strings.Builder
	if err := response.Write(&body); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(body.String(), "<Code>AWS.SimpleQueueService.UnsupportedOperation</Code>") {
		t.Error(body.String())
	}
}

func TestFaultsAndCalls(t *testing.T) {
	t.Parallel()
	next := service.NoFault
	b := setup(t, sqs.Config{Fault: func(operation string, _ []byte) service.Fault {
		if operation != "SendMessage" {
			return service.NoFault
		}
		return next
	}}, nil)
	var mu sync.Mutex
	var seen []string
	stop := b.service.Observe(func(c service.Call) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, c.Operation+" "+c.Error)
	})
	send := func(f service.Fault) error {
		next = f
		_, err := b.client.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: b.url, MessageBody: aws.String("m")})
		return err
	}
	stored := func() int {
		m, err := b.service.Messages("q")
		if err != nil {
			t.Fatal(err)
		}
		return len(m)
	}
	for _, test := range []struct {
		fault  service.Fault
		code   string
		stored int
	}{
		{service.Throttle, "ThrottlingException", 0},
		{service.FailBefore, "InternalError", 0},
		{service.FailAfter, "InternalError", 1},
		{service.NoFault, "", 2},
	} {
		if err := send(test.fault); errorCode(err) != test.code || stored() != test.stored {
			t.Errorf("fault %d: %v with %d messages", test.fault, err, stored())
		}
	}
	stop()
	b.service.SetFault(nil)
	if err := send(service.FailBefore); err != nil {
		t.Error(err)
	}
	want := []string{"SendMessage ThrottlingException", "SendMessage InternalError", "SendMessage InternalError", "SendMessage "}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}
