package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// step is one step of a scenario; see ../protocol/testdata/behaviour/README.md.
type step map[string]any

type scenario struct {
	Name    string `json:"name"`
	Options struct {
		Queue  map[string]any      `json:"queue"`
		Stored map[string]Position `json:"stored"`
		Random *float64            `json:"random"`
	} `json:"options"`
	Steps []step `json:"steps"`
}

// foreign returns why a scenario does not concern this SDK, "" if it does.
func (s scenario) foreign() string {
	for _, st := range s.Steps {
		switch st["do"] {
		case "hide", "show":
			return "a Go program has no page that is hidden"
		case "reconnect":
			return "after a final bye a Go program dials again"
		}
	}
	if s.Name == "the token is renewed on the live socket a minute before it expires" {
		return "a ping and the renewal are due in one instant, and goroutines have no order in it; see TestTokenIsRenewed"
	}
	if s.Options.Queue["overflow"] == "drop-oldest" {
		return "a publish whose caller waits is not given up for another"
	}
	return ""
}

// TestBehaviour runs the scenarios that all SDKs share.
func TestBehaviour(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../protocol/testdata/behaviour/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var scenarios []scenario
		if err := json.Unmarshal(b, &scenarios); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, s := range scenarios {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json")+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				if why := s.foreign(); why != "" {
					t.Skip(why)
				}
				synctest.Test(t, func(t *testing.T) { play(t, s) })
			})
		}
	}
}

// stage is a running scenario.
type stage struct {
	t      *testing.T
	s      scenario
	server *memory
	clock  *frozen
	client *Client
	vars   map[string]any
	rooms  map[string]*Room
	wait   sync.WaitGroup

	mu     sync.Mutex
	events map[string][]step // what happened and was not taken, by subject
}

func (g *stage) happened(subject string, event step) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events[subject] = append(g.events[subject], event)
}

func (g *stage) take(subject string) (step, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.events[subject]) == 0 {
		return nil, false
	}
	next := g.events[subject][0]
	g.events[subject] = g.events[subject][1:]
	return next, true
}

func play(t *testing.T, s scenario) {
	random := 0.5
	if s.Options.Random != nil {
		random = *s.Options.Random
	}
	g := &stage{t: t, s: s, server: &memory{}, clock: &frozen{}, vars: map[string]any{}, rooms: map[string]*Room{}, events: map[string][]step{}}
	tokens := 0
	options := Options{
		Session: "session", Transport: g.server, Clock: g.clock, RetryDial: true, Rand: func() float64 { return random },
		GetToken: func(_ context.Context, fresh bool) (string, error) {
			tokens++
			if fresh {
				return fmt.Sprintf("fresh-%d", tokens), nil
			}
			return fmt.Sprintf("token-%d", tokens), nil
		},
		OnState: func(c StateChange) {
			e := step{"expect": "state", "state": string(c.State), "code": code(c.Err)}
			if c.RetryIn > 0 {
				e["retryInMs"] = float64(c.RetryIn.Milliseconds())
			}
			g.happened("client", e)
		},
		OnError: func(err error) {
			if !strings.HasPrefix(err.Error(), "room ") { // Next tells it too
				e := step{"expect": "error", "code": code(err)}
				if e["code"] == float64(1006) {
					e["code"] = "disconnected"
				}
				g.happened("client", e)
			}
		},
	}
	if limit, ok := s.Options.Queue["max"].(float64); ok {
		options.MaxPending = int(limit)
	}
	g.client = newClient(t.Context(), "memory:", options.WithDefaults())
	for _, st := range s.Steps[:leading(s.Steps)] {
		g.do(st) // joined before the first connection
	}
	g.wait.Go(func() {
		first, err := g.client.dial(g.client.ctx)
		if err != nil {
			g.client.finish(err)
			return
		}
		g.client.begin(first)
	})
	synctest.Wait()
	for i, st := range s.Steps[leading(s.Steps):] {
		if problem := g.run(st); problem != "" {
			t.Errorf("step %d %v: %s", i+leading(s.Steps), st, problem)
			break
		}
	}
	if !t.Failed() {
		if problem := g.rest(); problem != "" {
			t.Errorf("at the end: %s", problem)
		}
	}
	_ = g.client.Close()
	<-g.client.Done()
	g.wait.Wait()
}

func leading(steps []step) int {
	for i, st := range steps {
		if st["do"] != "join" {
			return i
		}
	}
	return len(steps)
}

func (g *stage) run(st step) string {
	if st["do"] != nil {
		switch st["do"] {
		case "open", "say", "drop", "advance", "wake", "close":
			if problem := g.rest(); problem != "" {
				return problem
			}
		}
		g.do(st)
		synctest.Wait()
		return ""
	}
	return g.expect(st)
}

