package protocol

import (
	"errors"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// commandVector is one element of testdata/commands.json.
type commandVector struct {
	Name string `json:"name"`
	frameSource
	ID      ID             `json:"id,omitzero"`
	Command *commandResult `json:"command,omitzero"`
	Error   *vectorError   `json:"error,omitzero"`
}

// commandResult is a command as a vector shows it: without absent fields, and
// with the data of a publish as text, because it must be the same to the byte.
type commandResult struct {
	Action    Action         `json:"action"`
	Params    map[string]any `json:"params"`
	DataText  string         `json:"dataText,omitzero"`
	DataBytes int            `json:"dataBytes,omitzero"`
}

type vectorError struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

const mostDataText = 200

func TestCommandVectors(t *testing.T) {
	t.Parallel()
	vectors := readVectors[[]commandVector](t, "commands.json")
	names := map[string]bool{}
	for i := range vectors {
		v := &vectors[i]
		if names[v.Name] {
			t.Errorf("two vectors are named %q", v.Name)
		}
		names[v.Name] = true
		if v.Frame == nil && v.FrameBase64 == nil && v.FrameParts == nil {
			t.Errorf("%s: no frame", v.Name)
		}
		got := decodeVector(t, *v)
		if !*update && !reflect.DeepEqual(asJSON(t, got), asJSON(t, *v)) {
			t.Errorf("%s:\n got %s\nwant %s", v.Name, asJSON(t, got), asJSON(t, *v))
		}
		*v = got
	}
	compareVectors(t, "commands.json", vectors)
}

// decodeVector returns the vector with the result of Decode.
func decodeVector(t *testing.T, v commandVector) commandVector {
	t.Helper()
	v.ID, v.Command, v.Error = nil, nil, nil
	cmd, err := Decode(v.build())
	v.ID = cmd.ID
	if err != nil {
		var failure *Error
		if !errors.As(err, &failure) {
			t.Fatalf("%s: the error is a %T", v.Name, err)
		}
		if failure.Temporary || failure.RetryAfterMs != 0 {
			t.Errorf("%s: to send a malformed command again cannot help", v.Name)
		}
		v.Error = &vectorError{failure.Code, failure.Message}
		return v
	}
	v.Command = &commandResult{Action: cmd.Action}
	b, err := Marshal(cmd.Params)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v.Command.Params); err != nil {
		t.Fatal(err)
	}
	delete(v.Command.Params, "data")
	dropAbsent(v.Command.Params)
	if publish, ok := cmd.Params.(*Publish); ok {
		v.Command.DataBytes = len(publish.Data)
		if len(publish.Data) <= mostDataText {
			v.Command.DataText = string(publish.Data)
		}
	}
	return v
}

// dropAbsent removes fields without a value: null, the empty string and false.
func dropAbsent(fields map[string]any) {
	for name, value := range fields {
		switch value := value.(type) {
		case nil:
			delete(fields, name)
		case string:
			if value == "" {
				delete(fields, name)
			}
		case bool:
			if !value {
				delete(fields, name)
			}
		case map[string]any:
			for _, inner := range value {
				if inner, ok := inner.(map[string]any); ok {
					dropAbsent(inner)
				}
			}
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(jsontext.Value(b))
}
