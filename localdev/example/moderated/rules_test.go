package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/client"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// output collects what the functions log.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *output) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *output) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func run(t *testing.T, functionLog io.Writer) *stack.Running {
	t.Helper()
	return stack.RunT(t, stack.Config{Hooks: newRules, Environ: environ, FunctionLog: functionLog})
}

// dial connects with a token over a real socket.
func dial(t *testing.T, s *stack.Running, token string) (*client.Client, error) {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.Dial(t.Context(), s.URL, client.Options{
		GetToken:  func(context.Context, bool) (string, error) { return token, nil },
		Transport: client.WebSocket{HTTPClient: &http.Client{Transport: transport}},
	})
	if err == nil {
		t.Cleanup(func() { _ = c.Close(); <-c.Done() })
	}
	return c, err
}

func as(t *testing.T, s *stack.Running, user string) *client.Client {
	t.Helper()
	token, err := s.Token(user, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dial(t, s, token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refused checks that an error is the server's, with a code and a sentence.
func refused(t *testing.T, err error, code protocol.Code, sentence string) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, sentence) {
		t.Errorf("got %v, want %s: …%s…", err, code, sentence)
	}
}

func TestWordsAreMaskedAndAdvertisementsRefused(t *testing.T) {
	t.Parallel()
	s := run(t, io.Discard)
	ada, bob := as(t, s, "ada").Join("lobby"), as(t, s, "bob").Join("lobby")
	for _, room := range []*client.Room{ada, bob} {
		if _, err := room.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := ada.Publish(t.Context(), map[string]any{"text": "Buy now and save"})
	refused(t, err, protocol.Forbidden, "advertisements")
	// A refused message takes no number, and a repetition finds the masked one.
	for _, duplicate := range []bool{false, true} {
		published, err := ada.Publish(t.Context(), map[string]any{"text": "heck, it works", "mood": 1}, client.Key("k"))
		if err != nil || published.Seq != 1 || published.Duplicate != duplicate {
			t.Fatalf("%+v, %v", published, err)
		}
	}
	if m, err := bob.Next(t.Context()); err != nil || string(m.Data) != `{"mood":1,"text":"****, it works"}` {
		t.Errorf("bob got %s, %v", m.Data, err)
	}
}

func TestRoomsOfATeamAreTheTeams(t *testing.T) {
	t.Parallel()
	s := run(t, io.Discard)
	ada, eve := as(t, s, "ada"), as(t, s, "eve")
	room := ada.Join("team.engines.plans")
	if _, err := room.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := room.Publish(t.Context(), "the plan"); err != nil {
		t.Fatal(err)
	}
	// Whether a team or a room exists cannot be told from outside.
	for _, name := range []string{"team.engines.plans", "team.engines.none", "team.nobody.none"} {
		_, err := eve.Join(name).Ready(t.Context())
		refused(t, err, protocol.Forbidden, "a team that you are not in")
		_, err = eve.Room(name).History(t.Context(), client.HistoryQuery{})
		refused(t, err, protocol.Forbidden, "a team that you are not in")
		_, err = eve.Room(name).Presence(t.Context())
		refused(t, err, protocol.Forbidden, "a team that you are not in")
	}
}

func TestMachinesHaveKeys(t *testing.T) {
	t.Parallel()
	s := run(t, io.Discard)
	room := as(t, s, "ada").Join("telemetry.pump.1")
	if _, err := room.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	pump, err := dial(t, s, "key.pump.sesame")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pump.Room("telemetry.pump.1").Publish(t.Context(), 21.5); err != nil {
		t.Fatal(err)
	}
	if m, err := room.Next(t.Context()); err != nil || m.User != "machine:pump" {
		t.Errorf("ada got %+v, %v", m, err)
	}
	_, err = pump.Room("lobby").Publish(t.Context(), 1)
	refused(t, err, protocol.Forbidden, "does not grant publish")
	_, err = pump.Room("telemetry.pump.1").History(t.Context(), client.HistoryQuery{})
	refused(t, err, protocol.Forbidden, "does not grant history")
	for _, key := range []string{"key.pump.open", "key.pump.", "key.none.sesame", "key."} {
		if _, err := dial(t, s, key); err == nil {
			t.Errorf("%s was let in", key)
		}
	}
}

// TestWhoIsMentionedIsNotified each time under the same id, for what was sent
// again may be what was never told.
func TestWhoIsMentionedIsNotified(t *testing.T) {
	t.Parallel()
	var logged output
	s := run(t, &logged)
	ada := as(t, s, "ada").Room("lobby")
	for range 3 {
		if _, err := ada.Publish(t.Context(), map[string]any{"text": "hello @grace"}, client.Key("k")); err != nil {
			t.Fatal(err)
		}
	}
	notices := regexp.MustCompile(`notice (\S+): grace was mentioned in lobby, number 1`).FindAllStringSubmatch(logged.String(), -1)
	ids := map[string]bool{}
	for _, notice := range notices {
		ids[notice[1]] = true
	}
	if len(notices) != 3 || len(ids) != 1 {
		t.Errorf("%d notices under the ids %v", len(notices), ids)
	}
}

func TestNoticeThatFailsIsGivenWithTheRepetition(t *testing.T) {
	t.Parallel()
	var told []string
	failure := errors.New("the queue is down")
	r := &rules{notify: func(_ context.Context, id, _ string, _ hook.Published) error {
		told = append(told, id)
		return failure
	}}
	p := hook.Published{Publish: hook.Publish{Room: "lobby", Data: []byte(`{"text":"hello @grace"}`)}, Epoch: "e", Seq: 7}
	if err := r.AfterPublish(t.Context(), p); !errors.Is(err, failure) {
		t.Fatal(err)
	}
	failure, p.Duplicate = nil, true
	if err := r.AfterPublish(t.Context(), p); err != nil || !slices.Equal(told, []string{"lobby/e/7/grace", "lobby/e/7/grace"}) {
		t.Errorf("%v, told %v", err, told)
	}
}

func TestServesAsPrinted(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	stop()
	if err := serve(ctx, "127.0.0.1:0"); err != nil {
		t.Error(err)
	}
}