// rest returns the events that were not expected.
func (g *stage) rest() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	for subject, events := range g.events {
		if len(events) > 0 {
			return fmt.Sprintf("not expected of %s: %v", subject, events)
		}
	}
	g.server.mu.Lock()
	defer g.server.mu.Unlock()
	for i, s := range g.server.sockets {
		s.mu.Lock()
		sent, dialed, closed := s.sent, s.dialed, s.closed
		s.mu.Unlock()
		if len(sent) > 0 || !dialed || closed {
			return fmt.Sprintf("not expected of socket %d: frames %v, new %v, closed %v", i+1, sent, !dialed, closed)
		}
	}
	return ""
}

func number(v any) int { n, _ := v.(float64); return int(n) }

func (g *stage) do(st step) {
	name, _ := st["room"].(string)
	s := g.server.socket(number(st["socket"]))
	switch st["do"] {
	case "join":
		g.join(name, st)
	case "leave":
		room := g.rooms[name]
		g.wait.Go(func() { _ = room.Leave(g.client.ctx) })
	case "publish":
		g.publish(name, st)
	case "send":
		if sent := g.rooms[name].Send(g.t.Context(), st["data"]) == nil; sent != st["sent"] {
			g.t.Errorf("%v: sent is %v", st, sent)
		}
	case "close":
		_ = g.client.Close()
	case "wake":
		g.client.Check()
	case "freeze":
		g.clock.stopFor(time.Duration(number(st["ms"])) * time.Millisecond)
	case "clock":
		g.clock.set(time.Duration(number(st["ms"])) * time.Millisecond)
	case "throttle":
		g.clock.throttle(time.Duration(number(st["ms"])) * time.Millisecond)
	case "advance":
		g.clock.goOn()
		time.Sleep(time.Duration(number(st["ms"])) * time.Millisecond)
	case "open":
		s.opened <- nil
	case "drop":
		why := &CloseError{Code: 1006}
		if c := number(st["code"]); c != 0 {
			why = &CloseError{Code: c, Reason: fmt.Sprint(st["reason"])}
		}
		select {
		case s.opened <- why:
		default:
		}
		s.end(why)
	case "say":
		b, err := json.Marshal(g.filled(st["frame"]))
		if err != nil {
			g.t.Fatal(err)
		}
		s.toPeer <- b
	default:
		g.t.Fatalf("step %v is not understood", st)
	}
}

func (g *stage) join(name string, st step) {
	options := []JoinOption{
		OnEphemeral(func(e Ephemeral) {
			g.happened(name, step{"expect": "ephemeral", "user": e.User, "data": decoded(e.Data)})
		}),
		OnPresence(func(p PresenceChange) {
			g.happened(name, step{"expect": "presence", "joined": list(p.Joined), "left": list(p.Left), "count": float64(p.Count)})
		}),
		Last(number(st["last"])),
	}
	if at, ok := g.s.Options.Stored[name]; ok {
		options = append(options, Since(at))
	}
	room := g.client.Join(name, options...)
	if g.rooms[name] == room {
		return
	}
	g.rooms[name] = room
	g.wait.Go(func() {
		for m, err := range room.Messages() {
			var reset *ResetError
			switch {
			case errors.As(err, &reset):
				e := step{"expect": "reset", "from": position(reset.From), "to": position(reset.To)}
				if reset.Oldest > 0 {
					e["oldest"] = float64(reset.Oldest)
				}
				g.happened(name, e)
			case errors.Is(err, ErrClosed):
			case err != nil:
				g.happened(name, step{"expect": "error", "code": code(err)})
			default:
				e := step{"expect": "message", "room": name, "epoch": m.Epoch, "seq": float64(m.Seq), "user": m.User, "at": float64(m.At.UnixMilli()), "data": decoded(m.Data)}
				if m.Key != "" {
					e["key"] = m.Key
				}
				g.happened(name, e)
			}
		}
	})
}

func (g *stage) publish(name string, st step) {
	as := fmt.Sprint(st["as"])
	ctx, cancel := context.WithCancel(g.t.Context())
	if ms := number(g.s.Options.Queue["timeoutMs"]); ms > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
	}
	key, _ := st["key"].(string)
	g.wait.Go(func() {
		defer cancel()
		p, err := g.client.Room(name).Publish(ctx, st["data"], Key(key))
		e := step{"expect": "published", "code": code(err)}
		if err == nil {
			e = step{"expect": "published", "epoch": p.Epoch, "seq": float64(p.Seq), "duplicate": p.Duplicate}
		}
		g.happened("publish "+as, e)
	})
	synctest.Wait() // the order of calls is the order of publishes
}

