package gateway_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/gapless-rooms/gapless/localdev/gateway"
)

func (b *bundle) connect(t *testing.T, address string, o *websocket.DialOptions) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(testContext(t), "ws://"+address+"/local", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	c.SetReadLimit(gateway.MaxMessageBytes)
	return c
}

func TestRealClient(t *testing.T) {
	t.Parallel()
	for _, mode := range []websocket.CompressionMode{
		websocket.CompressionDisabled, websocket.CompressionNoContextTakeover, websocket.CompressionContextTakeover,
	} {
		b := setup(t)
		b.functions.on("echo", func(_ context.Context, payload []byte) (gateway.Result, error) {
			var e struct{ Body string }
			err := json.Unmarshal(payload, &e)
			return ok(e.Body), err
		})
		address := b.listen(t)
		c := b.connect(t, address, &websocket.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
		ctx := testContext(t)
		for _, size := range []int{1, 1000, 20_000} {
			text := `{"action":"echo","x":"` + strings.Repeat("xé", size/3) + `"}`
			if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
				t.Fatal(err)
			}
			kind, got, err := c.Read(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if kind != websocket.MessageText || string(got) != text {
				t.Errorf("mode %v: echo of %d bytes differs", mode, len(text))
			}
		}
		for _, size := range []int{1, gateway.MaxFrameBytes, gateway.MaxFrameBytes + 1, gateway.MaxMessageBytes} {
			if err := post(ctx, b.sdk(), b.Connections()[0].ID, strings.Repeat("y", size)); err != nil {
				t.Fatal(err)
			}
			if _, got, err := c.Read(ctx); err != nil || len(got) != size {
				t.Errorf("mode %v: %d bytes of %d arrived: %v", mode, len(got), size, err)
			}
		}
		if err := c.Close(3001, "bye"); err != nil {
			t.Errorf("mode %v: close: %v", mode, err)
		}
		b.functions.await(t, "disconnect")
		if e := string(b.functions.seen("disconnect")[0]); !strings.Contains(e, `"disconnectStatusCode":3001`) ||
			!strings.Contains(e, `"disconnectReason":"bye"`) {
			t.Errorf("mode %v: %s", mode, e)
		}
	}
}

func TestCompressionIsNegotiated(t *testing.T) {
	t.Parallel()
	for _, declined := range []bool{false, true} {
		b := setup(t, withQuirks(func(q *gateway.Quirks) { q.NoCompression = declined }))
		c, res, err := websocket.Dial(testContext(t), "ws://"+b.listen(t)+"/local",
			&websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			t.Fatal(err)
		}
		_ = c.CloseNow()
		want := "permessage-deflate;server_no_context_takeover;client_no_context_takeover"
		if declined {
			want = ""
		}
		if got := res.Header.Get("Sec-WebSocket-Extensions"); got != want {
			t.Errorf("declined %t: extensions %q", declined, got)
		}
	}
}

func TestServerClosesRealClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	address := b.listen(t)
	for _, tt := range []struct {
		name  string
		close func(id string)
		want  websocket.StatusCode
	}{
		{"delete", func(id string) { _ = del(context.Background(), b.sdk(), id) }, 1000},
		{"restart", func(string) { b.Faults().CloseAll(1012, "") }, 1012},
		{"cut", func(id string) { _ = b.Faults().Cut(id) }, -1},
	} {
		c := b.connect(t, address, nil)
		id := connectionID(b.functions.seen("connect")[len(b.functions.seen("connect"))-1])
		tt.close(id)
		_, _, err := c.Read(testContext(t))
		if got := websocket.CloseStatus(err); got != tt.want {
			t.Errorf("%s: closed with %d (%v), want %d", tt.name, got, err, tt.want)
		}
		b.functions.await(t, "disconnect")
	}
}

func TestSubprotocolOfRealClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.functions.answer("connect", raw(`{"statusCode":200,"headers":{"Sec-WebSocket-Protocol":"gapless.v1","x-other":"dropped"}}`))
	c, res, err := websocket.Dial(testContext(t), "ws://"+b.listen(t)+"/local",
		&websocket.DialOptions{Subprotocols: []string{"gapless.v1", "bearer.x"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseNow() }()
	if c.Subprotocol() != "gapless.v1" || res.Header.Get("x-other") != "" {
		t.Errorf("subprotocol %q, header %v", c.Subprotocol(), res.Header)
	}
}

// exchange sends raw HTTP and returns the status line.
func exchange(t *testing.T, address, request string) (status string, c net.Conn) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(testContext(t), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	var head []byte
	for one := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n"); {
		if _, err := c.Read(one); err != nil {
			t.Fatalf("%q: %v", head, err)
		}
		head = append(head, one[0])
	}
	line, _, _ := strings.Cut(string(head), "\r\n")
	return line, c
}

const upgrade = "GET /local?a=b HTTP/1.1\r\nhOST: example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
	"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nx-tEst: 1\r\nX-test: 2\r\n\r\n"

func TestHeaderNamesAreTheClients(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status, _ := exchange(t, b.listen(t), upgrade)
	if status != "HTTP/1.1 101 Switching Protocols" {
		t.Fatal(status)
	}
	var e struct {
		Headers           map[string]string
		MultiValueHeaders map[string][]string
	}
	if err := json.Unmarshal(b.functions.seen("connect")[0], &e); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Host", "sec-websocket-key", "Sec-WebSocket-Version", "X-test"} {
		if e.Headers[name] == "" {
			t.Errorf("no %q in %v", name, e.Headers)
		}
	}
	if got := e.MultiValueHeaders["X-test"]; len(got) != 2 {
		t.Errorf("values %q", got)
	}
}

func TestNoWebSocketHandshake(t *testing.T) {
	t.Parallel()
	b := setup(t)
	address := b.listen(t)
	for _, tt := range []struct{ change, to, want string }{
		{"GET /local", "GET /other", "403"},
		{"Upgrade: websocket", "Upgrade: h2c", "426"},
		{"keep-alive, Upgrade", "keep-alive", "426"},
		{"Version: 13", "Version: 8", "426"},
		{"GET /", "POST /", "400"},
		{"dGhlIHNhbXBsZSBub25jZQ==", "short", "400"},
		{"?a=b", "?a=" + strings.Repeat("b", gateway.MaxURLBytes), "414"},
	} {
		status, _ := exchange(t, address, strings.Replace(upgrade, tt.change, tt.to, 1))
		if !strings.HasPrefix(status, "HTTP/1.1 "+tt.want) {
			t.Errorf("%s: %s, want %s", tt.to, status, tt.want)
		}
	}
	if n := len(b.functions.seen("connect")); n != 0 {
		t.Errorf("$connect ran %d times", n)
	}
}

func TestRefusedRealClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.functions.answer("connect", raw(`{"statusCode":401}`))
	_, res, err := websocket.Dial(testContext(t), "ws://"+b.listen(t)+"/local", nil)
	if err == nil || res == nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("dialed: %v", err)
	}
}

func TestUnreadSocketFillsTheBuffer(t *testing.T) {
	t.Parallel()
	b := setup(t, withQuirks(func(q *gateway.Quirks) { q.ClientBufferBytes = 64 << 10 }))
	b.connect(t, b.listen(t), nil)
	ctx := testContext(t)
	id := b.Connections()[0].ID
	for n := 0; ; n++ {
		err := post(ctx, b.sdk(), id, strings.Repeat("x", 64<<10))
		if isLimit(err) {
			return
		}
		if err != nil {
			t.Fatalf("post %d: %v", n, err)
		}
	}
}
