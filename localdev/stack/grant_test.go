package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/infra/assembly"
	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/iam"
	"github.com/gapless-rooms/gapless/localdev/sqs"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/localdev/template"
	"github.com/gapless-rooms/gapless/pkg/auth"
)

// grant is one action on one resource of one function's role.
type grant struct{ function, action, resource string }

// grants are all of the committed template but those for a function's log,
// which Lambda writes.
func grants(t *testing.T) []grant {
	t.Helper()
	parsed, err := template.Parse(template.Options{}, assembly.Data, assembly.App)
	if err != nil {
		t.Fatal(err)
	}
	var out []grant
	for _, f := range parsed.Functions {
		for _, s := range f.Policy {
			for _, action := range s.Actions {
				for _, resource := range s.Resources {
					if !strings.HasPrefix(action, "logs:") {
						out = append(out, grant{f.Name, action, resource})
					}
				}
			}
		}
	}
	return out
}

// TestNothingIsDenied runs through all that the functions can do.
func TestNothingIsDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for g := range everything(t, nil) {
			t.Errorf("%s may not %s on %s", g.function, g.action, g.resource)
		}
	})
}

// is reports whether a call, which names one resource, is of the grant, which
// may name many.
func (g grant) is(call grant) bool {
	return g.function == call.function &&
		template.Policy{{Actions: []string{g.action}, Resources: []string{g.resource}}}.Allows(call.action, call.resource)
}

// TestNoGrantIsSuperfluous takes each grant away in turn and wants those calls
// to be refused that it was for, and no others, and somebody to be told.
func TestNoGrantIsSuperfluous(t *testing.T) {
	t.Parallel()
	all := grants(t)
	if len(all) < 30 {
		t.Errorf("only %d grants", len(all))
	}
	for _, g := range all {
		name := fmt.Sprintf("%s %s %s", g.function, g.action, g.resource[strings.LastIndexAny(g.resource, ":")+1:])
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				calls := everything(t, func(function string, p template.Policy) template.Policy {
					if function != g.function {
						return p
					}
					return p.Without(g.action, g.resource)
				})
				for call := range calls {
					if !g.is(call) {
						t.Errorf("without it %s may not %s on %s either", call.function, call.action, call.resource)
					}
				}
				if len(calls) == 0 {
					t.Error("nothing fails without it")
				}
			})
		})
	}
}

