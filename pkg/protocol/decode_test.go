package protocol

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// failer is the part of testing.TB that tests, fuzz targets and properties share.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// mostMessageBytes limits an error's message, whatever the frame contains.
const mostMessageBytes = 300

// checkDecode decodes a frame and checks what holds for every frame.
func checkDecode(t failer, frame []byte) {
	t.Helper()
	original := bytes.Clone(frame)
	cmd, err := Decode(frame)
	if !bytes.Equal(frame, original) {
		t.Errorf("Decode changed the frame")
	}
	checkEcho(t, cmd.ID, frame)
	if err != nil {
		checkError(t, cmd, err)
		return
	}
	if cmd.Params == nil {
		t.Fatalf("neither parameters nor an error")
	}
	checkAccepted(t, cmd, frame)
}

// checkEcho checks that an echoed id is valid and occurs in the frame.
func checkEcho(t failer, id ID, frame []byte) {
	t.Helper()
	if id == nil {
		return
	}
	checked, err := checkID(id)
	if err != nil || checked == nil || !bytes.Equal(checked, id) {
		t.Errorf("%q echoes the id %q", frame, id)
	}
	if !bytes.Contains(frame, id) {
		t.Errorf("%q does not hold the id %q", frame, id)
	}
	reply, err := EncodeOK(id, Empty{})
	if err != nil || len(reply) > 256 {
		t.Errorf("reply %q, %v", reply, err)
	}
	var outer map[string]stdjson.RawMessage
	if stdjson.Unmarshal(frame, &outer) == nil {
		var want, got any
		if stdjson.Unmarshal(outer["id"], &want) != nil || stdjson.Unmarshal(id, &got) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: the id %q is not what another parser reads", frame, id)
		}
	}
}

func checkError(t failer, cmd Command, err error) {
	t.Helper()
	var failure *Error
	if !errors.As(err, &failure) {
		t.Fatalf("the error is a %T", err)
	}
	switch failure.Code {
	case BadRequest, UnknownAction, TooLarge:
	default:
		t.Errorf("code %q", failure.Code)
	}
	message := failure.Message
	if failure.Temporary || message == "" || len(message) >= mostMessageBytes || !utf8.ValidString(message) {
		t.Errorf("%d bytes: %+v", len(message), failure)
	}
	if strings.ContainsFunc(message, func(r rune) bool { return unicode.IsControl(r) || !unicode.IsPrint(r) }) {
		t.Errorf("the message holds what cannot be printed: %q", message)
	}
	if frame, err := EncodeError(cmd.ID, failure); err != nil || len(frame) > 2*mostMessageBytes {
		t.Errorf("reply %q, %v", frame, err)
	}
}

// checkAccepted checks that another parser reads an accepted frame in the same
// way, and that its parameters mean the same when sent again.
func checkAccepted(t failer, cmd Command, frame []byte) {
	t.Helper()
	var outer map[string]stdjson.RawMessage
	if err := stdjson.Unmarshal(frame, &outer); err != nil {
		t.Fatalf("%q is accepted, but another parser says: %v", frame, err)
	}
	var action string
	if err := stdjson.Unmarshal(outer["action"], &action); err != nil || action != string(cmd.Action) {
		t.Errorf("the action is %q to us and %q to another parser", cmd.Action, action)
	}
	if !utf8.Valid(frame) {
		t.Errorf("%q is accepted, but is not valid UTF-8", frame)
	}
	if publish, ok := cmd.Params.(*Publish); ok {
		data := bytes.Clone(publish.Data)
		if len(data) > MaxDataBytes || publish.Data.Compact() != nil || !bytes.Equal(publish.Data, data) {
			t.Errorf("%q: the data is not compact: %q", frame, data)
		}
	}
	params, err := Marshal(cmd.Params)
	if err != nil {
		t.Fatalf("%q: %v", frame, err)
	}
	again := newParams(cmd.Action)
	if err := json.Unmarshal(params, again); err != nil {
		t.Fatalf("%q: %v", params, err)
	}
	if failure := again.validate(); failure != nil {
		t.Errorf("%q: %v", params, failure)
	}
	if second, err := Marshal(again); err != nil || !bytes.Equal(second, params) {
		t.Errorf("%q came back as %q", params, second)
	}
}

func FuzzDecode(f *testing.F) {
	b, err := os.ReadFile(filepath.Join("testdata", "commands.json"))
	if err != nil {
		f.Fatal(err)
	}
	var vectors []commandVector
	if err := json.Unmarshal(b, &vectors); err != nil {
		f.Fatal(err)
	}
	for _, v := range vectors {
		if frame := v.build(); len(frame) <= 4096 {
			f.Add(frame)
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) { checkDecode(t, frame) })
}

func TestEveryVectorKeepsTheRules(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[[]commandVector](t, "commands.json") {
		checkDecode(t, v.build())
	}
}

func TestLongMessagesStayShort(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"a", "\"", "\\", "\u00a0", "\u2003", "ü", "😀", "\u202e", "\x7f", ".", "~", "/"} {
		quoted, err := Marshal(strings.Repeat(c, 2000))
		if err != nil {
			t.Fatal(err)
		}
		s := string(quoted)
		for _, frame := range []string{
			`{"action":` + s + `}`,
			`{"action":"hello","rooms":{` + s + `:{}}}`,
			`{"action":"hello","rooms":{` + s + `:7}}`,
			`{"action":"hello","rooms":{` + s + `:{"since":"x"}}}`,
			`{` + s + `:1,` + s + `:2}`,
			`{` + s + `:{` + s + `:{` + s + `:[1,2,]}}}`,
			`{"x":{"y":{` + s + `:1,` + s + `:2}}}`,
			`{"a":` + strings.Repeat(`{"abcdefgh":`, 60) + `tru`,
			`{"a":` + strings.Repeat(`{"a":`, 60) + `trux`,
		} {
			if len(frame) <= FrameBytes {
				checkDecode(t, []byte(frame))
			}
		}
	}
}

func TestCheckDataTakesWhatACommandTakes(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	for _, data := range []string{
		`{"a": [1, "x"], "b":null}`, ` 1.50 `, `null`, nested(MaxDepth - 1), nested(MaxDepth),
		`"` + strings.Repeat("x", MaxDataBytes-2) + `"`, `"` + strings.Repeat("x", MaxDataBytes-1) + `"`,
		``, `{`, `1 2`, `1] [2`, `{"a":1,"a":2}`, "\"\xff\"", `"\ud800"`, `nul`,
	} {
		got, refused := CheckData(jsontext.Value(data))
		command, err := Decode([]byte(`{"action":"publish","room":"r","data":` + data + `}`))
		if (refused == nil) != (err == nil) {
			t.Errorf("%.40q: %v, as a command %v", data, refused, err)
		}
		if err == nil && string(got) != string(command.Params.(*Publish).Data) {
			t.Errorf("%.40q: became %.40q", data, got)
		}
	}
}
