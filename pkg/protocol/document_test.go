package protocol

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Client authors rely on PROTOCOL.md, so its examples must be frames that we
// accept or write, and its tables must be complete.

func readDocument(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDocumentedFrames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	inside := false
	for i, line := range strings.Split(readDocument(t), "\n") {
		switch {
		case line == "```json":
			inside = true
		case strings.HasPrefix(line, "```"):
			inside = false
		case inside:
			seen[checkDocumented(t, i+1, line)] = true
		}
	}
	for _, action := range append(Actions(), ActionPing) {
		if !seen["action "+string(action)] {
			t.Errorf("no example of the action %s", action)
		}
	}
	for _, push := range stringConstants[Push](t, "push.go") {
		if !seen["push "+string(push)] {
			t.Errorf("no example of the push %s", push)
		}
	}
}

// checkDocumented checks one line of an example and returns its kind.
func checkDocumented(t *testing.T, line int, frame string) string {
	t.Helper()
	var parts struct {
		Action  Action         `json:"action"`
		Push    Push           `json:"push"`
		ID      jsontext.Value `json:"id"`
		OK      jsontext.Value `json:"ok"`
		Error   jsontext.Value `json:"error"`
		Message string         `json:"message"`
	}
	if err := json.Unmarshal([]byte(frame), &parts); err != nil {
		t.Fatalf("line %d: %v", line, err)
	}
	vector := frameVector{Name: "line " + strconv.Itoa(line)}
	switch {
	case parts.Action == ActionPing:
		return "action ping"
	case parts.Action != "":
		if _, err := Decode([]byte(frame)); err != nil {
			t.Errorf("line %d: %v", line, err)
		}
		return "action " + string(parts.Action)
	case parts.Push != "":
		_, made := readPush(t, vector, []byte(frame), true)
		if got := mustMarshal(t, made); string(got) != frame {
			t.Errorf("line %d: we write\n%s", line, got)
		}
		return "push " + string(parts.Push)
	case parts.OK != nil:
		if !isResult(t, parts.OK) {
			t.Errorf("line %d: the result is none of ours", line)
		}
		return "ok"
	case parts.Error != nil:
		failure := parse(t, vector, parts.Error, new(Error), strict).(*Error)
		got, err := EncodeError(parts.ID, failure)
		if err != nil || string(got) != frame {
			t.Errorf("line %d: we write\n%s", line, got)
		}
		return "error"
	case parts.Message != "":
		return "gateway"
	}
	t.Errorf("line %d is not a frame", line)
	return ""
}

// isResult reports whether we would write text for some type of result.
func isResult(t *testing.T, text jsontext.Value) bool {
	t.Helper()
	for _, result := range []any{
		new(HelloResult), new(AuthResult), new(JoinResult), new(PublishResult),
		new(SyncResult), new(PresenceResult), new(Empty),
	} {
		if json.Unmarshal(text, result, strict) == nil && bytes.Equal(mustMarshal(t, result), text) {
			return true
		}
	}
	return false
}

func TestDocumentIsComplete(t *testing.T) {
	t.Parallel()
	text := readDocument(t)
	want := []string{}
	for _, code := range stringConstants[Code](t, "code.go") {
		want = append(want, "\n| `"+string(code)+"` | ")
	}
	for _, c := range closes {
		comesBack := " | no |"
		if c.Reconnect() {
			comesBack = " | yes"
		}
		want = append(want, "\n| "+strconv.Itoa(c.Code)+" | "+c.Reason+comesBack)
	}
	for _, action := range append(Actions(), ActionPing) {
		want = append(want, "\n### "+string(action)+"\n")
	}
	_, limits, _ := strings.Cut(text, "\n## Limits")
	for _, row := range []struct {
		name  string
		value int
	}{
		{"a client's frame", FrameBytes},
		{"`data` of a publish, without whitespace between tokens", MaxDataBytes},
		{"nesting of arrays and objects, the command included", MaxDepth},
		{"`id`", MaxIDBytes}, {"room name", MaxRoomBytes}, {"user", MaxUserBytes},
		{"`key`", MaxKeyBytes}, {"`session`", MaxSessionBytes}, {"`epoch`", MaxEpochBytes},
		{"`token`", MaxTokenBytes}, {"integers", MaxInteger},
		{"`limit` of history, `last` of join", MaxHistory},
		{"rooms in one `hello` or `sync`", MaxRoomsPerCommand},
	} {
		if start := "\n| " + row.name + " | " + grouped(row.value); !strings.Contains(limits, start) {
			t.Errorf("the limits do not have %q", start)
		}
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("PROTOCOL.md does not have %q", w)
		}
	}
}

// grouped writes a number as PROTOCOL.md does: 32,768.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
