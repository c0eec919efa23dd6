package protocol

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads one client frame. On failure it returns an *Error that may be
// shown to the client, and a Command with the id if that could be read, so that
// the failure can be answered. It refuses JSON on which parsers disagree:
// duplicate names and invalid UTF-8 (RFC 8259, sections 4 and 8.1).
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
		return cmd, Errorf(UnknownAction, `there is no action "%s": use %s`, printable(string(cmd.Action)), actionList())
	}
	if err := json.Unmarshal(frame, cmd.Params); err != nil {
		return cmd, explainType(err)
	}
	if publish, ok := cmd.Params.(*Publish); ok && len(publish.Data) > 0 {
		// The log and the members get the compact form.
		if err := publish.Data.Compact(); err != nil {
			return cmd, Errorf(BadRequest, "data is not valid JSON")
		}
	}
	if err := cmd.Params.validate(); err != nil {
		return cmd, err
	}
	return cmd, nil
}

// actionList lists the actions in a sentence.
func actionList() string {
	var list strings.Builder
	for i, action := range Actions() {
		switch i {
		case 0:
		case len(Actions()) - 1:
			list.WriteString(" or ")
		default:
			list.WriteString(", ")
		}
		list.WriteString(string(action))
	}
	return list.String()
}

// readEnvelope reads the whole frame once, to find a bad byte anywhere before it
// uses a value, and returns its action and id. It returns the id even if
// something after it is wrong.
func readEnvelope(frame []byte) (Command, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(frame))
	action, id, failure := walk(frame, dec)
	if failure != nil && ids(frame) > 1 {
		id = nil // it is unknown which one the client waits for
	}
	var cmd Command
	if checked, err := checkID(id); err == nil {
		cmd.ID = checked
	} else if failure == nil {
		failure = err
	}
	if failure != nil {
		return cmd, explainSyntax(frame, dec, failure)
	}
	switch action.Kind() {
	case '"':
		var text string
		if err := json.Unmarshal(action, &text); err != nil {
			return cmd, explainSyntax(frame, dec, err)
		}
		cmd.Action = Action(text)
		return cmd, nil
	case 0, 'n':
		return cmd, Errorf(BadRequest, "action is missing")
	}
	return cmd, Errorf(BadRequest, "action must be a string")
}

// walk reads a frame's object to its end. With the first failure it returns the
// values found so far.
func walk(frame []byte, dec *jsontext.Decoder) (action, id jsontext.Value, failure error) {
	if err := checkBeginning(frame); err != nil {
		return nil, nil, err
	}
	_, failure = dec.ReadToken()
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
			if failure == nil && !endsHere(frame[dec.InputOffset():]) {
				id = nil // not the whole id, such as 1 of 12 or of 01
			}
		default:
			failure = skipValue(dec)
		}
	}
	if failure == nil {
		_, failure = dec.ReadToken()
	}
	if failure != nil {
		return action, id, failure
	}
	end := dec.InputOffset()
	if rest := bytes.TrimLeft(frame[end:], whitespace); len(rest) > 0 {
		failure = Errorf(BadRequest, "a frame must hold one JSON object, but more follows at byte %d", len(frame)-len(rest))
	}
	return action, id, failure
}

// ids counts the ids of a refused frame, even those after the fault.
func ids(frame []byte) int {
	dec := jsontext.NewDecoder(bytes.NewReader(frame), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return 0
	}
	for count := 0; ; {
		name, err := dec.ReadToken()
		if err != nil || name.Kind() != '"' {
			return count
		}
		if name.String() == "id" {
			count++
		}
		if dec.SkipValue() != nil {
			return count
		}
	}
}

// checkBeginning refuses a frame that does not begin with an object.
func checkBeginning(frame []byte) error {
	switch text := bytes.TrimLeft(frame, whitespace); {
	case len(text) == 0:
		return Errorf(BadRequest, "the frame is empty: a command is a JSON object")
	case bytes.HasPrefix(text, []byte("\ufeff")):
		return Errorf(BadRequest, "the frame begins with a byte order mark: leave it out")
	case text[0] != '{':
		return Errorf(BadRequest, `a command must be a JSON object such as {"action":"join","room":"lobby"}`)
	}
	return nil
}

// whitespace is the whitespace of JSON.
const whitespace = " \t\r\n"

// endsHere reports whether the value before rest ends where rest begins.
func endsHere(rest []byte) bool {
	return len(rest) > 0 && strings.IndexByte(whitespace+",}", rest[0]) >= 0
}

// readScalar returns a string, number or literal. It skips an array or object,
// under the depth limit, and returns its opening character.
func readScalar(dec *jsontext.Decoder) (jsontext.Value, error) {
	if kind := dec.PeekKind(); kind == '{' || kind == '[' {
		return jsontext.Value{byte(kind)}, skipValue(dec)
	}
	value, err := dec.ReadValue()
	return value.Clone(), err
}

// skipValue skips one value and refuses it if it is nested too deep.
func skipValue(dec *jsontext.Decoder) error {
	outer := dec.StackDepth()
	for {
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		switch depth := dec.StackDepth(); {
		case depth > MaxDepth:
			return Errorf(BadRequest, "arrays and objects must not be nested deeper than %d levels", MaxDepth)
		case depth == outer:
			return nil
		}
	}
}

// checkID returns an id that may be echoed, or nil if there is none.
func checkID(id jsontext.Value) (ID, error) {
	switch id.Kind() {
	case 0, 'n':
		return nil, nil
	case '"':
		var text string
		if json.Unmarshal(id, &text) == nil && validText(text, MaxIDBytes) {
			return id, nil
		}
	case '0':
		n, err := strconv.ParseInt(string(id), 10, 64)
		if err == nil && -MaxInteger <= n && n <= MaxInteger {
			return id, nil
		}
	}
	return nil, Errorf(BadRequest, "id must be a string of at most %d bytes without control characters, or an integer", MaxIDBytes)
}
