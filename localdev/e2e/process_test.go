package e2e

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/localdev/iam"
	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/localdev/template"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// interrupt is a transport that runs f in the place of one call of a function:
// the n-th from when it was armed, from 1.
type interrupt struct {
	function string
	n        atomic.Int64 // calls to go; 0 is not armed
	f        func(pass func() (*http.Response, error)) (*http.Response, error)
}

func (i *interrupt) transport(function string, next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		pass := func() (*http.Response, error) { return next.RoundTrip(r) }
		if function == i.function && i.n.Load() > 0 && i.n.Add(-1) == 0 {
			return i.f(pass)
		}
		return pass()
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var errKilled = errors.New("the caller was killed")

// killed arms an interrupt that kills the function with SIGKILL before or after
// a call.
func killed(t *testing.T, function string, after bool) (*interrupt, stack.Config, func(*stack.Running)) {
	t.Helper()
	i := &interrupt{function: function}
	return i, stack.Config{NoSchedule: true, Transport: i.transport}, func(s *stack.Running) {
		i.f = func(pass func() (*http.Response, error)) (*http.Response, error) {
			if after {
				response, err := pass()
				if err != nil {
					return nil, err
				}
				_, _ = io.Copy(io.Discard, response.Body)
			}
			kill9(t, s, function)
			return nil, errKilled
		}
	}
}

// TestMessageFunctionKilledAtAnyCall kills the process that handles a publish
// before and after each of its calls. The retry heals it.
func TestMessageFunctionKilledAtAnyCall(t *testing.T) {
	t.Parallel()
	needsProcesses(t)
	const calls = 4 // number, mark, entry, wake-up
	for n := range 2 * calls {
		call, after := int64(n/2+1), n%2 == 1
		t.Run(fmt.Sprintf("call %d after %t", call, after), func(t *testing.T) {
			t.Parallel()
			i, config, set := killed(t, "message", after)
			s := start(t, config)
			set(s)
			ada, bob := connect(t, s, "ada"), connect(t, s, "bob")
			join(bob, "lobby", nil, "")
			publish(ada, "lobby", "first", "")
			bob.receive(0, 1)
			idle(t, s)
			i.n.Store(call)
			ada.raw(`{"action":"publish","room":"lobby","data":"once","key":"k","id":99}`)
			<-ada.stray // API Gateway's own error frame
			gone(s, "message")
			if i.n.Load() != 0 {
				t.Fatalf("a publish makes no %d. call", call)
			}
			retry := publish(ada, "lobby", "once", "k")
			last := publish(ada, "lobby", "last", "")
			seen := 0
			for _, e := range bob.receive(1, last.Seq) {
				if string(e.Data) == `"once"` {
					seen++
				}
			}
			if seen != 1 {
				t.Errorf("bob saw the message %d times; retry: %+v", seen, retry)
			}
		})
	}
}

// TestBroadcasterKilledAtAPost kills the process that has just posted to the
// first member. Lambda runs its event again.
func TestBroadcasterKilledAtAPost(t *testing.T) {
	t.Parallel()
	needsProcesses(t)
	i := &interrupt{function: "broadcast"}
	s := start(t, stack.Config{NoSchedule: true, Transport: func(function string, next http.RoundTripper) http.RoundTripper {
		counted := i.transport(function, next)
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "/@connections/") {
				return counted.RoundTrip(r)
			}
			return next.RoundTrip(r)
		})
	}})
	i.f = func(pass func() (*http.Response, error)) (*http.Response, error) {
		_, err := pass()
		kill9(t, s, "broadcast")
		return nil, errors.Join(errKilled, err)
	}
	ada, bob, eve := connect(t, s, "ada"), connect(t, s, "bob"), connect(t, s, "eve")
	join(bob, "lobby", nil, "")
	join(eve, "lobby", nil, "")
	idle(t, s)
	i.n.Store(1)
	publish(ada, "lobby", "through", "")
	idle(t, s)
	gone(s, "broadcast")
	if queue := s.Lambda.Queue(); len(queue) != 1 {
		t.Fatalf("the killed broadcaster's event is not to be run again: %+v", queue)
	}
	endLease(t, s, "lobby") // as Lambda's minute would
	s.Advance(2 * time.Minute)
	for _, c := range []*client{bob, eve} {
		if got := c.receive(0, 1); string(got[0].Data) != `"through"` {
			t.Errorf("got %s", got[0].Data)
		}
	}
}