func (g *stage) expect(st step) string {
	if st["expect"] == "messages" {
		for seq := number(st["first"]); seq <= number(st["last"]); seq++ {
			if problem := g.expect(step{"expect": "message", "room": st["room"], "seq": float64(seq)}); problem != "" {
				return fmt.Sprintf("%d: %s", seq, problem)
			}
		}
		return ""
	}
	s := g.server.socket(number(st["socket"]))
	subject, _ := st["room"].(string)
	switch st["expect"] {
	case "joined":
		return "" // this SDK has no such event: Ready tells it
	case "dial", "closed", "frame":
		return g.expectSocket(s, st)
	case "published":
		subject = "publish " + fmt.Sprint(st["as"])
	case "state", "error":
		if subject == "" {
			subject = "client"
		}
	}
	got, ok := g.take(subject)
	if !ok {
		return "did not happen"
	}
	for field, want := range st {
		if field == "as" || field == "room" {
			continue
		}
		if !g.match(want, got[field]) {
			return fmt.Sprintf("got %v", got)
		}
	}
	return ""
}

func (g *stage) expectSocket(s *socket, st step) string {
	if s == nil {
		return "no such socket"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch st["expect"] {
	case "dial":
		if s.dialed {
			return "taken already"
		}
		s.dialed = true
	case "closed":
		if !s.closed {
			return "it is open"
		}
		s.closed = false
	case "frame":
		if len(s.sent) == 0 {
			return "no frame"
		}
		for i, sent := range s.sent { // rooms follow their own pace: no order between them
			known := maps.Clone(g.vars)
			if g.match(st["frame"], decoded([]byte(sent))) {
				s.sent = slices.Delete(s.sent, i, i+1)
				return ""
			}
			g.vars = known
		}
		return fmt.Sprintf("got %v", s.sent)
	}
	return ""
}

// match compares whole values; a text that begins with $ stands for any value.
func (g *stage) match(want, got any) bool {
	switch w := want.(type) {
	case string:
		if strings.HasPrefix(w, "$") {
			if known, ok := g.vars[w]; ok {
				return reflect.DeepEqual(known, got)
			}
			g.vars[w] = got
			return got != nil
		}
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok || len(m) != len(w) {
			return false
		}
		for name, value := range w {
			if !g.match(value, m[name]) {
				return false
			}
		}
		return true
	case []any:
		l, ok := got.([]any)
		if !ok || len(l) != len(w) {
			return false
		}
		for i := range w {
			if !g.match(w[i], l[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(want, got)
}

// filled replaces placeholders by their values.
func (g *stage) filled(v any) any {
	switch v := v.(type) {
	case string:
		if known, ok := g.vars[v]; ok {
			return known
		}
	case map[string]any:
		if bounds, ok := v["entries"].([]any); ok {
			return entries(number(bounds[0]), number(bounds[1]))
		}
		m := map[string]any{}
		for name, value := range v {
			m[name] = g.filled(value)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i := range v {
			l[i] = g.filled(v[i])
		}
		return l
	}
	return v
}

// entries are messages of bob, numbered first to last.
func entries(first, last int) []any {
	list := make([]any, 0, last-first+1)
	for seq := first; seq <= last; seq++ {
		list = append(list, map[string]any{"seq": seq, "user": "bob", "at": 1763884800123, "data": fmt.Sprint("m", seq)})
	}
	return list
}

func position(p Position) any { return map[string]any{"epoch": p.Epoch, "seq": float64(p.Seq)} }

func list(names []string) any {
	l := []any{}
	for _, n := range names {
		l = append(l, n)
	}
	return l
}

func decoded(b []byte) any {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		panic(err)
	}
	return v
}

// code returns the scenarios' name of an error.
func code(err error) any {
	var refused *Error
	var closed *CloseError
	var dial *DialError
	var token *TokenError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrQueueFull):
		return "overflow"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, ErrUnacknowledged):
		return "timeout"
	case errors.Is(err, ErrClosed):
		return "closed"
	case errors.Is(err, ErrDisconnected):
		return "disconnected"
	case errors.Is(err, ErrOtherUser):
		return "conflict"
	case errors.As(err, &refused):
		return string(refused.Code)
	case errors.As(err, &closed):
		return float64(closed.Code)
	case errors.As(err, &dial) && errors.Is(err, ErrNoAnswer):
		return "timeout"
	case errors.As(err, &dial):
		return float64(1006)
	case errors.As(err, &token):
		return "token"
	case errors.Is(err, ErrNoAnswer):
		return "no_answer"
	}
	return err.Error()
}
