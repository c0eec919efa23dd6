package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// die makes the next n runs of a function die.
func die(s *stack.Running, function string, fault lambda.Fault, n int64) {
	var died atomic.Int64
	s.Lambda.SetFault(func(inv lambda.Invocation) lambda.FaultPlan {
		if inv.Function == function && died.Add(1) <= n {
			return lambda.FaultPlan{Fault: fault}
		}
		return lambda.FaultPlan{}
	})
}

// idle waits until no function runs.
func idle(t *testing.T, s *stack.Running) {
	t.Helper()
	if err := s.Lambda.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestBroadcasterThatDiesIsRetried(t *testing.T) {
	t.Parallel()
	for _, fault := range []lambda.Fault{lambda.FaultDieBefore, lambda.FaultDieAfter} {
		t.Run(fault.String(), func(t *testing.T) {
			t.Parallel()
			s := start(t, stack.Config{NoSchedule: true})
			ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
			join(bob, "lobby", nil, "")
			idle(t, s)
			die(s, "broadcast", fault, 1)
			publish(ada, "lobby", "through", "")
			idle(t, s)
			s.Advance(2 * time.Minute)
			if got := bob.receive(0, 1); string(got[0].Data) != `"through"` {
				t.Errorf("bob got %s", got[0].Data)
			}
		})
	}
}

func TestDeadLetteredWakeUpIsPutBackBySweeper(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{NoSchedule: true})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(bob, "lobby", nil, "")
	idle(t, s)
	die(s, "broadcast", lambda.FaultDieBefore, 3)
	publish(ada, "lobby", "through", "")
	for range 3 {
		idle(t, s)
		s.Advance(3 * time.Minute)
	}
	idle(t, s)
	sweep(t, s)
	if got := bob.receive(0, 1); string(got[0].Data) != `"through"` {
		t.Errorf("bob got %s", got[0].Data)
	}
}

func TestMessageFunctionThatDiesIsHealedByTheRetry(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{NoSchedule: true})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(bob, "lobby", nil, "")
	die(s, "message", lambda.FaultDieAfter, 1)
	ada.raw(`{"action":"publish","room":"lobby","data":"once","key":"k","id":99}`)
	<-ada.stray // API Gateway's own error frame
	if retry := publish(ada, "lobby", "once", "k"); !retry.Duplicate || retry.Seq != 1 {
		t.Errorf("retry: %+v", retry)
	}
	publish(ada, "lobby", "next", "")
	seen := 0
	for _, e := range bob.receive(0, 3) {
		if string(e.Data) == `"once"` {
			seen++
		}
	}
	if seen != 1 {
		t.Errorf("bob saw the message %d times", seen)
	}
}

