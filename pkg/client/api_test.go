package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	refused := func(code protocol.Code, temporary bool) error {
		return &Error{Code: code, Message: "no", RetryAfter: 3 * time.Second, temporary: temporary}
	}
	status := func(n int) error { return &DialError{Status: n, Err: errors.New("no")} }
	closed := func(final bool) error {
		return &CloseError{Code: 3503, Reason: "kicked", After: 2 * time.Second, final: final}
	}
	for _, test := range []struct {
		err                          error
		text                         string
		temporary, hopeless, noToken bool
		pause                        time.Duration
	}{
		{ErrClosed, "client is closed", false, false, false, 0},
		{ErrLeft, "room was left", false, false, false, 0},
		{ErrNotJoined, "room was not joined", false, false, false, 0},
		{ErrQueueFull, "too many publishes wait", true, false, false, 0},
		{ErrUnacknowledged, "publish was not acknowledged in time", false, false, false, 0},
		{ErrDisconnected, "not connected", true, false, false, 0},
		{ErrNoAnswer, "no answer in time", true, false, false, 0},
		{refused(protocol.Forbidden, false), "forbidden: no", false, true, false, 3 * time.Second},
		{refused(protocol.Unavailable, true), "unavailable: no", true, false, false, 3 * time.Second},
		{refused(protocol.Unauthenticated, false), "unauthenticated: no", false, true, true, 3 * time.Second},
		{refused(protocol.TokenExpired, false), "token_expired: no", false, false, true, 3 * time.Second},
		{closed(true), "connection closed with 3503: kicked", false, true, false, 2 * time.Second},
		{closed(false), "connection closed with 3503: kicked", true, false, false, 2 * time.Second},
		{&CloseError{Code: 1006}, "connection closed with 1006", true, false, false, 0},
		{status(0), "open connection: no", true, false, false, 0},
		{status(399), "handshake refused with status 399", true, false, false, 0},
		{status(400), "handshake refused with status 400", false, true, false, 0},
		{status(401), "handshake refused with status 401", false, true, true, 0},
		{status(408), "handshake refused with status 408", true, false, false, 0},
		{status(409), "handshake refused with status 409", false, true, false, 0},
		{status(429), "handshake refused with status 429", true, false, false, 0},
		{status(499), "handshake refused with status 499", false, true, false, 0},
		{status(500), "handshake refused with status 500", true, false, false, 0},
		{&TokenError{errors.New("no")}, "get token or URL: no", true, false, false, 0},
		{&ResetError{Room: "r", From: Position{"e", 4}, To: Position{"f", 1}}, "messages of room r are lost between e/4 and f/1", false, false, false, 0},
	} {
		if test.err.Error() != test.text || passing(test.err) != test.temporary || hopeless(test.err) != test.hopeless ||
			badToken(test.err) != test.noToken || pause(test.err) != test.pause {
			t.Errorf("%v: temporary %v, hopeless %v, bad token %v, pause %v", test.err, passing(test.err), hopeless(test.err), badToken(test.err), pause(test.err))
		}
	}
	cause := errors.New("cause")
	if !errors.Is(&DialError{Err: cause}, cause) || !errors.Is(&TokenError{cause}, cause) {
		t.Error("the cause is lost")
	}
	if passing(cause) || hopeless(cause) || hasCode(cause, "") {
		t.Error("an error of others says nothing")
	}
	got := wireError(&protocol.Error{Code: "c", Message: "m", Temporary: true, RetryAfterMs: 1500})
	if want := (&Error{"c", "m", 1500 * time.Millisecond, true}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	o := Options{}.WithDefaults()
	if o.MaxPending != 1000 || o.KeyWindow != 8*time.Minute || o.MaxBuffered != 1000 || o.SyncEvery != 5*time.Minute || len(o.Session) < 16 ||
		o.Logger == nil || o.Transport != (WebSocket{}) || o.Clock != clock.System() || o.Rand == nil || o.Session == (Options{}).WithDefaults().Session {
		t.Errorf("got %+v", o)
	}
	set := Options{Session: "s", MaxPending: 1, KeyWindow: 2, MaxBuffered: 3, SyncEvery: 4, Transport: &memory{}, Clock: &frozen{}}.WithDefaults()
	if set.Session != "s" || set.MaxPending != 1 || set.KeyWindow != 2 || set.MaxBuffered != 3 || set.SyncEvery != 4 ||
		!reflect.DeepEqual(set.Transport, &memory{}) || !reflect.DeepEqual(set.Clock, &frozen{}) {
		t.Errorf("got %+v", set)
	}
	for name, options := range map[string]Options{
		"MaxPending": {MaxPending: -1}, "MaxBuffered": {MaxBuffered: -1}, "KeyWindow": {KeyWindow: -1}, "SyncEvery": {SyncEvery: -1},
		"Session": {Session: strings.Repeat("x", 65)},
	} {
		options.Transport = &memory{}
		if c, err := Dial(t.Context(), "memory:", options); err == nil || c != nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestBackoffDoublesToThirtySeconds(t *testing.T) {
	t.Parallel()
	o := Options{Rand: func() float64 { return 0.5 }}
	for tries, want := range map[int]time.Duration{0: 500, 1: 1000, 2: 2000, 3: 4000, 4: 8000, 5: 15000, 6: 15000, 1000: 15000} {
		if got := o.backoff(tries); got != want*time.Millisecond {
			t.Errorf("after %d attempts: %v", tries, got)
		}
	}
}

func TestByeSaysWhetherToComeBack(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for _, test := range []struct {
		f    frame
		want CloseError
	}{
		{frame{Code: 3499, Reason: "r", AfterMs: 1500}, CloseError{3499, "r", 1500 * time.Millisecond, false}},
		{frame{Code: 3500, AfterMs: -1}, CloseError{3500, "", 0, true}},
		{frame{Code: 3001, Reconnect: &no}, CloseError{3001, "", 0, true}},
		{frame{Code: 3503, Reconnect: &yes}, CloseError{3503, "", 0, false}},
	} {
		if got := test.f.bye(); *got != test.want {
			t.Errorf("%+v: %+v", test.f, got)
		}
	}
}

func TestMessagesAreDecoded(t *testing.T) {
	t.Parallel()
	m := newMessage("r", "e", protocol.Entry{Seq: 7, User: "ada", At: 1500, Key: "k", Data: []byte(`{"a":1}`)})
	want := Message{Room: "r", Position: Position{"e", 7}, User: "ada", At: time.UnixMilli(1500), Key: "k", Data: json.RawMessage(`{"a":1}`)}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v", m)
	}
	var v struct{ A int }
	if err := m.Decode(&v); err != nil || v.A != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := m.Decode(new(string)); err == nil || !strings.HasPrefix(err.Error(), "decode message 7 of room r: ") {
		t.Errorf("got %v", err)
	}
	for name, p := range map[string]page{
		"nothing": {}, "error": {Error: &protocol.Error{}}, "messages": {Messages: []protocol.Entry{}}, "recovered": {Recovered: true},
		"head": {Head: 1}, "epoch": {Epoch: "e"},
	} {
		if p.absent() != (name == "nothing") {
			t.Errorf("an answer with %s: absent is %v", name, p.absent())
		}
	}
}

func TestClientTellsOfItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := online(t, Options{Session: "phone"})
		if state, err := c.State(); state != Connected || err != nil || c.User() != "ada" || c.Session() != "phone" {
			t.Errorf("%s, %v, %s, %s", state, err, c.User(), c.Session())
		}
		room := c.Join("lobby", Last(-1))
		if c.Join("lobby") != room || c.Room("lobby") != room || room.Name() != "lobby" {
			t.Error("the same name gives another room")
		}
		synctest.Wait()
		s.answer(t, `{"epoch":"e","head":5,"recovered":true,"messages":[],"more":false}`)
		if head, err := room.Ready(t.Context()); head != (Position{"e", 5}) || err != nil {
			t.Errorf("ready at %v, %v", head, err)
		}
		other := c.Room("other")
		if _, err := other.Next(t.Context()); !errors.Is(err, ErrNotJoined) {
			t.Errorf("a room that was not joined: %v", err)
		}
		if _, err := other.Ready(t.Context()); !errors.Is(err, ErrNotJoined) {
			t.Errorf("a room that was not joined: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		<-c.Done()
		if state, err := c.State(); state != Closed || !errors.Is(err, ErrClosed) {
			t.Errorf("%s, %v", state, err)
		}
		if _, err := c.Join("late").Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("a join after the end: %v", err)
		}
		if err := c.Room("late").Send(t.Context(), 1); !errors.Is(err, ErrDisconnected) {
			t.Errorf("a message after the end: %v", err)
		}
	})
}

func TestDialThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &memory{}
		var states []State
		failed := make(chan error)
		go func() {
			c, err := Dial(t.Context(), "memory:", Options{Transport: server, OnState: func(s StateChange) { states = append(states, s.State) }})
			if c != nil {
				t.Error("there is a client")
			}
			failed <- err
		}()
		synctest.Wait()
		server.socket(1).opened <- errors.New("refused")
		var dial *DialError
		if err := <-failed; !errors.As(err, &dial) || !strings.HasPrefix(err.Error(), "dial: ") {
			t.Errorf("got %v", err)
		}
		if !slices.Equal(states, []State{Closed}) {
			t.Errorf("told %v", states)
		}
	}) // which fails if a goroutine is left
}

func TestHistoryAndPresence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := online(t, Options{})
		room := c.Room("lobby")
		type answer struct {
			page HistoryPage
			err  error
		}
		ask := func(q HistoryQuery, wantFields, ok string) answer {
			t.Helper()
			got := make(chan answer, 1)
			go func() {
				page, err := room.History(t.Context(), q)
				got <- answer{page, err}
			}()
			synctest.Wait()
			s.mu.Lock()
			sent := slices.Clone(s.sent)
			s.mu.Unlock()
			if len(sent) != 1 || !strings.HasSuffix(sent[0], `"action":"history","room":"lobby",`+wantFields+`}`) {
				t.Errorf("asked %v", sent)
			}
			s.answer(t, ok)
			return <-got
		}
		a := ask(HistoryQuery{Since: Position{"e", 4}, Limit: 2}, `"since":4,"epoch":"e","limit":2`,
			`{"epoch":"e","head":9,"oldest":2,"recovered":true,"more":true,"messages":[{"seq":5,"user":"bob","at":1,"data":5},{"seq":6,"void":true}]}`)
		want := HistoryPage{Epoch: "e", Head: 9, Oldest: 2, First: 5, Last: 6, More: true, Messages: []Message{newMessage("lobby", "e", protocol.Entry{Seq: 5, User: "bob", At: 1, Data: []byte("5")})}}
		if a.err != nil || !reflect.DeepEqual(a.page, want) {
			t.Errorf("%+v, %v", a.page, a.err)
		}
		a = ask(HistoryQuery{Before: 4}, `"before":4`, `{"epoch":"e","head":9,"recovered":true,"more":false,"messages":[]}`)
		if want := (HistoryPage{Epoch: "e", Head: 9}); a.err != nil || !reflect.DeepEqual(a.page, want) {
			t.Errorf("%+v, %v", a.page, a.err)
		}
		a = ask(HistoryQuery{Since: Position{"e", 4}}, `"since":4,"epoch":"e"`, `{"epoch":"f","head":9,"oldest":8,"recovered":false,"more":false,"messages":[]}`)
		var reset *ResetError
		if !errors.As(a.err, &reset) || *reset != (ResetError{"lobby", Position{"e", 4}, Position{"f", 9}, 8}) {
			t.Errorf("got %v", a.err)
		}
		if a = ask(HistoryQuery{}, `"since":0`, `5`); a.err == nil {
			t.Error("an answer that cannot be read is taken")
		}
		present := make(chan Presence, 1)
		go func() {
			p, err := room.Presence(t.Context())
			if err != nil {
				t.Error(err)
			}
			present <- p
		}()
		synctest.Wait()
		s.answer(t, `{"count":3,"users":[{"user":"ada","sessions":2},{"user":"bob","sessions":1}]}`)
		if got, want := <-present, (Presence{3, []PresenceUser{{"ada", 2}, {"bob", 1}}}); !reflect.DeepEqual(got, want) {
			t.Errorf("present: %+v", got)
		}
	})
}

