package events

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/infra/assembly"
	"github.com/gapless-rooms/gapless/localdev/sqs"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/localdev/template"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

// step hands a file to its function and looks for pieces in the answer.
type step struct {
	file   string
	answer []string
}

// steps are all files, in an order in which each finds what it needs.
var steps = []step{
	{"connect-anonymous", []string{`"statusCode":200`}},
	{"connect-token", []string{`"statusCode":200`}},
	{"connect-subprotocol", []string{`"statusCode":200`, `"Sec-WebSocket-Protocol":"gapless.v1"`}},
	{"connect-cookie", []string{`"statusCode":200`}},
	{"connect-limited-token", []string{`"statusCode":200`}},
	{"connect-ticket", []string{`"statusCode":200`}},
	{"connect-ticket-used", []string{`"statusCode":401`}},
	{"connect-ticket-expired", []string{`"statusCode":401`}},
	{"connect-invalid-token", []string{`"statusCode":401`}},
	{"connect-expired-token", []string{`"statusCode":401`}},
	{"connect-token-in-url", []string{`"statusCode":400`}},
	{"connect-two-tokens", []string{`"statusCode":400`}},
	{"connect-foreign-origin", []string{`"statusCode":403`}},

	{"message-hello", []string{`{"id":1,"ok":{`, `"user":"ada"`, `"lobby":{`}},
	{"message-hello-resume", []string{`{"id":11,"ok":{`, `"recovered":false`}}, // of an epoch that is gone
	{"message-hello-invalid-token", []string{`{"id":12,"error":{"code":"unauthenticated"`}},
	{"message-hello-expired-token", []string{`{"id":13,"error":{"code":"token_expired"`}},
	{"message-hello-unauthenticated", []string{`{"id":14,"error":{"code":"unauthenticated"`}},
	{"message-auth", []string{`{"id":2,"ok":{"user":"ada"`}},
	{"message-auth-other-user", []string{`{"id":15,"error":{"code":"conflict"`}},
	{"message-auth-no-token", []string{`{"id":16,"error":{"code":"bad_request"`}},
	{"message-join", []string{`{"id":3,"ok":{`, `"messages":[]`}},
	{"message-join-resume", []string{`{"id":17,"ok":{`, `"recovered":false`}},
	{"message-join-invalid-room", []string{`{"id":18,"error":{"code":"bad_request"`}},
	{"message-join-forbidden", []string{`{"id":19,"error":{"code":"forbidden"`}},
	{"message-join-unauthenticated", []string{`{"id":20,"error":{"code":"unauthenticated"`}},
	{"message-join-unknown-connection", []string{`{"id":21,"error":{"code":"unauthenticated"`}},
	{"message-publish", []string{`{"id":4,"ok":{"seq":1,`, `"duplicate":false`}},
	{"message-publish", []string{`{"id":4,"ok":{"seq":1,`, `"duplicate":true`}}, // the same key again
	{"message-publish-ephemeral", []string{`{"id":5,"ok":{}}`}},
	{"message-publish-rate-limited", []string{`{"id":31,"error":{"code":"rate_limited"`, `"temporary":true`, `"retryAfterMs":`}},
	{"message-publish-no-data", []string{`{"id":24,"error":{"code":"bad_request"`}},
	{"message-publish-forbidden", []string{`{"id":25,"error":{"code":"forbidden"`}},
	{"message-publish-too-large", []string{`{"id":26,"error":{"code":"too_large"`}},
	{"message-history", []string{`{"id":6,"ok":{`, `"data":{"text":"hello"}`}},
	{"message-history-before", []string{`{"id":27,"ok":{`, `"data":{"text":"hello"}`}},
	{"message-history-limit", []string{`{"id":28,"error":{"code":"bad_request"`}},
	{"message-sync", []string{`{"id":7,"ok":{"rooms":{"lobby":{`, `"recovered":true`}},
	{"message-sync-invalid", []string{`{"id":29,"error":{"code":"bad_request"`}},
	{"message-presence", []string{`{"id":8,"ok":{`}},
	{"message-presence-forbidden", []string{`{"id":30,"error":{"code":"forbidden"`}},

	{"broadcast-drain", []string{"null"}},
	{"broadcast-drain-entry", []string{"null"}},
	{"broadcast-ephemeral", []string{"null"}},
	{"broadcast-presence", []string{"null"}},
	{"broadcast-poison", []string{"null"}}, // passed over: a retry would not help
	{"broadcast-unknown-kind", []string{"null"}},

	{"message-leave", []string{`{"id":9,"ok":{}}`}},
	{"message-leave-not-joined", []string{`{"id":22,"ok":{}}`}},
	{"message-leave-no-room", []string{`{"id":23,"error":{"code":"bad_request"`}},
	{"broadcast-presence-left", []string{"null"}},
	{"message-malformed", []string{`"error":{"code":"bad_request"`}},
	{"message-not-an-object", []string{`"error":{"code":"bad_request"`}},
	{"message-duplicate-name", []string{`"error":{"code":"bad_request"`}},
	{"message-unknown-action", []string{`{"id":10,"error":{"code":"unknown_action"`}},

	{"sweep-tick", []string{`"Unfinished":false`}},
	{"disconnect-closed", []string{`"statusCode":200`}},
	{"disconnect-idle", []string{`"statusCode":200`}},
	{"disconnect-aborted", []string{`"statusCode":200`}},
	{"disconnect-unknown-connection", []string{`"statusCode":200`}},
	// Who never said who he is, and those whom the gateway does not know.
	{"sweep-due", []string{`"Ended":1,`, `"Removed":4,`, `"Redriven":1,`, `"Unfinished":false`}},
}

