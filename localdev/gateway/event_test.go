package gateway_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/localdev/gateway"
)

const allow = `{"principalId":"ada","policyDocument":{"Version":"2012-10-17","Statement":[
	{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:*:*:abcdef1234/local/$connect"}]},
	"context":{"key":"value","numKey":1,"boolKey":true}}`

func withAuthorizer(sources ...string) option {
	return withAPI(func(a *gateway.API) {
		a.Authorizers = map[string]gateway.Authorizer{"auth": {Function: "auth", IdentitySource: sources}}
		r := a.Routes["$connect"]
		r.Authorizer = "auth"
		a.Routes["$connect"] = r
	})
}

// indent makes an event readable, keeping the order and spelling of its fields.
func indent(t *testing.T, payload []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, payload, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options []option
		dial    gateway.DialOptions
	}{
		{name: "plain", dial: gateway.DialOptions{Host: "abcdef1234.execute-api.us-east-1.amazonaws.com"}},
		{
			name: "full",
			options: []option{withAuthorizer("route.request.header.Authorization"), withAPI(func(a *gateway.API) {
				a.DomainName = "ws.example.com"
				a.StageVariables = map[string]string{"color": "blue"}
			})},
			dial: gateway.DialOptions{
				Header: http.Header{
					"User-Agent": {"Mozilla/5.0 <&>"}, "authorization": {"secret"}, "x-Room": {"a", "b"},
					"X-Forwarded-For": {"198.51.100.1"},
				},
				Query:        url.Values{"q": {"1", "2"}, "empty": {""}},
				Subprotocols: []string{"gapless.v1", "other"},
				SourceIP:     "192.0.2.7",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, append([]option{withClock(stopped{})}, tt.options...)...)
			b.functions.answer("auth", raw(allow))
			c, err := b.Dial(testContext(t), tt.dial)
			if err != nil {
				t.Fatal(err)
			}
			send(t, c, `{"action":"silent", "text":"<é>"}`)
			b.functions.await(t, "silent")
			if err := c.Close(0, ""); err != nil {
				t.Fatal(err)
			}
			b.functions.await(t, "disconnect")
			for _, name := range []string{"auth", "connect", "silent", "disconnect"} {
				for _, payload := range b.functions.seen(name) {
					golden(t, "event-"+tt.name+"-"+name+".json", indent(t, payload))
					var decoded events.APIGatewayWebsocketProxyRequest
					if err := json.Unmarshal(payload, &decoded); err != nil {
						t.Errorf("aws-lambda-go cannot read it: %v", err)
					}
					if decoded.RequestContext.ConnectionID != c.ID() {
						t.Errorf("connection %q", decoded.RequestContext.ConnectionID)
					}
				}
			}
		})
	}
}

func TestDisconnectReasons(t *testing.T) {
	t.Parallel()
	type outcome struct {
		Code   int64
		Reason string
	}
	for _, tt := range []struct {
		name string
		end  func(t *testing.T, b *bundle, c *gateway.Conn)
		want outcome
	}{
		{"no status", func(_ *testing.T, _ *bundle, c *gateway.Conn) { _ = c.Close(0, "") },
			outcome{1005, "Client-side close frame status not set"}},
		{"normal", func(_ *testing.T, _ *bundle, c *gateway.Conn) { _ = c.Close(1000, "") },
			outcome{1000, "Connection Closed Normally"}},
		{"going away", func(_ *testing.T, _ *bundle, c *gateway.Conn) { _ = c.Close(1001, "") },
			outcome{1001, "Going away"}},
		{"own code", func(_ *testing.T, _ *bundle, c *gateway.Conn) { _ = c.Close(3001, "mine") },
			outcome{3001, "mine"}},
		{"forbidden code", func(_ *testing.T, _ *bundle, c *gateway.Conn) { _ = c.Close(1006, "") },
			outcome{1002, "invalid close frame"}},
		{"abort", func(_ *testing.T, _ *bundle, c *gateway.Conn) { c.Cut() },
			outcome{1006, "Connection closed abnormally"}},
		{"cut by fault", func(_ *testing.T, b *bundle, c *gateway.Conn) { _ = b.Faults().Cut(c.ID()) },
			outcome{1006, "Connection closed abnormally"}},
		{"delete", func(t *testing.T, b *bundle, c *gateway.Conn) { _ = del(testContext(t), b.sdk(), c.ID()) },
			outcome{1000, "Connection Closed Normally"}},
		{"restart", func(_ *testing.T, b *bundle, _ *gateway.Conn) { b.Faults().CloseAll(1012, "restart") },
			outcome{1012, "restart"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			c := b.dial(t)
			tt.end(t, b, c)
			for {
				if _, err := c.Receive(testContext(t)); err != nil {
					break
				}
			}
			b.functions.await(t, "disconnect")
			var e events.APIGatewayWebsocketProxyRequest
			if err := json.Unmarshal(b.functions.seen("disconnect")[0], &e); err != nil {
				t.Fatal(err)
			}
			if got := (outcome{e.RequestContext.DisconnectStatusCode, *e.RequestContext.DisconnectReason}); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
