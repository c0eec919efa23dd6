package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/client"
)

// event is something that happened to a peer.
type event struct {
	State     string // the connection's new one
	Joined    bool
	Seq       uint64
	Data      string // of a message, with Seq
	Published string // what was acknowledged, with Seq
	Failed    string
}

// peer is a client in a room, with one SDK or the other.
type peer struct {
	publish func(data string)
	events  <-chan event
}

// sdks open a peer with each SDK.
func sdks() map[string]func(*testing.T, *stack.Running, string, string) peer {
	return map[string]func(*testing.T, *stack.Running, string, string) peer{"go": goPeer, "typescript": jsPeer}
}

func goPeer(t *testing.T, s *stack.Running, url, user string) peer {
	t.Helper()
	events := make(chan event, 100000)
	transport := &http.Transport{}
	c, err := client.Dial(t.Context(), url, client.Options{
		GetToken:  func(context.Context, bool) (string, error) { return s.Token(user, nil) },
		Transport: client.WebSocket{HTTPClient: &http.Client{Transport: transport}},
		Rand:      func() float64 { return rand.Float64() / *scale }, //nolint:gosec // pauses shrink with all other times
		OnState:   func(c client.StateChange) { events <- event{State: string(c.State)} },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		<-c.Done()
		transport.CloseIdleConnections()
	})
	room := c.Join("hall")
	if _, err := room.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	events <- event{Joined: true}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for m, err := range room.Messages() {
			var data string
			if err == nil {
				err = m.Decode(&data)
			}
			if err != nil {
				events <- event{Failed: err.Error()}
				continue
			}
			events <- event{Seq: m.Seq, Data: data}
		}
	}()
	queue := make(chan string, 100000)
	published := make(chan struct{})
	go func() {
		defer close(published)
		for data := range queue {
			p, err := room.Publish(t.Context(), data)
			if err != nil {
				events <- event{Failed: err.Error()}
				return
			}
			events <- event{Published: data, Seq: p.Seq}
		}
	}()
	t.Cleanup(func() {
		close(queue)
		_ = c.Close()
		<-read
		<-published
	})
	return peer{publish: func(data string) { queue <- data }, events: events}
}

func jsPeer(t *testing.T, s *stack.Running, url, user string) peer {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("NOT TESTED: no node here")
	}
	js, err := filepath.Abs("../../pkg/client/js")
	if err != nil {
		t.Fatal(err)
	}
	sdk, ws := filepath.Join(js, "dist/index.js"), filepath.Join(js, "node_modules/ws/wrapper.mjs")
	for _, file := range []string{sdk, ws} {
		if _, err := os.Stat(file); err != nil {
			t.Skipf("NOT TESTED: no %s: run make test-js before", file)
		}
	}
	token, err := s.Token(user, nil)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(node, "testdata/peer.mjs", sdk, ws, url, token, "hall", fmt.Sprint(*scale)) //nolint:gosec,noctx // ends when its input does
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	events := make(chan event, 100000)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var e event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				e.Failed = err.Error()
			}
			events <- e
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		<-read
		_ = command.Wait()
	})
	return peer{publish: func(data string) { _, _ = io.WriteString(in, data+"\n") }, events: events}
}

// next is the first event that a peer is waited for; others are passed over, but
// no failure.
func (p peer) next(t *testing.T, wanted func(event) bool) event {
	t.Helper()
	for {
		select {
		case e := <-p.events:
			if e.Failed != "" {
				t.Fatalf("failed: %s", e.Failed)
			}
			if wanted(e) {
				return e
			}
		case <-t.Context().Done():
			t.Fatal(fmt.Errorf("waiting for an event: %w", context.Cause(t.Context())))
		}
	}
}
