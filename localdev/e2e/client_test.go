package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// client is a raw protocol client of a test: a socket, replies matched by id,
// pushes in the order of their arrival.
type client struct {
	t      *testing.T
	socket *websocket.Conn
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	nextID  int
	waiting map[int]chan reply
	closed  error

	pushes chan push
	stray  chan reply // errors that answer a command without an id
}

type reply struct {
	ID    int             `json:"id"`
	OK    json.RawMessage `json:"ok"`
	Error *protocol.Error `json:"error"`
}

type push struct {
	Push     protocol.Push    `json:"push"`
	Room     string           `json:"room"`
	Epoch    string           `json:"epoch"`
	Messages []protocol.Entry `json:"messages"`
	User     string           `json:"user"`
	Data     json.RawMessage  `json:"data"`
	Joined   []string         `json:"joined"`
	Left     []string         `json:"left"`
	Count    int              `json:"count"`
	Code     int              `json:"code"`
	AfterMs  int64            `json:"afterMs"`
	Head     uint64           `json:"head"`
	Bye      bool             `json:"reconnect"`
}

type page struct {
	Epoch     string           `json:"epoch"`
	Head      uint64           `json:"head"`
	Recovered bool             `json:"recovered"`
	Messages  []protocol.Entry `json:"messages"`
	More      bool             `json:"more"`
	Oldest    uint64           `json:"oldest"`
	Error     *protocol.Error  `json:"error"`
}

type m = map[string]any

// connect opens a socket that is authenticated in the handshake.
func connect(t *testing.T, s *stack.Running, user string) *client {
	t.Helper()
	token, err := s.Token(user, nil)
	if err != nil {
		t.Fatal(err)
	}
	return dial(t, s, http.Header{"Authorization": {"Bearer " + token}})
}

func dial(t *testing.T, s *stack.Running, header http.Header) *client {
	t.Helper()
	return dialURL(t, s.URL, header)
}

func dialURL(t *testing.T, url string, header http.Header) *client {
	t.Helper()
	socket, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	socket.SetReadLimit(1 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	c := &client{
		t: t, socket: socket, cancel: cancel, done: make(chan struct{}),
		waiting: map[int]chan reply{}, pushes: make(chan push, 10_000), stray: make(chan reply, 100),
	}
	go c.read(ctx)
	t.Cleanup(c.close)
	return c
}

func (c *client) close() {
	c.cancel()
	_ = c.socket.CloseNow()
	<-c.done
}

func (c *client) read(ctx context.Context) {
	defer close(c.done)
	defer close(c.pushes)
	for {
		_, b, err := c.socket.Read(ctx)
		if err != nil {
			c.mu.Lock()
			c.closed = err
			for _, w := range c.waiting {
				close(w)
			}
			c.waiting = nil
			c.mu.Unlock()
			return
		}
		if strings.HasPrefix(string(b), `{"push"`) {
			var p push
			if err := json.Unmarshal(b, &p); err != nil {
				panic("push that cannot be read: " + string(b))
			}
			c.pushes <- p
			continue
		}
		var r reply
		if err := json.Unmarshal(b, &r); err != nil {
			panic("reply that cannot be read: " + string(b))
		}
		c.mu.Lock()
		w := c.waiting[r.ID]
		delete(c.waiting, r.ID)
		c.mu.Unlock()
		if w == nil {
			c.stray <- r
			continue
		}
		w <- r
	}
}

// start sends a command with an id and returns where its reply arrives.
func (c *client) start(command m) <-chan reply {
	c.t.Helper()
	w := make(chan reply, 1)
	c.mu.Lock()
	if c.waiting == nil {
		c.mu.Unlock()
		c.t.Fatalf("send %v: connection is closed: %v", command["action"], c.closed)
	}
	c.nextID++
	command["id"] = c.nextID
	c.waiting[c.nextID] = w
	c.mu.Unlock()
	b, err := json.Marshal(command)
	if err != nil {
		c.t.Fatal(err)
	}
	c.raw(string(b))
	return w
}

func (c *client) raw(text string) {
	c.t.Helper()
	if err := c.socket.Write(c.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// call sends a command and reads its result; it fails the test on an error.
func call[T any](c *client, command m) T {
	c.t.Helper()
	r := c.answer(c.start(command))
	if r.Error != nil {
		c.t.Fatalf("%v: %v", command, r.Error)
	}
	var result T
	if err := json.Unmarshal(r.OK, &result); err != nil {
		c.t.Fatalf("%v: %v in %s", command, err, r.OK)
	}
	return result
}

// refused sends a command that must fail and returns how.
func (c *client) refused(command m) *protocol.Error {
	c.t.Helper()
	r := c.answer(c.start(command))
	if r.Error == nil {
		c.t.Fatalf("%v: answered %s, want an error", command, r.OK)
	}
	return r.Error
}

func (c *client) answer(w <-chan reply) reply {
	c.t.Helper()
	select {
	case r, ok := <-w:
		if !ok {
			c.t.Fatalf("connection closed before the reply: %v", c.closed)
		}
		return r
	case <-c.t.Context().Done():
		c.t.Fatal("test over before the reply")
		panic("unreachable")
	}
}

// next returns the next push of one kind, passing over the others.
func (c *client) next(kind protocol.Push) push {
	c.t.Helper()
	for {
		select {
		case p, ok := <-c.pushes:
			if !ok {
				c.t.Fatalf("connection closed before a push %q: %v", kind, c.closed)
			}
			if p.Push == kind {
				return p
			}
		case <-c.t.Context().Done():
			c.t.Fatalf("test over before a push %q", kind)
		}
	}
}

// left waits for the push that the user has left a room; who came may still be
// told before.
func (c *client) left(user string) push {
	c.t.Helper()
	for {
		if p := c.next(protocol.PushPresence); slices.Contains(p.Left, user) {
			return p
		}
	}
}

// receive reads live messages until the given number has come, and checks that
// they ascend.
func (c *client) receive(after, upto uint64) []protocol.Entry {
	c.t.Helper()
	var got []protocol.Entry
	for last := after; last < upto; {
		for _, e := range c.next(protocol.PushMessages).Messages {
			if e.Seq <= last {
				continue // doubled by at-least-once delivery
			}
			got = append(got, e)
			last = e.Seq
		}
	}
	return got
}

func publish(c *client, room string, data any, key string) protocol.PublishResult {
	c.t.Helper()
	command := m{"action": "publish", "room": room, "data": data}
	if key != "" {
		command["key"] = key
	}
	return call[protocol.PublishResult](c, command)
}

func join(c *client, room string, since *uint64, epoch string) page {
	c.t.Helper()
	command := m{"action": "join", "room": room}
	if since != nil {
		command["since"] = *since
	}
	if epoch != "" {
		command["epoch"] = epoch
	}
	return call[page](c, command)
}
