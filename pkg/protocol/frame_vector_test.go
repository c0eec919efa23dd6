package protocol

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// frameVector is one element of testdata/replies.json or pushes.json.
type frameVector struct {
	Name string `json:"name"`
	// Type is the kind of a reply's result; pushes name their kind.
	Type  string         `json:"type,omitzero"`
	ID    ID             `json:"id,omitzero"`
	Value jsontext.Value `json:"value"`
	// Frame is the frame on the wire; absent if nothing is sent.
	Frame *string `json:"frame,omitzero"`
	// ReadOnly marks frames that we do not write but clients must understand.
	ReadOnly bool `json:"readOnly,omitzero"`
}

var strict = json.RejectUnknownMembers(true)

// gatewayError is an error frame of API Gateway itself.
type gatewayError struct {
	Message string `json:"message"`
}

func newResult(t *testing.T, v frameVector) any {
	t.Helper()
	switch v.Type {
	case "hello":
		return new(HelloResult)
	case "auth":
		return new(AuthResult)
	case "joinResult":
		return new(JoinResult)
	case "publish":
		return new(PublishResult)
	case "sync":
		return new(SyncResult)
	case "presence":
		return new(PresenceResult)
	case "empty":
		return new(Empty)
	case "error":
		return new(Error)
	case "gateway":
		return new(gatewayError)
	}
	t.Fatalf("%s: no type %q", v.Name, v.Type)
	return nil
}

// parse decodes text into value, and normalises what the wire leaves open, such
// as the whitespace of entries.
func parse(t *testing.T, v frameVector, text []byte, value any, opts ...json.Options) any {
	t.Helper()
	text = bytes.Clone(text)
	if err := (*jsontext.Value)(&text).Compact(); err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	if err := json.Unmarshal(text, value, opts...); err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	return value
}

// settle compares the frame with the one that we write, or sets it.
func settle(t *testing.T, v *frameVector, frame []byte) {
	t.Helper()
	var text *string
	if frame != nil {
		s := string(frame)
		text = &s
	}
	if *update {
		v.Frame = text
		return
	}
	if !reflect.DeepEqual(text, v.Frame) {
		t.Errorf("%s: wrote\n%s\nwant\n%s", v.Name, frame, asJSON(t, v.Frame))
	}
}

func TestReplyVectors(t *testing.T) {
	t.Parallel()
	vectors := readVectors[[]frameVector](t, "replies.json")
	for i := range vectors {
		v := &vectors[i]
		if v.ID.Kind() == 'n' {
			v.ID = nil
		}
		var opts []json.Options
		if !v.ReadOnly {
			opts = append(opts, strict)
		}
		value := parse(t, *v, v.Value, newResult(t, *v), opts...)
		if !v.ReadOnly {
			settle(t, v, writeReply(t, *v, value))
		}
		if v.Frame != nil {
			checkReply(t, *v, value, opts)
		}
	}
	compareVectors(t, "replies.json", vectors)
}

func writeReply(t *testing.T, v frameVector, value any) []byte {
	t.Helper()
	var frame []byte
	var err error
	if failure, ok := value.(*Error); ok {
		frame, err = EncodeError(v.ID, failure)
	} else {
		frame, err = EncodeOK(v.ID, reflect.ValueOf(value).Elem().Interface())
	}
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	return frame
}

