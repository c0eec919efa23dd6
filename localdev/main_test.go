package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/revocation"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gapless": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{})
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("GAPLESS_URL", s.URL)
			return nil
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// buffer is a writer that a test may read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// served is a dev subcommand that runs.
type served struct {
	url, page, aws, token string
	errs                  *buffer
	stop                  func() int
}

// dev runs the dev subcommand on free ports. The console's port is taken.
func dev(t *testing.T, args ...string) served {
	t.Helper()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	exit := make(chan int, 1)
	s := served{errs: &buffer{}, stop: func() int { cancel(); return <-exit }}
	args = append([]string{"dev", "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0", "--console", taken.Addr().String()}, args...)
	go func() {
		exit <- run(ctx, args, stdio{strings.NewReader(""), w, s.errs})
		_ = w.Close()
	}()
	lines := bufio.NewScanner(r)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Ctrl-C") {
		if u := regexp.MustCompile(`WebSocket +(ws://\S+)`).FindStringSubmatch(lines.Text()); u != nil {
			s.url = u[1]
		}
		if u := regexp.MustCompile(`AWS +(http://\S+)`).FindStringSubmatch(lines.Text()); u != nil {
			s.aws = u[1]
		}
		if u := regexp.MustCompile(`Console +(http://\S+)`).FindStringSubmatch(lines.Text()); u != nil {
			s.page = u[1]
		}
		if strings.HasPrefix(strings.TrimSpace(lines.Text()), "ey") {
			s.token = strings.TrimSpace(lines.Text())
		}
	}
	if s.url == "" || s.page == "" || s.token == "" {
		t.Fatalf("dev printed no URL or no token: %s", s.errs)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	return s
}

func TestDevServesAndStopsCleanly(t *testing.T) {
	t.Parallel()
	s := dev(t)
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"publish", "lobby", "hi", "--url", s.url, "--token", s.token}, stdio{nil, &out, &errs}); code != 0 || out.String() != "1\n" {
		t.Errorf("publish: exit %d, %q, %q", code, out.String(), errs.String())
	}
	// A page that looks does not keep it from stopping.
	for path, kind := range map[string]string{"/": "text/html", "/api/events": "text/event-stream"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.page+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // the test is over
		if got := response.Header.Get("Content-Type"); !strings.HasPrefix(got, kind) {
			t.Errorf("%s: %s", path, got)
		}
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit %d after Ctrl-C", code)
	}
}

func TestWhatPreventsAStartIsExplained(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // the test is over
	var errs bytes.Buffer
	code := run(t.Context(), []string{"dev", "--listen", taken.Addr().String(), "--aws-listen", ""}, stdio{nil, io.Discard, &errs})
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	if code == 0 || !strings.Contains(errs.String(), "port "+port+" is in use") {
		t.Errorf("exit %d, %q", code, errs.String())
	}
	code = run(t.Context(), []string{"dev", "--listen", "127.0.0.1:0", "--aws-listen", "", "--isolated", t.TempDir()}, stdio{nil, io.Discard, &errs})
	if code == 0 || !strings.Contains(errs.String(), "make build-isolated") {
		t.Errorf("exit %d, %q", code, errs.String())
	}
	code = run(t.Context(), []string{"dev", "--listen", "0.0.0.0:0"}, stdio{nil, io.Discard, &errs})
	if code == 0 || !strings.Contains(errs.String(), "loopback") {
		t.Errorf("exit %d, %q", code, errs.String())
	}
}

// TestTicketAndRevoke lets the command line do what a back end does.
func TestTicketAndRevoke(t *testing.T) {
	t.Parallel()
	s := stack.RunT(t, stack.Config{NoSchedule: true})
	aws := httptest.NewServer(s.Handler())
	t.Cleanup(aws.Close)
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"ticket", "ada", "--room", "lobby=join,publish", "--aws", aws.URL}, stdio{nil, &out, &errs}); code != 0 {
		t.Fatalf("ticket: exit %d, %q", code, errs.String())
	}
	ada, _, err := websocket.Dial(t.Context(), s.URL+"?ticket="+strings.TrimSpace(out.String()), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ada.CloseNow() })
	publish := func(room string) string {
		if err := ada.Write(t.Context(), websocket.MessageText, []byte(`{"action":"publish","id":1,"room":"`+room+`","data":1}`)); err != nil {
			t.Fatal(err)
		}
		_, reply, err := ada.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return string(reply)
	}
	if lobby, other := publish("lobby"), publish("other"); !strings.Contains(lobby, `"seq":1`) || !strings.Contains(other, "forbidden") {
		t.Errorf("in the lobby %s, elsewhere %s", lobby, other)
	}
	if code := run(t.Context(), []string{"revoke", "ada", "--aws", aws.URL}, stdio{nil, &out, &errs}); code != 0 {
		t.Fatalf("revoke: exit %d, %q", code, errs.String())
	}
	s.Advance(revocation.Every)
	if reply := publish("lobby"); !strings.Contains(reply, "revoked") {
		t.Errorf("after the revocation: %s", reply)
	}
	if code := run(t.Context(), []string{"ticket", "ada", "--valid", "1h", "--aws", aws.URL}, stdio{nil, &out, &errs}); code == 0 || !strings.Contains(errs.String(), "at most 5m") {
		t.Errorf("a ticket for an hour: exit %d, %q", code, errs.String())
	}
}

// TestTokenGrantsWhatItSays is no script: those print what a command prints,
// and no token may stand in the tests' output.
func TestTokenGrantsWhatItSays(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"token", "ada", "--room", "org.*=join"}, stdio{nil, &out, &errs}); code != 0 {
		t.Fatalf("exit %d, %q", code, errs.String())
	}
	verifier, err := auth.NewSharedSecret(stack.DevSecret, clock.System())
	if err != nil {
		t.Fatal(err)
	}
	id, err := verifier.Verify(t.Context(), strings.TrimSuffix(out.String(), "\n"))
	if policy := (auth.Policy{}); err != nil || id.User != "ada" || !policy.Allows(id, auth.Join, "org.1") || policy.Allows(id, auth.Publish, "org.1") {
		t.Errorf("%+v, %v", id, err)
	}
}
