package sqs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	movable "github.com/gapless-rooms/gapless/localdev/clock"
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

type bundle struct {
	service *sqs.Service
	client  *awssqs.Client
	url     *string
}

// setup makes a queue "q" with the attributes, and "dead" beside it.
func setup(t *testing.T, cfg sqs.Config, attributes map[string]string) *bundle {
	t.Helper()
	b := &bundle{service: sqs.RunT(t, cfg)}
	b.client = awssqs.New(awssqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://sqs.local"),
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient:  &http.Client{Transport: inProcess{b.service}},
		Retryer:     aws.NopRetryer{},
	})
	if _, err := b.service.CreateQueue("dead", nil); err != nil {
		t.Fatal(err)
	}
	out, err := b.client.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	b.url = out.QueueUrl
	return b
}

func (b *bundle) send(t *testing.T, body string) {
	t.Helper()
	if _, err := b.client.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: b.url, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) receive(t *testing.T, in awssqs.ReceiveMessageInput) []types.Message {
	t.Helper()
	in.QueueUrl = b.url
	out, err := b.client.ReceiveMessage(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	return out.Messages
}

func bodies(messages []types.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, *m.Body)
	}
	return strings.Join(all, " ")
}

func errorCode(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

func TestSendReceiveDelete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, sqs.Config{}, nil)
		sent, err := b.client.SendMessage(t.Context(), &awssqs.SendMessageInput{
			QueueUrl: b.url, MessageBody: aws.String(`{"ä":"<&>"}`),
			MessageAttributes: map[string]types.MessageAttributeValue{
				"RequestID": {DataType: aws.String("String"), StringValue: aws.String("r-1")},
				"ErrorCode": {DataType: aws.String("Number"), StringValue: aws.String("200")},
				"Blob":      {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := aws.ToString(sent.MD5OfMessageAttributes); len(got) != 32 {
			t.Errorf("MD5OfMessageAttributes = %q", got)
		}
		time.Sleep(time.Second)
		got := b.receive(t, awssqs.ReceiveMessageInput{
			MaxNumberOfMessages:         10,
			MessageAttributeNames:       []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		})
		if len(got) != 1 {
			t.Fatalf("%d messages", len(got))
		}
		m := got[0]
		if *m.Body != `{"ä":"<&>"}` || *m.MessageId != *sent.MessageId || *m.MD5OfMessageAttributes != *sent.MD5OfMessageAttributes {
			t.Errorf("message = %+v", m)
		}
		start := int64(946684800000)
		want := map[string]string{
			"SenderId": "000000000000", "SentTimestamp": fmt.Sprint(start), "ApproximateReceiveCount": "1",
			"ApproximateFirstReceiveTimestamp": fmt.Sprint(start + 1000),
		}
		if diff := cmp.Diff(want, m.Attributes); diff != "" {
			t.Error(diff)
		}
		if *m.MessageAttributes["RequestID"].StringValue != "r-1" || string(m.MessageAttributes["Blob"].BinaryValue) != "\x00\xff" {
			t.Errorf("attributes = %+v", m.MessageAttributes)
		}
		if again := b.receive(t, awssqs.ReceiveMessageInput{}); len(again) != 0 {
			t.Error("an in-flight message was received")
		}
		if _, err := b.client.DeleteMessage(t.Context(), &awssqs.DeleteMessageInput{QueueUrl: b.url, ReceiptHandle: m.ReceiptHandle}); err != nil {
			t.Fatal(err)
		}
		if stored, _ := b.service.Messages("q"); len(stored) != 0 {
			t.Errorf("stored = %+v", stored)
		}
	})
}

func TestVisibilityAndReceiptHandles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, sqs.Config{}, map[string]string{"VisibilityTimeout": "5"})
		b.send(t, "a")
		first := b.receive(t, awssqs.ReceiveMessageInput{})[0]
		time.Sleep(5*time.Second - 1)
		if got := b.receive(t, awssqs.ReceiveMessageInput{}); len(got) != 0 {
			t.Error("visible too early")
		}
		time.Sleep(time.Nanosecond)
		second := b.receive(t, awssqs.ReceiveMessageInput{VisibilityTimeout: 100})[0]
		// The first handle is outdated: the deletion succeeds without effect.
		if _, err := b.client.DeleteMessage(t.Context(), &awssqs.DeleteMessageInput{QueueUrl: b.url, ReceiptHandle: first.ReceiptHandle}); err != nil {
			t.Fatal(err)
		}
		change := func(handle *string, seconds int32) error {
			_, err := b.client.ChangeMessageVisibility(t.Context(), &awssqs.ChangeMessageVisibilityInput{QueueUrl: b.url, ReceiptHandle: handle, VisibilityTimeout: seconds})
			return err
		}
		var notInflight *types.MessageNotInflight
		if err := change(first.ReceiptHandle, 1); !errors.As(err, &notInflight) {
			t.Errorf("outdated handle: %v", err)
		}
		var invalid *types.ReceiptHandleIsInvalid
		if err := change(aws.String("nonsense"), 1); !errors.As(err, &invalid) {
			t.Errorf("nonsense handle: %v", err)
		}
		if err := change(second.ReceiptHandle, 0); err != nil {
			t.Fatal(err)
		}
		third := b.receive(t, awssqs.ReceiveMessageInput{MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"}})
		if len(third) != 1 || third[0].Attributes["ApproximateReceiveCount"] != "3" {
			t.Errorf("after the visibility was ended: %+v", third)
		}
	})
}

