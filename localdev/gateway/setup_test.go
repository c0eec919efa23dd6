package gateway_test

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/gateway"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// functions is an Invoker of Go functions by name. It remembers all events.
type functions struct {
	mu     sync.Mutex
	byName map[string]func(ctx context.Context, payload []byte) (gateway.Result, error)
	events map[string][]json.RawMessage
	called chan string
}

func newFunctions() *functions {
	return &functions{
		byName: map[string]func(context.Context, []byte) (gateway.Result, error){},
		events: map[string][]json.RawMessage{},
		called: make(chan string, 1<<16),
	}
}

func (f *functions) Invoke(ctx context.Context, name string, payload []byte) (gateway.Result, error) {
	f.mu.Lock()
	f.events[name] = append(f.events[name], append([]byte(nil), payload...))
	run := f.byName[name]
	f.mu.Unlock()
	f.called <- name
	if run == nil {
		return ok(""), nil
	}
	return run(ctx, payload)
}

// on sets what a function does.
func (f *functions) on(name string, run func(ctx context.Context, payload []byte) (gateway.Result, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byName[name] = run
}

func (f *functions) answer(name string, r gateway.Result) {
	f.on(name, func(context.Context, []byte) (gateway.Result, error) { return r, nil })
}

// seen returns the events of a function so far.
func (f *functions) seen(name string) []json.RawMessage {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]json.RawMessage(nil), f.events[name]...)
}

// await waits until a function with that name is called.
func (f *functions) await(t *testing.T, name string) {
	t.Helper()
	ctx := testContext(t)
	for {
		select {
		case n := <-f.called:
			if n == name {
				return
			}
		case <-ctx.Done():
			t.Fatalf("function %q was not called", name)
		}
	}
}

func ok(body string) gateway.Result {
	payload, _ := json.Marshal(map[string]any{"statusCode": 200, "body": body})
	return gateway.Result{Payload: payload}
}

func raw(payload string) gateway.Result { return gateway.Result{Payload: []byte(payload)} }

func thrown(message string) gateway.Result {
	payload, _ := json.Marshal(map[string]string{"errorMessage": message, "errorType": "Error"})
	return gateway.Result{Payload: payload, FunctionError: "Unhandled"}
}

// chatAPI has all kinds of routes; every function is named after its route.
func chatAPI() gateway.API {
	return gateway.API{
		ID:                       "abcdef1234",
		Stage:                    "local",
		RouteSelectionExpression: "$request.body.action",
		Routes: map[string]gateway.Route{
			"$connect":    {Integration: "connect"},
			"$disconnect": {Integration: "disconnect"},
			"$default":    {Integration: "default", RouteResponse: true},
			"echo":        {Integration: "echo", RouteResponse: true},
			"silent":      {Integration: "silent"},
			"ping":        {Integration: "ping", RouteResponse: true},
		},
		Integrations: map[string]gateway.Integration{
			"connect":    {Type: gateway.IntegrationProxy, Function: "connect"},
			"disconnect": {Type: gateway.IntegrationProxy, Function: "disconnect"},
			"default":    {Type: gateway.IntegrationProxy, Function: "default"},
			"echo":       {Type: gateway.IntegrationProxy, Function: "echo"},
			"silent":     {Type: gateway.IntegrationProxy, Function: "silent"},
			"ping": {
				Type:                        gateway.IntegrationMock,
				TemplateSelectionExpression: `\$default`,
				RequestTemplates:            map[string]string{"$default": `{"statusCode":200}`},
				Responses: map[string]gateway.IntegrationResponse{
					"$default": {
						TemplateSelectionExpression: `\$default`,
						ResponseTemplates:           map[string]string{"$default": `{"push":"pong"}`},
					},
				},
			},
		},
	}
}

// bundle is a gateway with its functions.
type bundle struct {
	*gateway.Gateway
	functions *functions
}

// option changes the configuration of a bundle.
type option func(*gateway.Config)

func withAPI(change func(*gateway.API)) option {
	return func(c *gateway.Config) { change(&c.API) }
}

func withClock(k clock.Clock) option { return func(c *gateway.Config) { c.Clock = k } }

func withQuirks(change func(*gateway.Quirks)) option {
	return func(c *gateway.Config) { change(&c.Quirks) }
}

func withLimits(l gateway.Limits) option { return func(c *gateway.Config) { c.Limits = l } }

func setup(t *testing.T, options ...option) *bundle {
	t.Helper()
	f := newFunctions()
	config := gateway.Config{API: chatAPI(), Invoke: f, Rand: seeded()}
	for _, o := range options {
		o(&config)
	}
	return &bundle{Gateway: gateway.RunT(t, config), functions: f}
}

// seeded makes ids repeatable.
func seeded() io.Reader { return rand.NewChaCha8([32]byte{1}) }

// listen serves the bundle on a socket and returns its address.
func (b *bundle) listen(t *testing.T) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := b.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// testContext bounds a wait that must not hang; it is no assertion about time.
func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (b *bundle) dial(t *testing.T) *gateway.Conn {
	t.Helper()
	conn, err := b.Dial(testContext(t), gateway.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Cut)
	return conn
}

func send(t *testing.T, c *gateway.Conn, text string) {
	t.Helper()
	if err := c.Send(testContext(t), text); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c *gateway.Conn) string {
	t.Helper()
	text, err := c.Receive(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// golden compares got with a file of testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
