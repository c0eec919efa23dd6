package protocol

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads one client frame. On failure it returns an *Error fit for the
// client, and a Command that holds whatever id could be read, so that the
// failure can be answered. It refuses what JSON parsers disagree on: duplicate
// names and invalid UTF-8 (RFC 8259, sections 4 and 8.1).
func Decode(frame []byte) (Command, error) {
	if len(frame) > FrameBytes {
		return Command{}, Errorf(TooLarge, "a frame must be at most %d bytes, got %d", FrameBytes, len(frame))
	}
	cmd, err := readEnvelope(frame)
	if err != nil {
		return cmd, err
	}
	cmd.Params = newParams(cmd.Action)
	if cmd.Params == nil {
		return cmd, Errorf(UnknownAction, "there is no action %q", printable(string(cmd.Action)))
	}
	if err := json.Unmarshal(frame, cmd.Params); err != nil {
		return cmd, explainType(err)
	}
	if publish, ok := cmd.Params.(*Publish); ok && len(publish.Data) > 0 {
		// The log keeps and every member gets the compact form.
		if err := publish.Data.Compact(); err != nil {
			return cmd, Errorf(BadRequest, "data is not valid JSON")
		}
	}
	if err := cmd.Params.validate(); err != nil {
		return cmd, err
	}
	return cmd, nil
}

func newParams(action Action) Params {
	switch action {
	case ActionHello:
		return new(Hello)
	case ActionAuth:
		return new(Auth)
	case ActionJoin:
		return new(Join)
	case ActionLeave:
		return new(Leave)
	case ActionPublish:
		return new(Publish)
	case ActionHistory:
		return new(History)
	case ActionSync:
		return new(Sync)
	case ActionPresence:
		return new(Presence)
	}
	return nil
}

// readEnvelope walks over the whole frame once, so that a bad byte anywhere is
// found before anything is believed, and picks up action and id on the way.
// The id is kept even when something behind it is wrong.
func readEnvelope(frame []byte) (Command, error) {
	var cmd Command
	var action, id jsontext.Value
	dec := jsontext.NewDecoder(bytes.NewReader(frame))
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); err != nil {
			return cmd, explainSyntax(err)
		}
		return cmd, Errorf(BadRequest, "a command must be a JSON object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return cmd, explainSyntax(err)
	}
	var failure error
	for failure == nil && dec.PeekKind() != '}' {
		var name jsontext.Token
		if name, failure = dec.ReadToken(); failure != nil {
			break
		}
		switch name.String() {
		case "action":
			action, failure = readScalar(dec)
		case "id":
			id, failure = readScalar(dec)
		default:
			failure = skipValue(dec)
		}
	}
	if failure == nil {
		if _, failure = dec.ReadToken(); failure == nil {
			if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
				failure = Errorf(BadRequest, "there is something behind the JSON object")
			}
		}
	}
	if checked, err := checkID(id); err == nil {
		cmd.ID = checked
	} else if failure == nil {
		failure = err
	}
	if failure != nil {
		return cmd, explainSyntax(failure)
	}
	if action.Kind() != '"' {
		if action == nil {
			return cmd, Errorf(BadRequest, "action is missing")
		}
		return cmd, Errorf(BadRequest, "action must be a string")
	}
	var text string
	if err := json.Unmarshal(action, &text); err != nil {
		return cmd, explainSyntax(err)
	}
	cmd.Action = Action(text)
	return cmd, nil
}

// readScalar returns a string, number or literal; an array or object is passed
// over under the depth limit and returned as its opening character.
func readScalar(dec *jsontext.Decoder) (jsontext.Value, error) {
	if kind := dec.PeekKind(); kind == '{' || kind == '[' {
		return jsontext.Value{byte(kind)}, skipValue(dec)
	}
	value, err := dec.ReadValue()
	return value.Clone(), err
}

// skipValue passes over one value and refuses it when it is nested too deep.
func skipValue(dec *jsontext.Decoder) error {
	outer := dec.StackDepth()
	for {
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		switch depth := dec.StackDepth(); {
		case depth > MaxDepth:
			return Errorf(BadRequest, "arrays and objects must not be nested deeper than %d", MaxDepth)
		case depth == outer:
			return nil
		}
	}
}

func checkID(id jsontext.Value) (ID, error) {
	const rule = "id must be a string of at most 64 bytes or an integer"
	switch id.Kind() {
	case 0:
		return nil, nil
	case 'n':
		return nil, nil
	case '"':
		var text string
		if json.Unmarshal(id, &text) == nil && len(text) <= MaxIDBytes {
			return id, nil
		}
	case '0':
		n, err := strconv.ParseInt(string(id), 10, 64)
		if err == nil && -MaxInteger <= n && n <= MaxInteger {
			return id, nil
		}
	}
	return nil, Errorf(BadRequest, rule)
}

// explainSyntax turns a parser's error into a sentence for the client.
func explainSyntax(err error) error {
	if ours := (*Error)(nil); errors.As(err, &ours) {
		return ours
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return Errorf(BadRequest, "the same name stands twice in one JSON object%s", at(err))
	}
	syntax := (*jsontext.SyntacticError)(nil)
	if errors.As(err, &syntax) {
		what := strings.TrimPrefix(syntax.Err.Error(), "jsontext: ")
		return Errorf(BadRequest, "not valid JSON at byte %d: %s", syntax.ByteOffset, printable(what))
	}
	return Errorf(BadRequest, "not valid JSON: the frame ends too early")
}

func at(err error) string {
	if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) && syntax.JSONPointer != "" {
		return " at " + printable(string(syntax.JSONPointer))
	}
	return ""
}

// explainType turns a type mismatch into a sentence that names the field.
func explainType(err error) error {
	mismatch := (*json.SemanticError)(nil)
	if !errors.As(err, &mismatch) {
		return explainSyntax(err)
	}
	field := printable(strings.ReplaceAll(strings.TrimPrefix(string(mismatch.JSONPointer), "/"), "/", "."))
	if field == "" {
		return Errorf(BadRequest, "the command has a field of a wrong type")
	}
	return Errorf(BadRequest, "%s must be %s", field, wanted(mismatch))
}

func wanted(err *json.SemanticError) string {
	if err.GoType == nil {
		return "of another type"
	}
	switch kind := err.GoType.Kind().String(); {
	case strings.HasPrefix(kind, "uint"), strings.HasPrefix(kind, "int"):
		return "an integer that is not negative"
	case kind == "string":
		return "a string"
	case kind == "bool":
		return "true or false"
	case kind == "map", kind == "struct":
		return "an object"
	default:
		return "of another type"
	}
}