// before is what some files need to have happened first.
var before = map[string]func(w *world){
	"connect-ticket":         func(w *world) { w.ticket("-works-once-0000", time.Minute) },
	"connect-ticket-expired": func(w *world) { w.ticket("-comes-late-0000", time.Minute); time.Sleep(time.Minute) },
	"message-publish-rate-limited": func(w *world) {
		for range 30 { // ten seconds' worth
			w.invoke("message-publish-rate-limited")
		}
	},
	"sweep-due": func(w *world) {
		time.Sleep(20 * time.Minute)
		w.invoke("sweep-tick") // which believes only the second time that a connection is gone
		w.invoke("connect-anonymous")
		time.Sleep(time.Minute)
		letter := sqs.Message{Body: string(read(w.T, "broadcast-drain"))} // as Lambda leaves it
		if _, err := w.SQS.Send("gapless-local-dead-letters", letter); err != nil {
			w.Fatal(err)
		}
	},
}

// environ is what the files need beside the local stack's own environment; the
// package's documentation repeats it.
var environ = map[string]string{
	"GAPLESS_JWT_MAX_LIFETIME": "876000h",
	"GAPLESS_ALLOWED_ORIGINS":  "https://app.example.com",
	"GAPLESS_AUTH_COOKIE":      "gapless",
	"GAPLESS_PUBLISH_RATE":     "3",
	"GAPLESS_COMMAND_RATE":     "100",
}

// TestEveryRouteHasItsEvents wants a file for each function of the template,
// and for each route that a function answers one that it takes and one that it
// refuses.
func TestEveryRouteHasItsEvents(t *testing.T) {
	t.Parallel()
	deployed, err := template.Parse(template.Options{}, assembly.Data, assembly.App)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]int{}
	type outcome struct {
		route   string
		refused bool
	}
	routes := map[outcome]int{}
	for _, s := range steps {
		function, _, _ := strings.Cut(s.file, "-")
		files[function]++
		var event struct {
			RequestContext struct {
				RouteKey string `json:"routeKey"`
			} `json:"requestContext"`
		}
		if err := json.Unmarshal(read(t, s.file), &event); err != nil {
			t.Fatal(err)
		}
		answer := strings.Join(s.answer, " ")
		refused := strings.Contains(answer, `"error"`) || strings.Contains(answer, `"statusCode":4`)
		routes[outcome{event.RequestContext.RouteKey, refused}]++
	}
	for _, f := range deployed.Functions {
		if files[f.Name] == 0 {
			t.Errorf("the function %s has no event", f.Name)
		}
	}
	for key, route := range deployed.API.Routes {
		if deployed.API.Integrations[route.Integration].Function == "" {
			continue // answered by the gateway
		}
		if routes[outcome{key, false}] == 0 && key != "$default" { // takes nothing
			t.Errorf("route %s has no event that is taken", key)
		}
		if routes[outcome{key, true}] == 0 && key != "$disconnect" { // refuses nothing
			t.Errorf("route %s has no event that is refused", key)
		}
	}
}

