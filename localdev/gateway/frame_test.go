package gateway_test

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/gapless-rooms/gapless/localdev/gateway"
)

func text(fin bool, payload string) ws.Frame {
	return ws.MaskFrame(ws.NewFrame(ws.OpText, fin, []byte(payload)))
}

func next(fin bool, payload string) ws.Frame {
	return ws.MaskFrame(ws.NewFrame(ws.OpContinuation, fin, []byte(payload)))
}

// write sends frames; the gateway may have closed meanwhile.
func write(c net.Conn, frames ...ws.Frame) {
	for _, f := range frames {
		if ws.WriteFrame(c, f) != nil {
			return
		}
	}
}

// readData reads frames until a data frame.
func readData(t *testing.T, c net.Conn) ws.Frame {
	t.Helper()
	for {
		f, err := ws.ReadFrame(c)
		if err != nil {
			t.Fatal(err)
		}
		if f.Header.OpCode.IsData() {
			return f
		}
	}
}

func TestFramesThatClose(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", gateway.MaxFrameBytes)
	reserved := text(true, "x")
	reserved.Header.Rsv = 1
	compressed := text(true, "x")
	compressed.Header.Rsv = ws.Rsv(true, false, false)
	b := setup(t)
	address := b.listen(t)
	for _, tt := range []struct {
		name   string
		frames []ws.Frame
		want   ws.StatusCode
	}{
		{"binary", []ws.Frame{ws.MaskFrame(ws.NewBinaryFrame([]byte("x")))}, 1003},
		{"frame over 32 KB", []ws.Frame{text(true, big+"x")}, 1009},
		{"fragment over 32 KB", []ws.Frame{text(false, "x"), next(true, big+"x")}, 1009},
		{"huge frame", []ws.Frame{text(true, strings.Repeat(big, 40))}, 1009},
		{"message over 128 KB", []ws.Frame{text(false, big), next(false, big), next(false, big), next(false, big), next(true, "x")}, 1009},
		{"not UTF-8", []ws.Frame{text(true, "\xff")}, 1007},
		{"UTF-8 broken at a fragment", []ws.Frame{text(false, "\xc3"), next(true, "x")}, 1007},
		{"unmasked", []ws.Frame{ws.NewTextFrame([]byte("x"))}, 1002},
		{"reserved bit", []ws.Frame{reserved}, 1002},
		{"compressed without leave", []ws.Frame{compressed}, 1002},
		{"continuation of nothing", []ws.Frame{next(true, "x")}, 1002},
		{"text inside a message", []ws.Frame{text(false, "x"), text(true, "x")}, 1002},
		{"reserved opcode", []ws.Frame{ws.MaskFrame(ws.NewFrame(ws.OpCode(3), true, nil))}, 1002},
		{"fragmented ping", []ws.Frame{ws.MaskFrame(ws.NewFrame(ws.OpPing, false, nil))}, 1002},
		{"close of one byte", []ws.Frame{ws.MaskFrame(ws.NewFrame(ws.OpClose, true, []byte("x")))}, 1002},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, c := exchange(t, address, upgrade)
			if !strings.Contains(status, "101") {
				t.Fatal(status)
			}
			go write(c, tt.frames...)
			f, err := ws.ReadFrame(c)
			if err != nil {
				t.Fatal(err)
			}
			code, _ := ws.ParseCloseFrameData(f.Payload)
			if f.Header.OpCode != ws.OpClose || code != tt.want {
				t.Errorf("frame %v with %d, want a close frame with %d", f.Header, code, tt.want)
			}
			_ = c.Close()
			b.functions.await(t, "disconnect")
		})
	}
}

func TestFragmentsArePutTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.functions.answer("echo", ok("echoed"))
	_, c := exchange(t, b.listen(t), upgrade)
	quarter := strings.Repeat("x", gateway.MaxFrameBytes)
	head := `{"action":"echo","x":"`
	ping := ws.MaskFrame(ws.NewPingFrame([]byte("p")))
	rest := quarter[:len(quarter)-len(head)-2]
	go write(c, text(false, head+rest), ping, next(false, quarter), next(false, quarter), next(true, quarter+`"}`))
	pong, err := ws.ReadFrame(c)
	if err != nil || pong.Header.OpCode != ws.OpPong || string(pong.Payload) != "p" {
		t.Fatalf("%v %v", pong, err)
	}
	// The last frame is two bytes over 32 KB.
	f, err := ws.ReadFrame(c)
	if code, _ := ws.ParseCloseFrameData(f.Payload); err != nil || code != 1009 {
		t.Fatalf("%v %v", f, err)
	}

	_, c = exchange(t, b.listen(t), upgrade)
	go write(c, text(false, head+rest), next(false, quarter), ping, next(false, quarter), next(false, quarter[2:]), next(true, `"}`))
	if f := readData(t, c); string(f.Payload) != "echoed" {
		t.Errorf("received %q", f.Payload)
	}
	if got := len(b.functions.seen("echo")); got != 1 {
		t.Errorf("%d messages", got)
	}
}

func TestLongMessageIsSentInFrames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, c := exchange(t, b.listen(t), upgrade)
	want := strings.Repeat("é", gateway.MaxMessageBytes/2)
	if err := post(testContext(t), b.sdk(), b.Connections()[0].ID, want); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for i := range 4 {
		f := readData(t, c)
		wantOp := ws.OpContinuation
		if i == 0 {
			wantOp = ws.OpText
		}
		if f.Header.Length != gateway.MaxFrameBytes || f.Header.Fin != (i == 3) || f.Header.OpCode != wantOp || f.Header.Masked {
			t.Errorf("frame %d: %+v", i, f.Header)
		}
		got.Write(f.Payload)
	}
	if got.String() != want {
		t.Error("message differs")
	}
}

func TestCloseIsEchoed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, c := exchange(t, b.listen(t), upgrade)
	write(c, ws.MaskFrame(ws.NewCloseFrame(nil)))
	f, err := ws.ReadFrame(c)
	if err != nil || f.Header.OpCode != ws.OpClose || f.Header.Length != 0 {
		t.Errorf("%+v %v", f, err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("socket still open")
	}
}