func TestLongPolling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, sqs.Config{}, map[string]string{"DelaySeconds": "3"})
		start := time.Now()
		if got := b.receive(t, awssqs.ReceiveMessageInput{WaitTimeSeconds: 20}); len(got) != 0 || time.Since(start) != 20*time.Second {
			t.Errorf("empty queue: %d messages after %v", len(got), time.Since(start))
		}
		b.send(t, "delayed")
		start = time.Now()
		if got := b.receive(t, awssqs.ReceiveMessageInput{WaitTimeSeconds: 20}); bodies(got) != "delayed" || time.Since(start) != 3*time.Second {
			t.Errorf("delayed message: %q after %v", bodies(got), time.Since(start))
		}
		start = time.Now()
		time.AfterFunc(7*time.Second, func() {
			if _, err := b.service.Send("q", sqs.Message{Body: "sent", Delay: time.Second}); err != nil {
				t.Error(err)
			}
		})
		if got := b.receive(t, awssqs.ReceiveMessageInput{WaitTimeSeconds: 20}); bodies(got) != "sent" || time.Since(start) != 8*time.Second {
			t.Errorf("message sent meanwhile: %q after %v", bodies(got), time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wait := 20 * time.Second
		if _, err := b.service.Receive(ctx, "q", sqs.ReceiveOptions{Wait: &wait}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		time.AfterFunc(time.Second, b.service.Close)
		if _, err := b.service.Receive(t.Context(), "q", sqs.ReceiveOptions{Wait: &wait}); !errors.Is(err, sqs.ErrClosed) {
			t.Errorf("err = %v", err)
		}
	})
}

func TestLongPollingFollowsAMovedClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := movable.NewMovable()
		b := setup(t, sqs.Config{Clock: c}, nil)
		start := time.Now()
		if _, err := b.service.Send("q", sqs.Message{Body: "later", Delay: 15 * time.Second}); err != nil {
			t.Fatal(err)
		}
		done := make(chan string)
		go func() { done <- bodies(b.receive(t, awssqs.ReceiveMessageInput{WaitTimeSeconds: 20})) }()
		synctest.Wait()
		c.Advance(15 * time.Second)
		if got := <-done; got != "later" || !time.Now().Equal(start) {
			t.Errorf("got %q after %v", got, time.Since(start))
		}
	})
}

func TestRedriveAndRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, sqs.Config{}, map[string]string{
			"VisibilityTimeout": "0", "MessageRetentionPeriod": "3600",
			"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"2"}`,
		})
		b.send(t, "poison")
		for range 2 {
			if got := b.receive(t, awssqs.ReceiveMessageInput{}); bodies(got) != "poison" {
				t.Fatalf("got %q", bodies(got))
			}
		}
		time.Sleep(time.Hour - time.Second)
		b.send(t, "good")
		if got := b.receive(t, awssqs.ReceiveMessageInput{MaxNumberOfMessages: 10}); bodies(got) != "good" {
			t.Errorf("got %q", bodies(got))
		}
		dead, err := b.service.Messages("dead")
		if err != nil || len(dead) != 1 || dead[0].Body != "poison" || dead[0].SourceARN != b.service.ARN("q") {
			t.Errorf("dead letters: %+v, %v", dead, err)
		}
		time.Sleep(time.Hour)
		if counts, _ := b.service.Counts("q"); counts != (sqs.Counts{}) {
			t.Errorf("after the retention: %+v", counts)
		}
		// The dead letter keeps its first timestamp: 4 days from there.
		time.Sleep(4*24*time.Hour - 2*time.Hour)
		if counts, _ := b.service.Counts("dead"); counts.Visible != 1 {
			t.Errorf("dead letters: %+v", counts)
		}
		time.Sleep(time.Second)
		if counts, _ := b.service.Counts("dead"); counts.Visible != 0 {
			t.Errorf("dead letters: %+v", counts)
		}
	})
}

func TestBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, sqs.Config{}, nil)
		out, err := b.client.SendMessageBatch(t.Context(), &awssqs.SendMessageBatchInput{QueueUrl: b.url, Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("1"), MessageBody: aws.String("a")},
			{Id: aws.String("2"), MessageBody: aws.String("bad \x00")},
			{Id: aws.String("3"), MessageBody: aws.String("c"), DelaySeconds: 1},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Successful) != 2 || len(out.Failed) != 1 || *out.Failed[0].Id != "2" || *out.Failed[0].Code != "InvalidMessageContents" || !out.Failed[0].SenderFault {
			t.Errorf("result = %+v", out)
		}
		attributes, err := b.client.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{QueueUrl: b.url, AttributeNames: []types.QueueAttributeName{"All"}})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"QueueArn": b.service.ARN("q"), "CreatedTimestamp": "946684800", "LastModifiedTimestamp": "946684800",
			"VisibilityTimeout": "30", "MessageRetentionPeriod": "345600", "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0",
			"MaximumMessageSize": "1048576", "ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "0",
			"ApproximateNumberOfMessagesDelayed": "1",
		}
		if diff := cmp.Diff(want, attributes.Attributes); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Second)
		got := b.receive(t, awssqs.ReceiveMessageInput{MaxNumberOfMessages: 10})
		if bodies(got) != "a c" {
			t.Fatalf("received %q", bodies(got))
		}
		visible, err := b.client.ChangeMessageVisibilityBatch(t.Context(), &awssqs.ChangeMessageVisibilityBatchInput{QueueUrl: b.url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
			{Id: aws.String("1"), ReceiptHandle: got[0].ReceiptHandle, VisibilityTimeout: 0},
		}})
		if err != nil || len(visible.Successful) != 1 {
			t.Errorf("%+v, %v", visible, err)
		}
		deleted, err := b.client.DeleteMessageBatch(t.Context(), &awssqs.DeleteMessageBatchInput{QueueUrl: b.url, Entries: []types.DeleteMessageBatchRequestEntry{
			{Id: aws.String("1"), ReceiptHandle: got[0].ReceiptHandle},
			{Id: aws.String("2"), ReceiptHandle: aws.String("x")},
			{Id: aws.String("3"), ReceiptHandle: got[1].ReceiptHandle},
		}})
		if err != nil || len(deleted.Successful) != 2 || len(deleted.Failed) != 1 {
			t.Errorf("%+v, %v", deleted, err)
		}
		if counts, _ := b.service.Counts("q"); counts != (sqs.Counts{}) {
			t.Errorf("counts = %+v", counts)
		}
	})
}