// world is a stack that files are handed to.
type world struct {
	*testing.T
	*stack.Stack
}

// since is the time of a bubble of testing/synctest, moved to after that of the
// files' tokens.
type since struct{ clock.Clock }

func (s since) Now() time.Time {
	moved := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC).Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	return s.Clock.Now().Add(moved)
}

func (w *world) invoke(file string) string {
	w.Helper()
	function, _, _ := strings.Cut(file, "-")
	result, err := w.Lambda.Invoke(w.Context(), function, read(w.T, file))
	if err != nil || result.FunctionError != "" {
		w.Fatalf("%s: %v %s", file, err, result.Payload)
	}
	return plain(w.T, result.Payload)
}

// ticket makes the ticket that a file shows; its end tells it from others.
func (w *world) ticket(end string, valid time.Duration) {
	w.Helper()
	parts := []string{"0000000000000000", end}
	next := func() string { part := parts[0]; parts = parts[1:]; return part }
	store := dynamo.NewTickets(dynamo.NewClient(w.AWS()), "gapless-local-connections")
	if _, err := ticket.NewOffice(store, w.Clock, next, time.Hour).Issue(w.Context(), ticket.Params{User: "tess", Valid: valid}); err != nil {
		w.Fatal(err)
	}
}

// TestEventsAreHandled hands each file to its function, in a bubble of
// testing/synctest: what depends on time must not depend on the machine.
func TestEventsAreHandled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := stack.New(stack.Config{NoSchedule: true, Environ: environ, Clock: since{clock.System()}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		w := &world{t, s}
		var seen []string
		for _, step := range steps {
			seen = append(seen, step.file)
			if prepare := before[step.file]; prepare != nil {
				prepare(w)
			}
			answer := w.invoke(step.file)
			for _, want := range step.answer {
				if !strings.Contains(answer, want) {
					t.Errorf("%s: %s lacks %s", step.file, answer, want)
				}
			}
		}
		files, err := filepath.Glob("*.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !slices.Contains(seen, strings.TrimSuffix(file, ".json")) {
				t.Errorf("%s is handed to no function", file)
			}
		}
	})
}

// plain is an answer with its body unquoted, compact.
func plain(t *testing.T, payload []byte) string {
	t.Helper()
	var response struct {
		Body string `json:"body"`
	}
	_ = json.Unmarshal(payload, &response) // the sweeper's and the broadcaster's answers have none
	return string(payload) + " " + response.Body
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	payload, err := os.ReadFile(name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// TestEventsAreWhole decodes each file into what the function takes: no field
// may be unknown to it, so that a misspelt one is seen.
func TestEventsAreWhole(t *testing.T) {
	t.Parallel()
	kinds := map[string]func() any{
		"connect":    func() any { return &events.APIGatewayWebsocketProxyRequest{} },
		"disconnect": func() any { return &events.APIGatewayWebsocketProxyRequest{} },
		"message":    func() any { return &events.APIGatewayWebsocketProxyRequest{} },
		"broadcast":  func() any { return &events.SNSEvent{} },
		"sweep":      func() any { return &events.CloudWatchEvent{} },
	}
	for _, step := range steps {
		function, _, _ := strings.Cut(step.file, "-")
		decoder := json.NewDecoder(bytes.NewReader(read(t, step.file)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(kinds[function]()); err != nil {
			t.Errorf("%s: %v", step.file, err)
		}
	}
}
