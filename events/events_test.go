package events

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/localdev/stack"
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
	{"connect-invalid-token", []string{`"statusCode":401`}},
	{"message-hello", []string{`{"id":1,"ok":{`, `"user":"ada"`, `"lobby":{`}},
	{"message-auth", []string{`{"id":2,"ok":{"user":"ada"`}},
	{"message-join", []string{`{"id":3,"ok":{`, `"messages":[]`}},
	{"message-publish", []string{`{"id":4,"ok":{"seq":1,`, `"duplicate":false`}},
	{"message-publish", []string{`{"id":4,"ok":{"seq":1,`, `"duplicate":true`}}, // the same key again
	{"message-publish-ephemeral", []string{`{"id":5,"ok":{}}`}},
	{"message-history", []string{`{"id":6,"ok":{`, `"data":{"text":"hello"}`}},
	{"message-sync", []string{`{"id":7,"ok":{"rooms":{"lobby":{`, `"recovered":true`}},
	{"message-presence", []string{`{"id":8,"ok":{`}},
	{"broadcast-drain", []string{"null"}},
	{"broadcast-ephemeral", []string{"null"}},
	{"broadcast-presence", []string{"null"}},
	{"broadcast-poison", []string{"null"}}, // passed over: a retry would not help
	{"message-leave", []string{`{"id":9,"ok":{}}`}},
	{"message-malformed", []string{`"error":{"code":"bad_request"`}},
	{"message-unknown-action", []string{`{"id":10,"error":{"code":"unknown_action"`}},
	{"sweep-tick", []string{`"Unfinished":false`}},
	{"disconnect-closed", []string{`"statusCode":200`}},
	{"disconnect-idle", []string{`"statusCode":200`}},
}

func TestEventsAreHandled(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{
		NoSchedule: true,
		Environ:    map[string]string{"GAPLESS_JWT_MAX_LIFETIME": "876000h"},
	})
	var seen []string
	for _, step := range steps {
		seen = append(seen, step.file)
		payload := read(t, step.file)
		function, _, _ := strings.Cut(step.file, "-")
		result, err := s.Lambda.Invoke(t.Context(), function, payload)
		if err != nil || result.FunctionError != "" {
			t.Fatalf("%s: %v %s", step.file, err, result.Payload)
		}
		answer := plain(t, result.Payload)
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