func TestQueuesAreFoundAndPurged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, sqs.Config{}, nil)
		found, err := b.client.GetQueueUrl(t.Context(), &awssqs.GetQueueUrlInput{QueueName: aws.String("q")})
		if err != nil || *found.QueueUrl != *b.url {
			t.Errorf("%+v, %v", found, err)
		}
		listed, err := b.client.ListQueues(t.Context(), &awssqs.ListQueuesInput{QueueNamePrefix: aws.String("d")})
		if err != nil || len(listed.QueueUrls) != 1 || listed.QueueUrls[0] != b.service.URL("dead") {
			t.Errorf("%+v, %v", listed, err)
		}
		b.send(t, "x")
		purge := func() error {
			_, err := b.client.PurgeQueue(t.Context(), &awssqs.PurgeQueueInput{QueueUrl: b.url})
			return err
		}
		if err := purge(); err != nil {
			t.Fatal(err)
		}
		var inProgress *types.PurgeQueueInProgress
		if err := purge(); !errors.As(err, &inProgress) {
			t.Errorf("second purge: %v", err)
		}
		if counts, _ := b.service.Counts("q"); counts.Visible != 0 {
			t.Errorf("counts = %+v", counts)
		}
		if _, err := b.client.SetQueueAttributes(t.Context(), &awssqs.SetQueueAttributesInput{QueueUrl: b.url, Attributes: map[string]string{"VisibilityTimeout": "7"}}); err != nil {
			t.Error(err)
		}
		if _, err := b.client.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"VisibilityTimeout": "7"}}); err != nil {
			t.Errorf("equal queue: %v", err)
		}
		var exists *types.QueueNameExists
		if _, err := b.client.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"VisibilityTimeout": "8"}}); !errors.As(err, &exists) {
			t.Errorf("different queue: %v", err)
		}
		if _, err := b.client.DeleteQueue(t.Context(), &awssqs.DeleteQueueInput{QueueUrl: b.url}); err != nil {
			t.Error(err)
		}
		var notFound *types.QueueDoesNotExist
		if _, err := b.client.GetQueueUrl(t.Context(), &awssqs.GetQueueUrlInput{QueueName: aws.String("q")}); !errors.As(err, &notFound) || notFound.ErrorCode() != "AWS.SimpleQueueService.NonExistentQueue" {
			t.Errorf("deleted queue: %v", err)
		}
		if _, err := b.service.SendARN(b.service.ARN("q"), sqs.Message{Body: "x"}); !errors.Is(err, sqs.ErrQueueNotFound) {
			t.Errorf("deleted queue: %v", err)
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, sqs.Config{}, map[string]string{"MaximumMessageSize": "1024"})
	ctx := t.Context()
	send := func(in awssqs.SendMessageInput) error {
		in.QueueUrl = b.url
		if in.MessageBody == nil {
			in.MessageBody = aws.String("x")
		}
		_, err := b.client.SendMessage(ctx, &in)
		return err
	}
	create := func(name string, attributes map[string]string) error {
		_, err := b.client.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		return err
	}
	attribute := func(name, kind, value string) error {
		return send(awssqs.SendMessageInput{MessageAttributes: map[string]types.MessageAttributeValue{name: {DataType: &kind, StringValue: &value}}})
	}
	receive := func(in awssqs.ReceiveMessageInput) error {
		in.QueueUrl = b.url
		_, err := b.client.ReceiveMessage(ctx, &in)
		return err
	}
	_, unknownOperation := b.client.ListMessageMoveTasks(ctx, &awssqs.ListMessageMoveTasksInput{SourceArn: aws.String("a")})
	_, unknownURL := b.client.PurgeQueue(ctx, &awssqs.PurgeQueueInput{QueueUrl: aws.String("http://x/000000000000/none")})
	_, unknownAttribute := b.client.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{QueueUrl: b.url, AttributeNames: []types.QueueAttributeName{"Colour"}})
	big := strings.Repeat("x", 600<<10)
	_, tooLong := b.client.SendMessageBatch(ctx, &awssqs.SendMessageBatchInput{QueueUrl: b.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("1"), MessageBody: &big}, {Id: aws.String("2"), MessageBody: &big},
	}})
	_, notDistinct := b.client.DeleteMessageBatch(ctx, &awssqs.DeleteMessageBatchInput{QueueUrl: b.url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: aws.String("x")}, {Id: aws.String("1"), ReceiptHandle: aws.String("x")},
	}})
	var eleven []types.DeleteMessageBatchRequestEntry
	for i := range 11 {
		eleven = append(eleven, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: aws.String("x")})
	}
	_, tooMany := b.client.DeleteMessageBatch(ctx, &awssqs.DeleteMessageBatchInput{QueueUrl: b.url, Entries: eleven})

	for name, test := range map[string]struct {
		err  error
		code string
	}{
		"too large":         {send(awssqs.SendMessageInput{MessageBody: aws.String(strings.Repeat("x", 1025))}), "InvalidParameterValue"},
		"long delay":        {send(awssqs.SendMessageInput{DelaySeconds: 901}), "InvalidParameterValue"},
		"control character": {send(awssqs.SendMessageInput{MessageBody: aws.String("\x01")}), "InvalidMessageContents"},
		"message group":     {send(awssqs.SendMessageInput{MessageGroupId: aws.String("g")}), "AWS.SimpleQueueService.UnsupportedOperation"},
		"attribute name":    {attribute("a..b", "String", "x"), "InvalidParameterValue"},
		"reserved name":     {attribute("AWS.x", "String", "x"), "InvalidParameterValue"},
		"attribute type":    {attribute("a", "Bool", "x"), "InvalidParameterValue"},
		"no number":         {attribute("a", "Number", "x"), "InvalidParameterValue"},
		"max messages":      {receive(awssqs.ReceiveMessageInput{MaxNumberOfMessages: 11}), "InvalidParameterValue"},
		"wait":              {receive(awssqs.ReceiveMessageInput{WaitTimeSeconds: 21}), "InvalidParameterValue"},
		"visibility":        {receive(awssqs.ReceiveMessageInput{VisibilityTimeout: 43201}), "InvalidParameterValue"},
		"FIFO queue":        {create("q.fifo", nil), "AWS.SimpleQueueService.UnsupportedOperation"},
		"queue name":        {create("a b", nil), "InvalidParameterValue"},
		"unknown attribute": {create("n", map[string]string{"Colour": "red"}), "InvalidAttributeName"},
		"attribute range":   {create("n", map[string]string{"VisibilityTimeout": "43201"}), "InvalidAttributeValue"},
		"redrive policy":    {create("n", map[string]string{"RedrivePolicy": "{}"}), "InvalidAttributeValue"},
		"redrive target":    {create("n", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:none","maxReceiveCount":1}`}), "InvalidParameterValue"},
		"unknown queue":     {unknownURL, "AWS.SimpleQueueService.NonExistentQueue"},
		"operation":         {unknownOperation, "AWS.SimpleQueueService.UnsupportedOperation"},
		"get attribute":     {unknownAttribute, "InvalidAttributeName"},
		"long batch":        {tooLong, "AWS.SimpleQueueService.BatchRequestTooLong"},
		"same ids":          {notDistinct, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
		"eleven entries":    {tooMany, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
	} {
		if got := errorCode(test.err); got != test.code {
			t.Errorf("%s: %v", name, test.err)
		}
	}
	if stored, _ := b.service.Messages("q"); len(stored) != 0 {
		t.Errorf("refused messages were stored: %+v", stored)
	}
}

func TestRawRequestsAreRefusedLoudly(t *testing.T) {
	t.Parallel()
	s := sqs.RunT(t, sqs.Config{})
	for name, r := range map[string]*http.Request{
		"Query protocol": httptest.NewRequest(http.MethodPost, "/", strings.NewReader("Action=ListQueues")),
		"GET":            httptest.NewRequest(http.MethodGet, "/", nil),
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var body map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != 400 || body["__type"] != "com.amazonaws.sqs#UnsupportedOperation" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