// checkReply reads the frame as a client does and compares it with the value.
func checkReply(t *testing.T, v frameVector, want any, opts []json.Options) {
	t.Helper()
	var envelope struct {
		ID    jsontext.Value `json:"id"`
		OK    jsontext.Value `json:"ok"`
		Error jsontext.Value `json:"error"`
	}
	if v.Type == "gateway" {
		got := parse(t, v, []byte(*v.Frame), newResult(t, v))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %+v, want %+v", v.Name, got, want)
		}
		return
	}
	parse(t, v, []byte(*v.Frame), &envelope, opts...)
	if id, want := canonical(t, envelope.ID), canonical(t, v.ID); id != want {
		t.Errorf("%s: read id %s, want %s", v.Name, id, want)
	}
	body, other := envelope.OK, envelope.Error
	if v.Type == "error" {
		body, other = other, body
	}
	if other != nil {
		t.Fatalf("%s: a reply is ok or error, not both", v.Name)
	}
	if got := parse(t, v, body, newResult(t, v), opts...); asJSON(t, got) != asJSON(t, want) {
		t.Errorf("%s: read %s, want %s", v.Name, asJSON(t, got), asJSON(t, want))
	}
	if result, ok := want.(*JoinResult); ok {
		for _, message := range result.Messages {
			parse(t, v, message, new(Entry), opts...)
		}
	}
}

func canonical(t *testing.T, v jsontext.Value) string {
	t.Helper()
	if v == nil {
		return ""
	}
	v = v.Clone()
	if err := v.Canonicalize(); err != nil {
		t.Fatal(err)
	}
	return string(v)
}

type pushName struct {
	Push Push `json:"push"`
}

func TestPushVectors(t *testing.T) {
	t.Parallel()
	vectors := readVectors[[]frameVector](t, "pushes.json")
	seen := map[Push]bool{}
	for i := range vectors {
		v := &vectors[i]
		value, made := readPush(t, *v, v.Value, !v.ReadOnly)
		if !v.ReadOnly {
			frame, err := Marshal(made)
			if err != nil {
				t.Fatalf("%s: %v", v.Name, err)
			}
			settle(t, v, frame)
			seen[parse(t, *v, v.Value, new(pushName)).(*pushName).Push] = true
		}
		if v.Frame == nil {
			t.Fatalf("%s: a push without a frame", v.Name)
		}
		if got, _ := readPush(t, *v, []byte(*v.Frame), !v.ReadOnly); asJSON(t, got) != asJSON(t, value) {
			t.Errorf("%s: read %s, want %s", v.Name, asJSON(t, got), asJSON(t, value))
		}
	}
	for _, push := range stringConstants[Push](t, "push.go") {
		if !seen[push] {
			t.Errorf("no vector for the push %q", push)
		}
	}
	compareVectors(t, "pushes.json", vectors)
}

// readPush decodes a push, and returns with it what our constructor makes of the
// same arguments.
func readPush(t *testing.T, v frameVector, text []byte, exact bool) (value, made any) {
	t.Helper()
	var opts []json.Options
	if exact {
		opts = append(opts, strict)
	}
	name := parse(t, v, text, new(pushName)).(*pushName)
	switch name.Push {
	case PushMessages:
		m := parse(t, v, text, new(Messages), opts...).(*Messages)
		for _, message := range m.Messages {
			parse(t, v, message, new(Entry), opts...)
		}
		return m, NewMessages(m.Room, m.Epoch, m.Messages)
	case PushEphemeral:
		m := parse(t, v, text, new(Ephemeral), opts...).(*Ephemeral)
		return m, NewEphemeral(m.Room, m.User, m.Data)
	case PushPresence:
		m := parse(t, v, text, new(PresenceChange), opts...).(*PresenceChange)
		return m, NewPresenceChange(m.Room, m.Joined, m.Left, m.Count)
	case PushBehind:
		m := parse(t, v, text, new(Behind), opts...).(*Behind)
		return m, NewBehind(m.Room, m.Epoch, m.Head)
	case PushBye:
		m := parse(t, v, text, new(Bye), opts...).(*Bye)
		why, known := CloseByCode(m.Code)
		if known != exact {
			t.Errorf("%s: code %d known: %v", v.Name, m.Code, known)
		}
		return m, NewBye(why, m.AfterMs)
	case PushPong:
		return name, jsontext.Value(Pong)
	}
	if exact {
		t.Fatalf("%s: no push %q", v.Name, name.Push)
	}
	return name, nil
}