func TestAddressesOfWebSockets(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "wss://", "ftp://a", "://", "a.example.com"} {
		_, err := WebSocket{}.Dial(t.Context(), address, nil)
		if !hasCode(err, protocol.BadRequest) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestWebSocket tries the transport of production against a server that echoes,
// and then closes.
func TestWebSocket(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		socket, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		socket.SetReadLimit(maxServerFrame)
		for {
			_, frame, err := socket.Read(r.Context())
			if err != nil {
				return
			}
			if string(frame) == "close" {
				_ = socket.Close(3503, "kicked")
				return
			}
			_ = socket.Write(r.Context(), websocket.MessageText, frame)
		}
	}))
	t.Cleanup(server.Close)
	var dial *DialError
	if _, err := (WebSocket{}).Dial(t.Context(), server.URL, nil); !errors.As(err, &dial) || dial.Status != http.StatusUnauthorized {
		t.Errorf("without a token: %v", err)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if _, err := (WebSocket{}).Dial(t.Context(), gone.URL, nil); !errors.As(err, &dial) || dial.Status != 0 {
		t.Errorf("no server: %v", err)
	}
	open := func() Conn {
		conn, err := WebSocket{HTTPClient: server.Client()}.Dial(t.Context(), strings.Replace(server.URL, "http", "ws", 1), http.Header{"Authorization": {"Bearer token"}})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	conn := open()
	largest := []byte(strings.Repeat("x", 1<<20))
	if err := conn.Write(t.Context(), largest); err != nil {
		t.Fatal(err)
	}
	if got, err := conn.Read(t.Context()); err != nil || string(got) != string(largest) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := conn.Write(t.Context(), []byte("close")); err != nil {
		t.Fatal(err)
	}
	var closed *CloseError
	if _, err := conn.Read(t.Context()); !errors.As(err, &closed) || *closed != (CloseError{Code: 3503, Reason: "kicked"}) {
		t.Errorf("got %v", err)
	}
	for _, end := range []func(Conn) error{Conn.Close, Conn.CloseNow} {
		conn := open()
		if err := end(conn); err != nil {
			t.Errorf("end: %v", err)
		}
		if err := conn.Write(t.Context(), []byte("x")); err == nil {
			t.Error("written to a line that is closed")
		}
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := conn.Read(ctx); err == nil {
			t.Error("read from a line that is closed")
		}
		cancel()
	}
}

// TestFinalByeEndsEverythingWithItsReason: every call says why from then on.
func TestFinalByeEndsEverythingWithItsReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []StateChange
		c, s := online(t, Options{OnState: func(change StateChange) { told = append(told, change) }})
		room := c.Join("lobby")
		synctest.Wait()
		s.answer(t, `{"epoch":"e","head":0,"recovered":true,"messages":[],"more":false}`)
		waiting := make(chan error, 1)
		go func() {
			_, err := room.Publish(t.Context(), "hi")
			waiting <- err
		}()
		synctest.Wait()
		s.toPeer <- []byte(`{"push":"bye","code":3503,"reason":"kicked","reconnect":false}`)
		<-c.Done()
		why := CloseError{Code: 3503, Reason: "kicked", final: true}
		check := func(name string, err error) {
			t.Helper()
			var closed *CloseError
			if !errors.Is(err, ErrClosed) || !errors.As(err, &closed) || *closed != why {
				t.Errorf("%s: %v", name, err)
			}
		}
		check("a publish that waited", <-waiting)
		_, err := room.Next(t.Context())
		check("Next", err)
		_, err = room.Publish(t.Context(), "late")
		check("Publish", err)
		_, err = room.History(t.Context(), HistoryQuery{})
		check("History", err)
		_, err = c.Room("other").Presence(t.Context())
		check("Presence", err)
		_, err = c.Join("late").Next(t.Context())
		check("Next of a room that was joined after", err)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		var closed *CloseError
		if state, err := c.State(); state != Closed || !errors.As(err, &closed) || errors.Is(err, ErrClosed) || *closed != why {
			t.Errorf("%s, %v", state, err)
		}
		if len(told) != 2 || told[0].State != Connected || told[1].State != Closed || !errors.As(told[1].Err, &closed) {
			t.Errorf("told %+v", told)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			t.Error("the line is still open")
		}
	})
}
