package protocol

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// TestSentencesForEachFault checks the place and the character that each sentence
// names, at both ends of every range of characters.
func TestSentencesForEachFault(t *testing.T) {
	t.Parallel()
	const (
		bare   = "only true, false, null and numbers may stand without double quotes"
		quoted = "names stand in double quotes"
	)
	for frame, want := range map[string]string{
		`{"a":-x`:                         "not valid JSON at byte 6 in a: expected a digit, found 'x'",
		`{"a":0.x`:                        "not valid JSON at byte 7 in a: expected a digit, found 'x'",
		`{"a":9.x`:                        "not valid JSON at byte 7 in a: expected a digit, found 'x'",
		`{"a":tru9}`:                      "not valid JSON at byte 8 in a: " + bare,
		`{"a": _}`:                        "not valid JSON at byte 6 in a: " + bare,
		`{"a": $}`:                        "not valid JSON at byte 6 in a: " + bare,
		`{"a": a}`:                        "not valid JSON at byte 6 in a: " + bare,
		`{"a": z}`:                        "not valid JSON at byte 6 in a: " + bare,
		`{"a": A}`:                        "not valid JSON at byte 6 in a: " + bare,
		`{"a": Z}`:                        "not valid JSON at byte 6 in a: " + bare,
		"{\"a\": `}":                      "not valid JSON at byte 6 in a: expected a value, found '`'",
		`{"a": @}`:                        "not valid JSON at byte 6 in a: expected a value, found '@'",
		`{"a": |}`:                        "not valid JSON at byte 6 in a: expected a value, found '|'",
		`{_:1}`:                           "not valid JSON at byte 1: " + quoted,
		`{ $:1}`:                          "not valid JSON at byte 2: " + quoted,
		`{'a':1}`:                         "not valid JSON at byte 1: strings and names stand in double quotes",
		`{{}:1}`:                          "not valid JSON at byte 1: expected a name in double quotes or '}', found '{'",
		`{5:1}`:                           "not valid JSON at byte 1: expected a name in double quotes or '}', found '5'",
		`{"a":1,5:1}`:                     "not valid JSON at byte 7: expected a name in double quotes, found '5'",
		`{"a" 1}`:                         "not valid JSON at byte 5 in a: expected ':', found '1'",
		`{"a":1 5}`:                       "not valid JSON at byte 7: expected ',' or '}', found '5'",
		`{"a":[1 5]}`:                     "not valid JSON at byte 8 in a: expected ',' or ']', found '5'",
		`{"a":[}`:                         "not valid JSON at byte 6 in a.0: expected a value or ']', found '}'",
		`{"a":[,1]}`:                      "not valid JSON at byte 6 in a: expected a value or ']', found ','",
		`{"a":1, }`:                       "not valid JSON at byte 6: a comma must not stand before a closing bracket",
		"{\"a\":1,\n]":                    "not valid JSON at byte 6: a comma must not stand before a closing bracket",
		`{"a":[1,]}`:                      "not valid JSON at byte 7 in a: a comma must not stand before a closing bracket",
		`{"a":1,`:                         "not valid JSON at byte 7: the frame ends too early",
		`{"a":1,,`:                        "not valid JSON at byte 7: expected a name in double quotes, found ','",
		`{"a":"\`:                         "not valid JSON at byte 7: the frame ends too early",
		`{"a":"\ud800"}`:                  "not valid JSON at byte 6 in a: a string holds half of a surrogate pair, as when text is cut inside an emoji",
		`{"a":"\ud7"}`:                    "not valid JSON at byte 6 in a: a backslash in a string begins no valid escape sequence",
		`{"a":"\uD800x"}`:                 "not valid JSON at byte 6 in a: a string holds half of a surrogate pair, as when text is cut inside an emoji",
		`{"a":"\ud900x"}`:                 "not valid JSON at byte 6 in a: a string holds half of a surrogate pair, as when text is cut inside an emoji",
		`{"a":"\x"}`:                      "not valid JSON at byte 6 in a: a backslash in a string begins no valid escape sequence",
		"{\"a\":\"\x1f\"}":                "not valid JSON at byte 6 in a: a string holds the control character U+001F, which must be escaped",
		"{\"a\":\"\xff\"}":                "not valid JSON at byte 6 in a: a string is not valid UTF-8",
		"{\"a\":\xff}":                    "not valid JSON at byte 5 in a: expected a value, found a byte that is not UTF-8",
		"{\"a\":\u00a0}":                  "not valid JSON at byte 5 in a: expected a value, found U+00A0",
		"{\"a\":ü}":                       "not valid JSON at byte 5 in a: expected a value, found 'ü'",
		`{"a":{"b":1,"b":2}}`:             "the same name occurs twice in one object: a.b",
		`{"a":[1,@]}`:                     "not valid JSON at byte 8 in a.1: expected a value, found '@'",
		`{"a":[1:2]}`:                     "not valid JSON at byte 7 in a: expected ',' or ']', found ':'",
		`{"a":1:2}`:                       "not valid JSON at byte 6: expected ',' or '}', found ':'",
		`{"a":1,"b" 1}`:                   "not valid JSON at byte 11 in b: expected ':', found '1'",
		`{"a":[, `:                        "not valid JSON at byte 6 in a: expected a value or ']', found ','",
		`{"a":"\xd8"}`:                    "not valid JSON at byte 6 in a: a backslash in a string begins no valid escape sequence",
		`{"a":"\uZ8zz"}`:                  "not valid JSON at byte 6 in a: a backslash in a string begins no valid escape sequence",
		`{"a":"\ud7zz"}`:                  "not valid JSON at byte 6 in a: a backslash in a string begins no valid escape sequence",
		"{\"a\":\"\x01ud8\"}":             "not valid JSON at byte 6 in a: a string holds the control character U+0001, which must be escaped",
		"{\"a\":\ufffd}":                  "not valid JSON at byte 5 in a: expected a value, found '\ufffd'",
		`{"action":"leave","room":false}`: "room must be a string, not a boolean",
		`{"action":"leave","room":true}`:  "room must be a string, not a boolean",
		`{"action":"history","room":"r","since":9007199254740992}`:  "since must be an integer from 0 to 9007199254740991",
		`{"action":"history","room":"r","before":9007199254740992}`: "before must be an integer from 0 to 9007199254740991",
		`{"action":"history","room":"r","since":1,"limit":101}`:     "limit must be an integer from 1 to 100",
		`{"action":"history","room":"r","since":1,"limit":0}`:       "limit must be an integer from 1 to 100",
		`{"action":"join","room":"r","last":101}`:                   "last must be an integer from 0 to 100",
	} {
		_, err := Decode([]byte(frame))
		var failure *Error
		if !errors.As(err, &failure) || failure.Code != BadRequest || failure.Message != want {
			t.Errorf("%s: %v, want %s", frame, err, want)
		}
	}
}

func TestIDIsNotEchoedIfTwoStandInAFrame(t *testing.T) {
	t.Parallel()
	for _, frame := range []string{
		`{"id":1,"id":2,"action":"leave"}`,
		`{"id":1,"id":2,"x":tru`,
		"{\"id\":1,\"x\":\"\xff\",\"id\":2}",
	} {
		if cmd, err := Decode([]byte(frame)); err == nil || cmd.ID != nil {
			t.Errorf("%q: %s, %v", frame, cmd.ID, err)
		}
	}
}

func TestErrorsSayAll(t *testing.T) {
	t.Parallel()
	if got, want := Retry(Unavailable, 1500, "later"), (&Error{Code: Unavailable, Message: "later", Temporary: true, RetryAfterMs: 1500}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := Errorf(BadRequest, "no %d", 1).Error(); got != "bad_request: no 1" {
		t.Errorf("got %s", got)
	}
	for code, want := range map[int]bool{3499: true, 3500: false} {
		if (Close{Code: code}).Reconnect() != want {
			t.Errorf("%d: %v", code, !want)
		}
	}
}

func TestDataThatIsRefused(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for data, want := range map[string]*Error{
		`{`:              Errorf(BadRequest, "data is not valid JSON, or a name occurs twice in it"),
		`{"a":1,"a":2}`:  Errorf(BadRequest, "data is not valid JSON, or a name occurs twice in it"),
		nested(MaxDepth): Errorf(BadRequest, "data must not be nested deeper than 63 levels"),
		`"` + strings.Repeat("x", 30<<10-1) + `"`: Errorf(TooLarge, "data must be at most 30720 bytes of JSON, got 30721"),
	} {
		if _, err := CheckData(jsontext.Value(data)); !reflect.DeepEqual(err, want) {
			t.Errorf("%.40s: %v, want %v", data, err, want)
		}
	}
}

func TestFramesOfCommands(t *testing.T) {
	t.Parallel()
	since := uint64(7)
	for want, one := range map[string]struct {
		id     ID
		params Params
	}{
		`{"action":"hello"}`:                        {nil, &Hello{}},
		`{"id":1,"action":"leave","room":"r"}`:      {ID("1"), &Leave{Room: "r"}},
		`{"id":"x","action":"presence","room":"r"}`: {ID(`"x"`), &Presence{Room: "r"}},
		`{"action":"sync","rooms":{"a":{"since":7},"b":{"since":7},"c":{"since":7,"epoch":"e"}}}`: {nil, &Sync{Rooms: map[string]From{
			"c": {Since: &since, Epoch: "e"}, "a": {Since: &since}, "b": {Since: &since},
		}}},
	} {
		if frame, err := EncodeCommand(one.id, one.params); err != nil || string(frame) != want {
			t.Errorf("%s, %v; want %s", frame, err, want)
		}
	}
	if frame, err := EncodeCommand(nil, &Publish{Room: "r", Data: jsontext.Value(`{`)}); err == nil {
		t.Errorf("data that is no JSON: %s", frame)
	}
	// A quotation mark takes two bytes of a frame: 16,384 bytes of token fill it.
	token := func(frame int) string {
		quotes := frame - len(`{"action":"auth","token":""}`) - MaxTokenBytes
		return strings.Repeat(`"`, quotes) + strings.Repeat("x", MaxTokenBytes-quotes)
	}
	if frame, err := EncodeCommand(nil, &Auth{Token: token(32768)}); err != nil || len(frame) != 32768 {
		t.Errorf("a frame of %d bytes: %v", len(frame), err)
	}
	_, err := EncodeCommand(nil, &Auth{Token: token(32769)})
	if want := Errorf(TooLarge, "a frame must be at most 32768 bytes, got 32769"); !reflect.DeepEqual(err, error(want)) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// The depth limit applies to arrays and objects in place of an action or an id.
func TestScalarsThatAreDeep(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"action", "id", "x"} {
		for _, level := range []string{`{"a":`, `[`} {
			_, err := Decode([]byte(`{"` + field + `":` + strings.Repeat(level, MaxDepth)))
			if want := Errorf(BadRequest, "arrays and objects must not be nested deeper than 64 levels"); !reflect.DeepEqual(err, error(want)) {
				t.Errorf("%s, %s: %v", field, level, err)
			}
		}
	}
}

func TestPathsAreWrittenAsInJavaScript(t *testing.T) {
	t.Parallel()
	for _, plain := range []string{"a", "z", "A", "Z", "0", "9", "_", "-", "a-Z_09"} {
		if got := pathStep(plain); got != "."+plain {
			t.Errorf("%s: %s", plain, got)
		}
	}
	for _, quoted := range []string{"", "`", "{", "@", "[", "/", ":", "^", ".", ",", "a.b", "é"} {
		if got := pathStep(quoted); got != `["`+quoted+`"]` {
			t.Errorf("%s: %s", quoted, got)
		}
	}
	step := strings.Repeat("x", 52) // and a full stop
	first := strings.Repeat("a", 52)
	long := jsontext.Pointer("/" + first + "/" + step + "/" + step)
	if got, want := fieldPath(long+"x"), first+"."+step+"."+step+"x"; got != want {
		t.Errorf("of 160 bytes: %s", got)
	}
	if got, want := fieldPath(long+"xy"), first+".…."+step+"xy"; got != want {
		t.Errorf("of 161 bytes: %s", got)
	}
}

func TestLongNamesAreCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		strings.Repeat("x", 64):        strings.Repeat("x", 64),
		strings.Repeat("x", 65):        strings.Repeat("x", 64) + "…",
		strings.Repeat("x", 63) + "é":  strings.Repeat("x", 63) + "…",
		strings.Repeat("x", 62) + "éy": strings.Repeat("x", 62) + "é…",
		strings.Repeat("x", 62) + "😀y": strings.Repeat("x", 62) + "…",
		"a\x00b\u2028c":                "abc",
	} {
		if got := printable(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestResultsThatAreNoJSON(t *testing.T) {
	t.Parallel()
	bad := jsontext.Value(`{`)
	if frame, err := EncodeOK(ID("1"), bad); err == nil {
		t.Errorf("a result: %s", frame)
	}
	if frame, err := EncodeOK(ID("1"), RoomResult{JoinResult: &JoinResult{Messages: []jsontext.Value{bad}}}); err == nil {
		t.Errorf("a room's entry: %s", frame)
	}
}

func TestByeSaysWhenToComeBackOnlyToWhoMay(t *testing.T) {
	t.Parallel()
	if got, want := NewBye(CloseRestart, 500), (Bye{PushBye, 3001, CloseRestart.Reason, true, 500}); got != want {
		t.Errorf("got %+v", got)
	}
	if got, want := NewBye(CloseKicked, 500), (Bye{PushBye, 3503, CloseKicked.Reason, false, 0}); got != want {
		t.Errorf("got %+v", got)
	}
}
