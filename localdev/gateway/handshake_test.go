package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/gateway"
)

// dialStatus returns the status of a refused handshake, and 101 for an open
// connection.
func dialStatus(t *testing.T, b *bundle, o gateway.DialOptions) (int, string) {
	t.Helper()
	c, err := b.Dial(testContext(t), o)
	var refused *gateway.HandshakeError
	switch {
	case errors.As(err, &refused):
		return refused.StatusCode, refused.Body
	case err != nil:
		t.Fatal(err)
	}
	c.Cut()
	return http.StatusSwitchingProtocols, ""
}

func TestConnectResults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		result gateway.Result
		err    error
		want   int
	}{
		{name: "ok", result: ok(""), want: 101},
		{name: "string status", result: raw(`{"statusCode":"204"}`), want: 101},
		{name: "unauthorized", result: raw(`{"statusCode":401,"body":"not shown"}`), want: 401},
		{name: "redirect", result: raw(`{"statusCode":302}`), want: 302},
		{name: "server error", result: raw(`{"statusCode":503}`), want: 503},
		{name: "thrown", result: thrown("boom"), want: 502},
		{name: "not invoked", err: errors.New("no such function"), want: 502},
		{name: "no status", result: raw(`{}`), want: 502},
		{name: "null", result: raw(`null`), want: 502},
		{name: "empty", result: raw(``), want: 502},
		{name: "body no string", result: raw(`{"statusCode":200,"body":{}}`), want: 502},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.functions.on("connect", func(context.Context, []byte) (gateway.Result, error) { return tt.result, tt.err })
			status, body := dialStatus(t, b, gateway.DialOptions{})
			if status != tt.want {
				t.Errorf("status %d, want %d", status, tt.want)
			}
			if strings.Contains(body, "not shown") {
				t.Errorf("body %q", body)
			}
			if tt.want == 502 && !strings.HasPrefix(body, `{"message": "Internal server error", "connectionId":"`) {
				t.Errorf("body %q", body)
			}
			if tt.want != 101 && len(b.functions.seen("disconnect")) > 0 {
				t.Error("$disconnect ran for a connection that never was")
			}
		})
	}
}

func TestAuthorizer(t *testing.T) {
	t.Parallel()
	statement := func(effect, action, resource string) string {
		return fmt.Sprintf(`{"Effect":%q,"Action":%s,"Resource":%s}`, effect, action, resource)
	}
	result := func(statements ...string) gateway.Result {
		return raw(`{"principalId":"u","policyDocument":{"Statement":[` + strings.Join(statements, ",") + `]}}`)
	}
	const invoke, arn = `"execute-api:Invoke"`, `"arn:aws:execute-api:us-east-1:000000000000:abcdef1234/local/$connect"`
	header := gateway.DialOptions{Header: http.Header{"x-auth": {"t"}}, Query: url.Values{"token": {"t"}}}
	for _, tt := range []struct {
		name   string
		dial   gateway.DialOptions
		result gateway.Result
		want   int
		asked  bool
	}{
		{"allow", header, result(statement("Allow", invoke, arn)), 101, true},
		{"allow by wildcard", header, result(statement("Allow", `"*"`, `"*"`)), 101, true},
		{"allow by list", header, result(statement("Allow", `["execute-api:*"]`, `["x",`+arn+`]`)), 101, true},
		{"deny", header, result(statement("Deny", invoke, arn)), 403, true},
		{"deny beats allow", header, result(statement("Allow", invoke, `"*"`), statement("Deny", invoke, arn)), 403, true},
		{"allow elsewhere", header, result(statement("Allow", invoke, `"arn:other"`)), 403, true},
		{"no header", gateway.DialOptions{Query: header.Query}, gateway.Result{}, 401, false},
		{"no query", gateway.DialOptions{Header: header.Header}, gateway.Result{}, 401, false},
		{"unauthorized", header, thrown("Unauthorized"), 401, true},
		{"thrown", header, thrown("other"), 500, true},
		{"malformed", header, raw(`{"isAuthorized":true}`), 500, true},
		{"not JSON", header, raw(`x`), 500, true},
		{"no principal", header, raw(`{"policyDocument":{"Statement":[` + statement("Allow", invoke, arn) + `]}}`), 500, true},
		{"wrong effect", header, result(statement("Maybe", invoke, arn)), 500, true},
		{"object in context", header, raw(strings.Replace(allow, `"value"`, `{}`, 1)), 500, true},
		{"too large", header, raw(strings.Replace(allow, `"value"`, `"`+strings.Repeat("x", gateway.MaxAuthorizerResultBytes)+`"`, 1)), 500, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, withAuthorizer("route.request.header.X-Auth", "route.request.querystring.token"))
			b.functions.answer("auth", tt.result)
			if status, body := dialStatus(t, b, tt.dial); status != tt.want {
				t.Errorf("status %d %s, want %d", status, body, tt.want)
			}
			if asked := len(b.functions.seen("auth")) > 0; asked != tt.asked {
				t.Errorf("authorizer asked: %t", asked)
			}
			if tt.want != 101 && len(b.functions.seen("connect")) > 0 {
				t.Error("$connect ran")
			}
		})
	}
}

func TestSubprotocolIsWhatConnectAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ result, want string }{
		{`{"statusCode":200}`, ""},
		{`{"statusCode":200,"headers":{"sec-websocket-protocol":"b"}}`, "b"},
		{`{"statusCode":200,"multiValueHeaders":{"Sec-WebSocket-Protocol":["a"]}}`, "a"},
	} {
		b := setup(t)
		b.functions.answer("connect", raw(tt.result))
		c, err := b.Dial(testContext(t), gateway.DialOptions{Subprotocols: []string{"a", "b"}})
		if err != nil {
			t.Fatal(err)
		}
		if c.Subprotocol() != tt.want {
			t.Errorf("%s: subprotocol %q, want %q", tt.result, c.Subprotocol(), tt.want)
		}
		c.Cut()
	}
}

func TestHandshakeSize(t *testing.T) {
	t.Parallel()
	b := setup(t)
	// wss://localhost/local?q=
	room := gateway.MaxURLBytes - len("wss://localhost/local?q=")
	for _, tt := range []struct {
		name string
		dial gateway.DialOptions
		want int
	}{
		{"longest URL", gateway.DialOptions{Query: url.Values{"q": {strings.Repeat("x", room)}}}, 101},
		{"URL too long", gateway.DialOptions{Query: url.Values{"q": {strings.Repeat("x", room+1)}}}, 414},
		{"large header", gateway.DialOptions{Header: http.Header{"x-large": {strings.Repeat("x", 9<<10)}}}, 101},
		{"header too large", gateway.DialOptions{Header: http.Header{"x-large": {strings.Repeat("x", 10<<10)}}}, 431},
	} {
		if status, _ := dialStatus(t, b, tt.dial); status != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, status, tt.want)
		}
	}
}

func TestConnectRate(t *testing.T) {
	t.Parallel()
	b := setup(t, withClock(stopped{}), withLimits(gateway.Limits{ConnectRate: 2}))
	for i, want := range []int{101, 101, 429} {
		if status, _ := dialStatus(t, b, gateway.DialOptions{}); status != want {
			t.Errorf("handshake %d: status %d, want %d", i, status, want)
		}
	}
}

func TestWithoutConnectRoute(t *testing.T) {
	t.Parallel()
	b := setup(t, withAPI(func(a *gateway.API) {
		delete(a.Routes, "$connect")
		delete(a.Routes, "$disconnect")
		delete(a.Routes, "$default")
	}))
	c := b.dial(t)
	send(t, c, `{"action":"$connect"}`)
	got := receive(t, c)
	want := fmt.Sprintf(`{"message": "Forbidden", "connectionId":"%s", "requestId":"`, c.ID())
	if !strings.HasPrefix(got, want) || len(got) != len(want)+16+2 {
		t.Errorf("got %s, want %s…", got, want)
	}
}

func TestDialGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	release := make(chan struct{})
	b.functions.on("connect", func(context.Context, []byte) (gateway.Result, error) {
		<-release
		return ok(""), nil
	})
	ctx, cancel := context.WithCancel(testContext(t))
	dialed := make(chan error, 1)
	go func() {
		_, err := b.Dial(ctx, gateway.DialOptions{})
		dialed <- err
	}()
	b.functions.await(t, "connect")
	cancel()
	if err := <-dialed; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(release)
	b.functions.await(t, "disconnect")
}