func TestPoisonStopsNoRoom(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{NoSchedule: true})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(bob, "lobby", nil, "")
	epoch := publish(ada, "lobby", 1, "").Epoch
	bob.receive(0, 1)
	idle(t, s)

	topic := awssns.NewFromConfig(s.AWS())
	for _, message := range []string{"not JSON", `{}`, `{"kind":"drain"}`, `{"kind":"of tomorrow","room":"lobby"}`, `[]`, `"` + strings.Repeat("x", 1000) + `"`} {
		_, err := topic.Publish(t.Context(), &awssns.PublishInput{
			TopicArn: aws.String("arn:aws:sns:us-east-1:000000000000:gapless-local-wake"), Message: &message,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	idle(t, s)
	if queued := s.Lambda.Queue(); len(queued) != 0 {
		t.Errorf("poison is retried: %+v", queued)
	}

	// A log entry that nobody can read stands at the number that comes next.
	db := awsdynamodb.NewFromConfig(s.AWS())
	_, err := db.PutItem(t.Context(), &awsdynamodb.PutItemInput{TableName: aws.String("gapless-local-log"), Item: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "e#lobby#" + epoch}, "sk": &types.AttributeValueMemberN{Value: "2"},
		"j": &types.AttributeValueMemberS{Value: `{"broken`}, "u": &types.AttributeValueMemberBOOL{Value: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := publish(ada, "lobby", 3, ""); got.Seq != 3 {
		t.Errorf("publish past the poison: %+v", got)
	}
	got := bob.receive(1, 3)
	if len(got) != 2 || !got[0].Void || string(got[1].Data) != "3" {
		t.Errorf("bob got %+v", got)
	}
	if p := call[page](bob, m{"action": "history", "room": "lobby", "since": 0}); len(p.Messages) != 3 || !p.Recovered {
		t.Errorf("history: %+v", p)
	}
}

// flaky fails every call of one DynamoDB operation with an error of AWS.
type flaky struct {
	next      http.RoundTripper
	operation string
	exception string
	on        *atomic.Bool
}

func (f flaky) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.on.Load() && strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+f.operation) {
		body := `{"__type":"com.amazonaws.dynamodb.v20120810#` + f.exception + `","message":"very internal text"}`
		return &http.Response{
			StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
			Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	}
	return f.next.RoundTrip(r)
}

func TestErrorsOfAWSNeverReachAClient(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"UpdateItem", "PutItem", "GetItem"} {
		for exception, want := range map[string]protocol.Code{
			"ProvisionedThroughputExceededException": protocol.Unavailable,
			"AccessDeniedException":                  protocol.Internal,
		} {
			t.Run(operation+" "+exception, func(t *testing.T) {
				t.Parallel()
				var on atomic.Bool
				s := start(t, stack.Config{NoSchedule: true, Transport: func(_ string, next http.RoundTripper) http.RoundTripper {
					return flaky{next, operation, exception, &on}
				}})
				ada := connect(t, s, "ada")
				on.Store(true)
				e := ada.refused(m{"action": "publish", "room": "lobby", "data": 1, "key": "k"})
				if e.Code != want || e.Temporary != (want == protocol.Unavailable) || e.Temporary != (e.RetryAfterMs > 0) || strings.Contains(fmt.Sprint(e), "internal text") {
					t.Errorf("%+v", e)
				}
				on.Store(false)
				if got := publish(ada, "lobby", 1, "k"); got.Seq == 0 {
					t.Errorf("retry: %+v", got)
				}
			})
		}
	}
}

func TestDuplicateAndLateWakeUpsDoNoHarm(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{NoSchedule: true})
	ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
	join(bob, "lobby", nil, "")
	idle(t, s)
	var n atomic.Int64
	s.Lambda.SetFault(func(inv lambda.Invocation) lambda.FaultPlan {
		return lambda.FaultPlan{Duplicate: inv.Function == "broadcast", Delay: time.Duration(n.Add(1)%3) * time.Millisecond}
	})
	for i := range 20 {
		publish(ada, "lobby", i, "")
	}
	for i, e := range bob.receive(0, 20) {
		if e.Seq != uint64(i+1) {
			t.Fatalf("message %d has number %d", i+1, e.Seq)
		}
	}
}

func TestRateLimitTellsWhenToGoOn(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{NoSchedule: true, Environ: map[string]string{"GAPLESS_PUBLISH_RATE": "1"}})
	ada := connect(t, s, "ada")
	for range 50 {
		r := ada.answer(ada.start(m{"action": "publish", "room": "lobby", "data": 1}))
		if r.Error == nil {
			continue
		}
		if r.Error.Code != protocol.RateLimited || !r.Error.Temporary || r.Error.RetryAfterMs <= 0 {
			t.Errorf("%+v", r.Error)
		}
		return
	}
	t.Error("50 messages at once went through at a rate of 1 a second")
}

func TestSlowClientFallsBehindAndCatchesUpInPlace(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Config{NoSchedule: true, Environ: map[string]string{"GAPLESS_SLOW_AFTER": "1ms"}})
	ada, bob, eve := connect(t, s, "ada"), connect(t, s, "bob"), connect(t, s, "eve")
	id := call[helloResult](bob, m{"action": "hello"}).ConnectionID
	join(bob, "lobby", nil, "")
	join(eve, "lobby", nil, "")
	if err := s.Gateway.Faults().FreezeClient(id); err != nil {
		t.Fatal(err)
	}
	var last uint64
	for behind := false; !behind; {
		last = publish(ada, "lobby", strings.Repeat("x", 29_000), "").Seq
		idle(t, s)
		items, err := s.DynamoDB.Items("gapless-local-rooms")
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			behind = behind || strings.Contains(string(item), `"b":`)
		}
		if last > 500 {
			t.Fatal("500 messages of 29 KB went to a client that reads nothing")
		}
	}
	if got := eve.receive(0, last); len(got) != int(last) {
		t.Errorf("eve got %d of %d", len(got), last)
	}
	if err := s.Gateway.Faults().ThawClient(id); err != nil {
		t.Fatal(err)
	}
	after := publish(ada, "lobby", "after", "").Seq
	push := bob.next(protocol.PushBehind)
	if push.Room != "lobby" || push.Head < last {
		t.Errorf("told %+v at %d", push, last)
	}
	// It catches up by joining again; the socket stays.
	p := join(bob, "lobby", ptr(last-1), push.Epoch)
	if !p.Recovered || p.Head != after || p.Messages[len(p.Messages)-1].Seq != after {
		t.Errorf("caught up with %+v", p)
	}
	next := publish(ada, "lobby", "live again", "").Seq
	for got := uint64(0); got < next; {
		for _, e := range bob.next(protocol.PushMessages).Messages {
			got = e.Seq
		}
	}
}
