package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/gapless-rooms/gapless/localdev/stack"
)

// authDocument is where the ways in are shown.
const authDocument = "../../pkg/auth/README.md"

var jsBlock = regexp.MustCompile("(?s)```js (\\w+)\n(.*?)```")

// page is a browser's page: it makes what is printed run in Node, where a
// WebSocket can be given the headers that a browser would add by itself, and
// prints who it is taken for.
const (
	pageBefore = `
const [url, token, ticket, headers] = process.argv.slice(1);
const Socket = globalThis.WebSocket;
globalThis.WebSocket = class extends Socket {
	constructor(url, protocols = []) { super(url, { protocols, headers: JSON.parse(headers) }); }
};
`
	pageAfter = `
ws.addEventListener("open", () => ws.send(JSON.stringify({ action: "hello", id: "check" })));
ws.addEventListener("error", (event) => { console.log(event.message ?? "refused"); process.exit(1); });
ws.addEventListener("message", ({ data }) => {
	const { ok } = JSON.parse(data);
	if (ok) { console.log(ok.user, ws.protocol); process.exit(0); }
});
`
)

// TestWaysInAsPrinted runs each example of pkg/auth's README.
func TestWaysInAsPrinted(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("NOT TESTED as a browser would run them: there is no Node")
	}
	document, err := os.ReadFile(authDocument)
	if err != nil {
		t.Fatal(err)
	}
	const origin = "https://app.example.com"
	s := stack.RunT(t, stack.Config{NoSchedule: true, Environ: map[string]string{
		"GAPLESS_ALLOWED_ORIGINS": origin, "GAPLESS_AUTH_COOKIE": "__Host-gapless",
	}})
	token, err := s.Token("ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, block := range jsBlock.FindAllStringSubmatch(string(document), -1) {
		way, code := block[1], block[2]
		ran++
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			headers, protocol := map[string]string{"Origin": origin}, ""
			switch way {
			case "cookie":
				headers["Cookie"] = "__Host-gapless=" + token
			case "subprotocol":
				protocol = "gapless.v1"
			}
			encoded, err := json.Marshal(headers)
			if err != nil {
				t.Fatal(err)
			}
			node := exec.CommandContext(t.Context(), "node", "--no-warnings", "--experimental-websocket", "--input-type=module",
				"-e", pageBefore+code+pageAfter, s.URL, token, issue(t, s, "ada", nil), string(encoded))
			out, err := node.CombinedOutput()
			if want := strings.TrimSpace("ada " + protocol); err != nil || strings.TrimSpace(string(out)) != want {
				t.Errorf("printed %q, want %q: %v", out, want, err)
			}
		})
	}
	if ran != 4 {
		t.Errorf("%d examples", ran)
	}
}

// TestHeaderAsPrinted runs the example for other clients, which stands in the
// README letter by letter.
func TestHeaderAsPrinted(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	token, err := s.Token("ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, url := t.Context(), s.URL

	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + token}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow() //nolint:errcheck // the test is over
	if err := ws.Write(ctx, websocket.MessageText, []byte(`{"action":"hello","id":1}`)); err != nil {
		t.Fatal(err)
	}
	if _, reply, err := ws.Read(ctx); err != nil || !strings.Contains(string(reply), `"user":"ada"`) {
		t.Errorf("%s, %v", reply, err)
	}

	document, err := os.ReadFile(authDocument)
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("wayin_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(document), "```go\n")
	printed, _, _ := strings.Cut(rest, "```")
	if !strings.Contains(string(own), "\t"+strings.TrimSuffix(strings.ReplaceAll(printed, "\n", "\n\t"), "\t")) {
		t.Errorf("what is printed is not what runs:\n%s", printed)
	}
}
