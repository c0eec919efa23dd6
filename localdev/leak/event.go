package leak

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// shortest is the length from which a value counts: shorter ones occur by
// themselves.
const shortest = 8

// carriers are the headers that carry secrets, in lower case.
var carriers = map[string]bool{"authorization": true, "cookie": true, "sec-websocket-protocol": true}

// confidential returns what an event of the gateway holds that must not be
// logged, as it would stand in a line of JSON: headers that carry tokens, the
// query, and of a command its token and its data. Other events hold nothing
// that came in by another way.
func confidential(event []byte) [][]byte {
	var request events.APIGatewayWebsocketProxyRequest
	if json.Unmarshal(event, &request) != nil {
		return nil
	}
	var out [][]byte
	add := func(s string) {
		if len(s) < shortest {
			return
		}
		b, _ := json.Marshal(s) // a string always marshals
		out = append(out, b[1:len(b)-1])
	}
	for name, value := range request.Headers {
		if carriers[strings.ToLower(name)] {
			add(value)
		}
	}
	for _, value := range request.QueryStringParameters {
		add(value)
	}
	var command struct {
		Token string
		Data  any
	}
	if json.Unmarshal([]byte(request.Body), &command) == nil {
		add(command.Token)
		leaves(command.Data, add)
	}
	return out
}

// leaves visits all strings in a JSON value, names included.
func leaves(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for _, e := range v {
			leaves(e, visit)
		}
	case map[string]any:
		for name, e := range v {
			visit(name)
			leaves(e, visit)
		}
	}
}