// endLease lets a room's lease run out, which processes would see only when
// its time has passed on the machine's clock.
func endLease(t *testing.T, s *stack.Running, room string) {
	t.Helper()
	_, err := awsdynamodb.NewFromConfig(s.AWS()).UpdateItem(t.Context(), &awsdynamodb.UpdateItemInput{
		TableName: aws.String("gapless-local-rooms"),
		Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "h#" + room}, "sk": &types.AttributeValueMemberS{Value: "h"},
		},
		UpdateExpression:          aws.String("SET lu = :past"),
		ConditionExpression:       aws.String("attribute_exists(lu)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":past": &types.AttributeValueMemberN{Value: "1"}},
	})
	if err != nil {
		t.Fatalf("no lease was held: %v", err)
	}
}

// TestFunctionThatHangsIsKilledAtItsTimeOut lets a call of AWS never answer.
func TestFunctionThatHangsIsKilledAtItsTimeOut(t *testing.T) {
	t.Parallel()
	needsProcesses(t)
	i := &interrupt{function: "message"}
	s := start(t, stack.Config{NoSchedule: true, Transport: i.transport})
	ended := make(chan lambda.Result, 1)
	i.f = func(func() (*http.Response, error)) (*http.Response, error) {
		for _, f := range s.Lambda.Functions() {
			if f.Name == "message" {
				s.Advance(f.Timeout)
			}
		}
		gone(s, "message")
		return nil, errKilled
	}
	s.Lambda.Observe(func(e lambda.Event) {
		if e.Kind == lambda.Ended && e.Result.FunctionError != "" {
			ended <- e.Result
		}
	})
	ada := connect(t, s, "ada")
	publish(ada, "lobby", 1, "")
	i.n.Store(1)
	ada.raw(`{"action":"publish","room":"lobby","data":2,"key":"k","id":99}`)
	<-ada.stray
	if r := <-ended; !strings.Contains(string(r.Payload), "Task timed out after ") {
		t.Errorf("%s", r.Payload)
	}
	if got := publish(ada, "lobby", 2, "k"); got.Seq == 0 {
		t.Errorf("after it: %+v", got)
	}
}

// TestRedeployInMidChat replaces all functions again and again while clients
// talk.
func TestRedeployInMidChat(t *testing.T) {
	t.Parallel()
	const each, redeploys = 40, 4
	// On a machine that is short of time, nobody is behind for it.
	s := start(t, stack.Config{NoSchedule: true, Environ: map[string]string{"GAPLESS_SLOW_AFTER": "2m"}})
	users := []string{"ada", "bob", "eve"}
	clients := make([]*client, len(users))
	for i, user := range users {
		clients[i] = connect(t, s, user)
		join(clients[i], "lobby", nil, "")
	}
	seen := map[int]bool{}
	own := make([]map[uint64]bool, len(users))
	var wg sync.WaitGroup
	var sent atomic.Int64
	for i, c := range clients {
		own[i] = map[uint64]bool{}
		wg.Go(func() {
			for n := range each {
				own[i][publish(c, "lobby", m{"from": i, "n": n}, fmt.Sprint(n)).Seq] = true
				sent.Add(1)
			}
		})
	}
	for n := range redeploys {
		for sent.Load() < int64((n+1)*len(users)*each/(redeploys+1)) {
			time.Sleep(time.Millisecond)
		}
		maps.Copy(seen, pids(s, "message"))
		for _, f := range s.Lambda.Functions() {
			s.Lambda.Recycle(f.Name)
		}
	}
	wg.Wait()
	maps.Copy(seen, pids(s, "message"))
	if *isolated != "" && len(seen) <= redeploys {
		t.Errorf("%d redeploys, and only %d processes have served", redeploys, len(seen))
	}
	wantSameLog(t, "lobby", clients, own)
}

// TestProcessMayDoOnlyWhatItsRoleGrants takes one right from one function.
func TestProcessMayDoOnlyWhatItsRoleGrants(t *testing.T) {
	t.Parallel()
	var denied sync.Map
	s := start(t, stack.Config{
		NoSchedule: true,
		Policy: func(function string, p template.Policy) template.Policy {
			if function != "message" {
				return p
			}
			return p.Without("sns:Publish", "arn:aws:sns:us-east-1:000000000000:gapless-local-wake")
		},
		OnCall: func(function string, call iam.Call, granted bool) {
			if !granted {
				denied.Store(function+" "+call.Action, true)
			}
		},
	})
	ada := connect(t, s, "ada")
	e := ada.refused(m{"action": "publish", "room": "lobby", "data": 1})
	if e.Code != protocol.Internal || strings.Contains(e.Message, "sns:") {
		t.Errorf("%+v", e)
	}
	if _, ok := denied.Load("message sns:Publish"); !ok {
		t.Error("nothing was denied")
	}
}
