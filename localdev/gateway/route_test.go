package gateway_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/gateway"
)

func TestRouting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.functions.answer("echo", ok("echoed"))
	b.functions.answer("default", ok("defaulted"))
	b.functions.answer("silent", ok("not sent"))
	c := b.dial(t)
	for _, tt := range []struct{ send, want string }{
		{`{"action":"echo"}`, "echoed"},
		{`{"action":"nothing"}`, "defaulted"},
		{`not JSON`, "defaulted"},
		{`{"action":"$connect"}`, "defaulted"},
		{`{"action":{"deep":1}}`, "defaulted"},
		{`{"action":"ping"}`, `{"push":"pong"}`},
	} {
		send(t, c, tt.send)
		if got := receive(t, c); got != tt.want {
			t.Errorf("%s answered %q, want %q", tt.send, got, tt.want)
		}
	}
	send(t, c, `{"action":"silent"}`)
	b.functions.await(t, "silent")
	send(t, c, `{"action":"ping"}`)
	if got := receive(t, c); got != `{"push":"pong"}` {
		t.Errorf("silent route answered %q", got)
	}
}

func TestCloseByClientRunsDisconnect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.dial(t)
	if err := c.Close(1000, "done"); err != nil {
		t.Fatal(err)
	}
	var closed *gateway.CloseError
	if _, err := c.Receive(testContext(t)); !errors.As(err, &closed) || closed.Code != 1000 {
		t.Fatalf("received %v", err)
	}
	b.functions.await(t, "disconnect")
	if n := len(b.Connections()); n != 0 {
		t.Errorf("%d connections left", n)
	}
}

func TestShutdownCloses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.dial(t)
	done := make(chan error, 1)
	go func() { done <- b.Shutdown(context.Background()) }()
	var closed *gateway.CloseError
	if _, err := c.Receive(testContext(t)); !errors.As(err, &closed) || closed.Code != 1001 {
		t.Fatalf("received %v", err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b.functions.await(t, "disconnect")
	if _, err := b.Dial(testContext(t), gateway.DialOptions{}); err == nil {
		t.Error("dialed after shutdown")
	}
}

// TestErrorFrames pins the bytes, spaces included.
func TestErrorFrames(t *testing.T) {
	t.Parallel()
	const id = `[A-Za-z0-9_-]{15}=`
	for _, tt := range []struct {
		name   string
		result gateway.Result
		err    error
		body   string
		want   string
	}{
		{"thrown", thrown("secret"), nil, `{"action":"echo"}`,
			`\{"message": "Internal server error", "connectionId":"` + id + `", "requestId":"` + id + `"\}`},
		{"not invoked", gateway.Result{}, errors.New("secret"), `{"action":"echo"}`,
			`\{"message": "Internal server error", "connectionId":"` + id + `", "requestId":"` + id + `"\}`},
		{"malformed", raw(`"text"`), nil, `{"action":"echo"}`,
			`\{"message": "Internal server error", "connectionId":"` + id + `", "requestId":"` + id + `"\}`},
		{"no route", ok(""), nil, `{"action":"none"}`,
			`\{"message": "Forbidden", "connectionId":"` + id + `", "requestId":"` + id + `"\}`},
		{"refused by model", ok(""), nil, `{"action":"echo","n":0}`,
			`\{"message" : "Bad request body", "connectionId": "` + id + `", "messageId": "` + id + `"\}`},
		{"no mapping", ok(""), nil, `{"action":"mock"}`,
			`\{"message": "Internal server error", "connectionId":"` + id + `", "requestId":"` + id + `"\}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, withAPI(func(a *gateway.API) {
				delete(a.Routes, "$default")
				r := a.Routes["echo"]
				r.ModelSelectionExpression = "$request.body.action"
				r.RequestModels = map[string]string{"echo": `{"properties":{"n":{"minimum":1}}}`}
				a.Routes["echo"] = r
				a.Routes["mock"] = gateway.Route{Integration: "mock", RouteResponse: true}
				a.Integrations["mock"] = gateway.Integration{
					Type: gateway.IntegrationMock, RequestTemplates: map[string]string{"$default": `{"statusCode":200}`},
				}
			}))
			b.functions.on("echo", func(context.Context, []byte) (gateway.Result, error) { return tt.result, tt.err })
			c := b.dial(t)
			send(t, c, tt.body)
			got := receive(t, c)
			if !regexp.MustCompile(`^` + tt.want + `$`).MatchString(got) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if tt.name != "no mapping" {
				send(t, c, `{"action":"ping"}`)
				if got := receive(t, c); got != `{"push":"pong"}` {
					t.Errorf("afterwards: %s", got)
				}
			}
		})
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		result gateway.Result
		quirks func(*gateway.Quirks)
		want   string // "" for nothing
	}{
		{name: "body", result: ok("text"), want: "text"},
		{name: "body of a failure", result: raw(`{"statusCode":500,"body":"text"}`), want: "text"},
		{name: "no body", result: raw(`{"statusCode":200}`)},
		{name: "lenient", result: raw(`null`), quirks: func(q *gateway.Quirks) { q.LenientResult = true }},
		{name: "largest", result: ok(strings.Repeat("x", gateway.MaxMessageBytes)), want: strings.Repeat("x", gateway.MaxMessageBytes)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, withQuirks(func(q *gateway.Quirks) {
				if tt.quirks != nil {
					tt.quirks(q)
				}
				q.MessageConcurrency = 1
			}))
			b.functions.answer("echo", tt.result)
			c := b.dial(t)
			send(t, c, `{"action":"echo"}`)
			send(t, c, `{"action":"ping"}`)
			if tt.want != "" {
				if got := receive(t, c); got != tt.want {
					t.Errorf("received %q", got)
				}
			}
			if got := receive(t, c); got != `{"push":"pong"}` {
				t.Errorf("received %q", got)
			}
		})
	}
}

func TestReplyOverTheLimitCloses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.functions.answer("echo", ok(strings.Repeat("x", gateway.MaxMessageBytes+1)))
	c := b.dial(t)
	send(t, c, `{"action":"echo"}`)
	var closed *gateway.CloseError
	if _, err := c.Receive(testContext(t)); !errors.As(err, &closed) || closed.Code != 1009 {
		t.Errorf("received %v", err)
	}
}

func TestMockSelectsByTheMessage(t *testing.T) {
	t.Parallel()
	b := setup(t, withAPI(func(a *gateway.API) {
		a.Integrations["ping"] = gateway.Integration{
			Type:                        gateway.IntegrationMock,
			TemplateSelectionExpression: "${request.body.kind}",
			RequestTemplates:            map[string]string{"bad": `{"statusCode":404}`, "$default": `{"statusCode":"200"}`},
			Responses: map[string]gateway.IntegrationResponse{
				`/4\d\d/`:  {ResponseTemplates: map[string]string{"$default": "not found"}},
				"$default": {ResponseTemplates: map[string]string{"$default": `{"id":$input.json('$.id'),"c":"$context.connectionId"}`}},
			},
		}
	}))
	c := b.dial(t)
	for body, want := range map[string]string{
		`{"action":"ping","kind":"bad"}`: "not found",
		`{"action":"ping","id":7}`:       `{"id":7,"c":"` + c.ID() + `"}`,
	} {
		send(t, c, body)
		if got := receive(t, c); got != want {
			t.Errorf("%s answered %s, want %s", body, got, want)
		}
	}
}