// everything makes each function do all that it can, and returns the calls
// that were refused. What fails on the way is passed over: the
// calls tell. It runs in a bubble of testing/synctest: a broadcaster that is to
// run short of time must not run out of it because the machine is slow.
func everything(t *testing.T, change func(string, template.Policy) template.Policy) map[grant]bool {
	t.Helper()
	var mu sync.Mutex
	refused := map[grant]bool{}
	var late atomic.Pointer[func()] // runs at the broadcaster's next query
	var log output
	s, err := stack.New(stack.Config{
		NoSchedule: true, Policy: change, FunctionLog: &log, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Environ: map[string]string{"GAPLESS_HOLE_WAIT": "1ms"},
		OnCall: func(function string, call iam.Call, granted bool) {
			mu.Lock()
			defer mu.Unlock()
			if !granted {
				refused[grant{function, call.Action, call.Resource}] = true
			}
		},
		Transport: func(function string, next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				if function == "broadcast" && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Query") {
					if f := late.Swap(nil); f != nil {
						(*f)()
					}
				}
				return next.RoundTrip(r)
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	d := driver{t, s}
	d.connections()
	d.rooms()
	d.holes()
	overtime := func() { s.Advance(56 * time.Second) }
	d.message("a", `{"action":"join","room":"late"}`)
	late.Store(&overtime)
	d.pending("late")
	d.broadcast("late")
	d.deadLetters()
	d.endings()
	mu.Lock()
	defer mu.Unlock()
	for call := range refused {
		if !strings.Contains(log.String(), "perform: "+call.action) && !strings.Contains(log.String(), "may not "+call.action) {
			t.Errorf("%s may not %s on %s, and nobody is told", call.function, call.action, call.resource)
		}
	}
	return refused
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// driver invokes functions as the services would. Nobody is really connected:
// every post meets a 410.
type driver struct {
	t *testing.T
	s *stack.Stack
}

// run invokes a function and lets all that it wakes come to rest.
func (d driver) run(function string, event any) {
	d.t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.s.Lambda.Invoke(d.t.Context(), function, payload); err != nil {
		d.t.Logf("invoke %s: %v", function, err)
	}
	d.idle()
}

func (d driver) idle() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second)
	defer cancel()
	if err := d.s.Lambda.Idle(ctx); err != nil {
		d.t.Fatal(err)
	}
}

func id(name string) string { return strings.Repeat(name, 15) + "=" }

func (d driver) event(name, route, kind, body string, headers map[string]string) map[string]any {
	return map[string]any{
		"headers": headers, "body": body,
		"requestContext": map[string]any{
			"connectionId": id(name), "routeKey": route, "eventType": kind, "stage": stack.Stage,
			"connectedAt": d.s.Clock.Now().UnixMilli(), "requestTimeEpoch": d.s.Clock.Now().UnixMilli(),
		},
	}
}

func (d driver) connect(name string, authenticated bool) {
	headers := map[string]string{}
	if authenticated {
		token, err := d.s.Token(name, nil)
		if err != nil {
			d.t.Fatal(err)
		}
		headers["Authorization"] = "Bearer " + token
	}
	d.run("connect", d.event(name, "$connect", "CONNECT", "", headers))
}

func (d driver) message(name, body string) {
	d.run("message", d.event(name, "$default", "MESSAGE", body, nil))
}

func (d driver) disconnect(name string) {
	d.run("disconnect", d.event(name, "$disconnect", "DISCONNECT", "", nil))
}

func (d driver) broadcast(room string) { d.wake(`{"kind":"drain","room":"` + room + `"}`) }

func (d driver) wake(message string) {
	d.run("broadcast", map[string]any{"Records": []any{map[string]any{"Sns": map[string]any{"Message": message}}}})
}

func (d driver) connections() {
	for _, name := range []string{"a", "b", "c", "d"} {
		d.connect(name, true)
		if name != "d" {
			d.message(name, `{"action":"join","room":"lobby"}`)
		}
	}
	d.connect("e", false)
	d.connect("h", false)
	event := d.event("i", "$connect", "CONNECT", "", nil)
	event["queryStringParameters"] = map[string]string{"ticket": "gtk_none"}
	d.run("connect", event)
	token, err := d.s.Token("h", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	d.message("h", `{"action":"hello","token":"`+token+`"}`)
}

func (d driver) rooms() {
	d.message("a", `{"action":"publish","room":"lobby","data":1,"key":"k"}`)
	d.message("a", `{"action":"history","room":"lobby","since":0}`)
	d.message("a", `{"action":"presence","room":"lobby"}`)
	d.message("a", `{"action":"leave","room":"lobby"}`)
	// The connection is gone and its membership is not: a broadcaster that
	// meets it deletes the membership.
	d.message("c", `{"action":"join","room":"ghost"}`)
	client := dynamodb.NewFromConfig(d.s.AWS())
	for _, pk := range d.partitions() {
		_, err := client.DeleteItem(d.t.Context(), &dynamodb.DeleteItemInput{
			TableName: aws.String("gapless-local-connections"),
			Key: map[string]types.AttributeValue{
				"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: id("c")},
			},
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}
	d.message("a", `{"action":"publish","room":"ghost","data":1}`)
}

// partitions are all partitions of the connections.
func (d driver) partitions() []string {
	var out []string
	for i := range 16 {
		out = append(out, fmt.Sprintf("c#%d", i))
	}
	return out
}

// pending hands out a number in a room that nobody fills.
func (d driver) pending(room string) {
	_, err := dynamodb.NewFromConfig(d.s.AWS()).UpdateItem(d.t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String("gapless-local-rooms"),
		Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "h#" + room}, "sk": &types.AttributeValueMemberS{Value: "h"},
		},
		UpdateExpression: aws.String("SET e = :e, q = :q ADD n :one"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":e": &types.AttributeValueMemberS{Value: "epoch"}, ":one": &types.AttributeValueMemberN{Value: "1"},
			":q": &types.AttributeValueMemberN{Value: fmt.Sprint(d.s.Clock.Now().UnixMilli())},
		},
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// holes lets a broadcaster meet a number whose writer died.
func (d driver) holes() {
	d.pending("hole")
	d.broadcast("hole")
}

// deadLetters fails a broadcaster each time, and leaves a letter to the
// sweeper.
func (d driver) deadLetters() {
	d.fail()
	letter := `{"Records":[{"Sns":{"Message":"{\"kind\":\"drain\",\"room\":\"lobby\"}"}}]}`
	if _, err := d.s.SQS.SendARN("arn:aws:sqs:us-east-1:000000000000:gapless-local-dead-letters", sqs.Message{Body: letter}); err != nil {
		d.t.Fatal(err)
	}
}

// endings ends connections in every way.
func (d driver) endings() {
	d.disconnect("d")
	d.connect("f", true)
	d.message("f", `{"action":"join","room":"lobby"}`)
	d.disconnect("f")    // within a minute of a join: only marked
	d.connect("g", true) // to be found gone by the sweeper alone
	// In a room that a fresh token does not grant any more.
	d.connect("h", true)
	d.message("h", `{"action":"join","room":"lobby"}`)
	less, err := d.s.Token("h", auth.Permissions{})
	if err != nil {
		d.t.Fatal(err)
	}
	d.message("h", `{"action":"auth","token":"`+less+`"}`)
	d.alive()
	for range 3 {
		d.run("sweep", map[string]any{})
		d.s.Advance(12 * time.Minute)
	}
}

// alive has the sweeper look at a connection that lives and is due.
func (d driver) alive() {
	token, err := d.s.Token("j", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	conn, err := d.s.Gateway.Dial(d.t.Context(), gateway.DialOptions{Header: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		d.t.Logf("dial: %v", err)
		return
	}
	defer conn.Cut()
	for range 2 { // so that API Gateway does not find it idle
		if err := conn.Send(d.t.Context(), `{"action":"join","id":1,"room":"lobby"}`); err != nil {
			d.t.Fatal(err)
		}
		synctest.Wait()
		d.idle()
		d.s.Advance(6 * time.Minute)
	}
	d.run("sweep", map[string]any{})
}
