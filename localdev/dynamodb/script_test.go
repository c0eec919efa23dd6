package dynamodb_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata/script")

// command is one line of a script: an operation and its request.
//
//	# a comment
//	$name = Operation {…}   names a command for later lines that are $name
//	~ reason                the referee answers the next command otherwise
//	Operation {…}           ${x*300} in it stands for 300 times x, ${run} for
//	                        a text that no earlier run of the tests has used
type command struct {
	operation, body string
	deviation       string // why the referee's answer differs
}

func (c command) String() string {
	text := c.operation + " " + c.body
	if len(text) > 400 {
		text = text[:400] + "…"
	}
	return text
}

var repetition = regexp.MustCompile(`\$\{(\w)\*(\d+)\}`)

func readScript(t *testing.T, name, run string) []command {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var commands []command
	named := map[string]string{}
	deviation := ""
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if name, rest, ok := strings.Cut(line, " = "); ok && strings.HasPrefix(name, "$") {
			named[name] = rest
			continue
		}
		if text, ok := named[line]; ok {
			line = text
		}
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '~':
			deviation = strings.TrimSpace(line[1:])
			continue
		}
		operation, body, ok := strings.Cut(line, " ")
		if !ok {
			t.Fatalf("%s: %q is no command", name, line)
		}
		commands = append(commands, command{operation: operation, body: strings.ReplaceAll(repeated(body), "${run}", run), deviation: deviation})
		deviation = ""
	}
	return commands
}

func repeated(body string) string {
	return repetition.ReplaceAllStringFunc(body, func(text string) string {
		parts := repetition.FindStringSubmatch(text)
		count, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], count)
	})
}

// answer is what a server said, comparable.
type answer struct {
	status int
	body   map[string]any
}

// failure is the short name of the error, empty for success.
func (a answer) failure() string {
	name, _ := a.body["__type"].(string)
	return name[strings.IndexByte(name, '#')+1:]
}

func (a answer) message() string {
	for _, member := range []string{"message", "Message"} {
		if text, ok := a.body[member].(string); ok {
			return text
		}
	}
	return ""
}

// send runs a command on a server.
func send(t *testing.T, transport http.RoundTripper, endpoint string, c command) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+c.operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20251123/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x")
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode}
	if err := json.Unmarshal(raw, &a.body); err != nil {
		t.Fatalf("%s: answer %q: %v", c, raw, err)
	}
	return a
}

func scripts(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/script/*.ops")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	return names
}

// TestScripts holds the engine to the golden answers beside the scripts;
// TestDifferential holds those to DynamoDB Local.
func TestScripts(t *testing.T) {
	t.Parallel()
	for _, name := range scripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".ops"), func(t *testing.T) {
			t.Parallel()
			e := dynamodb.New(dynamodb.Config{Clock: newManual(time.Unix(1_763_884_800, 0))})
			var out bytes.Buffer
			for _, c := range readScript(t, name, "run") {
				a := send(t, e.Transport(), "http://dynamodb.local", c)
				text, err := json.Marshal(a.body, json.Deterministic(true), jsontext.EscapeForHTML(false))
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&out, "%s\n%d %s\n\n", c, a.status, text)
			}
			golden := strings.TrimSuffix(name, ".ops") + ".golden"
			if *update {
				if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(out.String(), "\n")); diff != "" {
				t.Errorf("answers differ from %s; run with -update if they should:\n%s", golden, diff)
			}
		})
	}
}
