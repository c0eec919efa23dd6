package leak_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/leak"
)

const (
	token  = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
	ticket = "gtk_0123456789abcdef"
)

// TestWatch logs lines after events, and wants to hear of those that tell
// something.
func TestWatch(t *testing.T) {
	t.Parallel()
	command := func(body string) string { return fmt.Sprintf(`{"body":%q}`, body) }
	for name, test := range map[string]struct {
		event, line string
		leaks       bool
	}{
		"nothing":                     {"", `{"msg":"hello"}`, false},
		"a token that nobody sent":    {"", `{"msg":"` + token + `"}`, true},
		"a ticket that nobody sent":   {"", `{"msg":"` + ticket + `"}`, true},
		"a subprotocol":               {"", `{"offers":"gapless.v1, bearer.abcdefghi"}`, true},
		"the header's name":           {"", `{"headers":["sec-websocket-protocol"]}`, true},
		"a reason that names none":    {"", `{"reason":"send it as the subprotocol bearer.<token>"}`, false},
		"an opaque token in a header": {`{"headers":{"authorization":"Bearer opaque"}}`, `{"msg":"Bearer opaque"}`, true},
		"a cookie":                    {`{"headers":{"Cookie":"a=b; session=1"}}`, `{"msg":"a=b; session=1"}`, true},
		"another header":              {`{"headers":{"User-Agent":"a browser"}}`, `{"msg":"a browser"}`, false},
		"a query":                     {`{"queryStringParameters":{"t":"something"}}`, `{"msg":"something"}`, true},
		"a token of hello":            {command(`{"action":"hello","token":"opaque token"}`), `{"msg":"opaque token"}`, true},
		"data":                        {command(`{"action":"publish","data":"for your eyes"}`), `{"msg":"for your eyes"}`, true},
		"data with quotes":            {command(`{"data":"for \"your\" eyes"}`), `{"msg":"for \"your\" eyes"}`, true},
		"data deep within":            {command(`{"data":{"a":[{"b":"for your eyes"}]}}`), `{"msg":"for your eyes"}`, true},
		"a name in data":              {command(`{"data":{"for your eyes":1}}`), `{"msg":"for your eyes"}`, true},
		"data too short to tell":      {command(`{"data":"hello"}`), `{"msg":"hello"}`, false},
		"a room":                      {command(`{"action":"join","room":"a long name"}`), `{"room":"a long name"}`, false},
		"no event of the gateway":     {`[1]`, `{"msg":"hello"}`, false},
	} {
		w, out := leak.New(), new(bytes.Buffer)
		if test.event != "" {
			w.Event([]byte(test.event))
		}
		for range 100 {
			w.Event([]byte(`{"body":"{}"}`))
		}
		if _, err := io.WriteString(w.Writer(out), test.line); err != nil || out.String() != test.line {
			t.Errorf("%s: wrote %q, %v", name, out, err)
		}
		err := w.Found()
		if (err != nil) != test.leaks {
			t.Errorf("%s: %v", name, err)
		}
		for _, secret := range []string{token, ticket, "for your eyes", "opaque token", "Bearer opaque", "session=1"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: told on: %v", name, err)
			}
		}
	}
}

const run = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: TOLD\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- RESULT: TestA (0.00s)\n"}
{"Action":"%[1]s","Package":"p","Test":"TestA","Elapsed":0}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"%[1]s","Package":"p","Elapsed":0.1}
`

func TestOutput(t *testing.T) {
	t.Parallel()
	read := func(action, told string) (string, error) {
		var out strings.Builder
		err := leak.Output(&out, strings.NewReader(strings.ReplaceAll(fmt.Sprintf(run, action), "TOLD", told)))
		return out.String(), err
	}
	if out, err := read("pass", "something"); err != nil || out != "ok  \tp\t0.1s\n" {
		t.Errorf("passed: %q, %v", out, err)
	}
	if out, err := read("fail", "something"); err != nil || !strings.Contains(out, "a_test.go:1: something\n--- RESULT") || strings.Contains(out, "=== RUN") {
		t.Errorf("failed: %q, %v", out, err)
	}
	for _, secret := range []string{token, ticket} {
		if out, err := read("pass", secret); err == nil || !strings.Contains(err.Error(), "p TestA") || strings.Contains(out+err.Error(), secret) {
			t.Errorf("a passing test that prints a secret: %q, %v", out, err)
		}
	}
	if err := leak.Output(io.Discard, strings.NewReader("go: cannot find main module\n")); err == nil {
		t.Error("no test has run, and all is well")
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		good bool
	}{
		{"ok 1 - it joins\nok 2", true}, {"ok 1\nnot ok 2 - " + token + "\n", false}, {"Bearer " + token, false}, {ticket, false}, {"", false},
	} {
		var out strings.Builder
		err := leak.Lines(&out, strings.NewReader(test.text))
		if (err == nil) != test.good || out.String() != test.text || (err != nil && strings.Contains(err.Error(), token)) {
			t.Errorf("%q: %q, %v", test.text, out.String(), err)
		}
	}
}

// TestThatNeverEnds is cut off with its package: what it printed must be seen.
func TestThatNeverEnds(t *testing.T) {
	t.Parallel()
	const events = `{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Test":"TestA","Output":"of A\n"}
{"Action":"output","Package":"p/q","Test":"TestA","Output":"of another\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"of B\n"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestA","Output":"panic: test timed out\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t1s\n"}
{"Action":"fail","Package":"p"}
`
	var out strings.Builder
	if err := leak.Output(&out, strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	if want := "FAIL\tp\t1s\nof A\npanic: test timed out\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
