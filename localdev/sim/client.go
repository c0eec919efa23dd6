package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

const (
	// patience is how long a client waits for a reply before it asks again.
	patience = 6 * time.Second
	// heartbeat and syncEvery are when a silent client pings and, in classes
	// with Sync, asks whether it missed anything.
	heartbeat = 45 * time.Second
	syncEvery = 70 * time.Second
)

// client is a reference model of an SDK. One goroutine keeps it connected and
// in its rooms, one publishes, one reads each connection, and one does what
// the script says.
type client struct {
	member
	w     *world
	index int

	mu        sync.Mutex
	token     string
	fresh     bool   // a new token is to be presented on the live connection
	exchanged bool   // it has, or had, a token that is not its first
	losing    string // the room that it does not grant
	link      *link
	rotate    bool  // another connection is to be opened before this one is closed
	old       *link // to be closed once the new one has joined
	links     int
	away      time.Time // not before then it connects
	ended     string    // why it does not come back, "" if it does
	errs      int       // failures in a row
	follows   map[string]*follow
	outbox    []*message
	messages  []*message // all that it ever published
	synced    time.Time
	pinged    time.Time
	nextID    int
	pauses    map[string]int
	keep      chan struct{} // something to do for the keeper
	send      chan struct{} // or for the publisher
}

// message is something that a client publishes.
type message struct {
	room, key, data string
	user            string
	client          int
	twice           bool
	begun           time.Duration // first sent; -1: never
	acked           time.Duration // -1: not yet
	position        protocol.PublishResult
	tries, most     int // most: it gives up then; 0: never
}

// link is one connection of a client.
type link struct {
	conn   *gateway.Conn
	id     string
	number int // counts the client's connections
	// expires is when the token that it was opened with does; 0: not in this
	// run, or a fresh one was taken since.
	expires time.Duration
	closed  chan struct{}
	waiting map[int]chan reply
	frames  int
	silent  int             // replies that did not come, in a row
	wire    map[line]uint64 // highest number pushed
	seen    map[place]int   // how often each entry was pushed
	pushed  struct {        // the last frame of messages
		log   line
		seq   uint64
		bytes int
		at    time.Duration
	}
}

// line is a room's log in one epoch.
type line struct{ room, epoch string }

type reply struct {
	ID      int             `json:"id"`
	OK      json.RawMessage `json:"ok"`
	Error   *protocol.Error `json:"error"`
	Push    protocol.Push   `json:"push"`
	Message string          `json:"message"`

	Room      string           `json:"room"`
	Epoch     string           `json:"epoch"`
	Messages  []protocol.Entry `json:"messages"`
	Code      int              `json:"code"`
	Reconnect bool             `json:"reconnect"`
	AfterMs   int64            `json:"afterMs"`
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

type fields = map[string]any

func newClient(w *world, index int, m member) (*client, error) {
	c := &client{
		member: m, w: w, index: index, follows: map[string]*follow{},
		pauses: map[string]int{}, keep: make(chan struct{}, 1), send: make(chan struct{}, 1),
	}
	for _, room := range m.Rooms {
		f := newFollow()
		f.want = true
		c.follows[room] = f
	}
	return c, c.sign(m.Valid, c.Grants)
}

// less is what a fresh token grants: the rooms, but not who is in them.
func (c *client) less() auth.Permissions {
	permissions := auth.Permissions{}
	for _, room := range c.Rooms {
		permissions[room] = []auth.Action{auth.Join, auth.Publish}
	}
	return permissions
}

func (c *client) sign(valid time.Duration, permissions auth.Permissions) error {
	if valid == 0 {
		valid = 24 * time.Hour
	}
	token, err := c.w.stack.Tokens.Sign(c.User, valid, permissions)
	c.token = token // the caller holds mu, or nobody else knows c yet
	return err
}

func (c *client) name() string { return fmt.Sprintf("client %d %s", c.index, c.User) }

func (c *client) note(room, format string, args ...any) {
	c.w.note(event{actor: c.name(), text: fmt.Sprintf(format, args...), room: room})
}

// pause is a short time of the client's own.
func (c *client) pause(what string, least, most time.Duration) time.Duration {
	c.mu.Lock()
	c.pauses[what]++
	n := c.pauses[what]
	c.mu.Unlock()
	return latency(c.w.Seed, least, most, "pause", c.name(), what, strconv.Itoa(n))
}

func (c *client) wait(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

func (c *client) nudge() {
	nudge(c.keep)
	nudge(c.send)
}

// keeper connects, joins, leaves, fills gaps, pings and syncs, one at a time.
func (c *client) keeper(ctx context.Context) {
	c.wait(ctx, c.pause("start", 0, 1500*time.Millisecond), nil)
	for ctx.Err() == nil {
		again := c.chore(ctx)
		if again < 0 {
			c.wait(ctx, c.pause("chore", 200*time.Microsecond, 3*time.Millisecond), nil)
			continue
		}
		if !c.wait(ctx, again, c.keep) {
			return
		}
		c.wait(ctx, c.pause("keep", 100*time.Microsecond, time.Millisecond), nil)
	}
}

// chore does one thing and returns -1, or for how long there is nothing to do.
func (c *client) chore(ctx context.Context) time.Duration {
	c.mu.Lock()
	l, ended, away, fresh, rotate, old := c.link, c.ended, c.away, c.fresh, c.rotate, c.old
	c.mu.Unlock()
	now := time.Now()
	switch {
	case ended != "":
		return time.Hour
	case l == nil && now.Before(away):
		return away.Sub(now)
	case l == nil:
		return c.outcome(c.connect(ctx))
	case rotate:
		return c.outcome(c.rotateFrom(ctx, l))
	case fresh:
		return c.outcome(c.authenticate(ctx, l))
	}
	for _, room := range c.sorted() {
		c.mu.Lock()
		f := c.follows[room]
		if f.flapped {
			f.flapped, f.joined = false, !f.want
		}
		want, joined, gap, behind, denied := f.want, f.joined, f.gap, f.behind, f.denied
		cut := f.cut || f.strange
		c.mu.Unlock()
		switch {
		case want && !denied && (!joined || behind):
			return c.outcome(c.join(ctx, l, room))
		case !want && joined:
			return c.outcome(c.leave(ctx, l, room))
		case want && gap && (cut || !c.w.class.PushOnly):
			return c.outcome(c.history(ctx, l, room))
		}
	}
	if old != nil {
		_ = old.conn.Close(1000, "")
		c.mu.Lock()
		c.old = nil
		c.mu.Unlock()
		return -1
	}
	if c.w.class.Sync && now.Sub(c.synced) > syncEvery {
		c.synced = now
		for _, room := range c.sorted() {
			if err := c.sync(ctx, l, room); err != nil {
				return c.outcome(err)
			}
		}
		return -1
	}
	if now.Sub(c.pinged) > heartbeat {
		c.pinged = now
		_ = l.conn.Send(ctx, `{"action":"ping"}`)
		return -1
	}
	next := c.pinged.Add(heartbeat)
	if sync := c.synced.Add(syncEvery); c.w.class.Sync && sync.Before(next) {
		next = sync
	}
	return max(time.Millisecond, next.Sub(now)+time.Millisecond)
}

func (c *client) sorted() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.follows))
}

// outcome turns a failure into a pause that grows.
func (c *client) outcome(err error) time.Duration {
	if err == nil {
		c.errs = 0
		return -1
	}
	c.errs++
	return c.pause("backoff", 100*time.Millisecond, 300*time.Millisecond) * time.Duration(min(c.errs, 5))
}

var errAway = errors.New("no connection")

// connect dials, and comes back into all rooms by one hello if it is the
// client's way.
func (c *client) connect(ctx context.Context) error {
	c.mu.Lock()
	token, valid := c.token, c.Valid
	c.links++
	c.mu.Unlock()
	dialing, cancel := context.WithTimeout(ctx, 12*time.Second)
	defer cancel()
	with := gateway.DialOptions{Header: http.Header{"Authorization": {"Bearer " + token}}}
	switch {
	case c.Ticket:
		ticket, err := c.w.ticket(ctx, c.User)
		if err != nil {
			return err
		}
		with = gateway.DialOptions{Query: url.Values{"ticket": {ticket}}}
	case c.Silent:
		with = gateway.DialOptions{}
	}
	conn, err := c.w.stack.Gateway.Dial(dialing, with)
	if err != nil {
		c.note("", "cannot connect: %v", err)
		var refused *gateway.HandshakeError
		if errors.As(err, &refused) && refused.StatusCode == http.StatusUnauthorized {
			c.end("token refused")
		}
		return err
	}
	l := &link{conn: conn, id: conn.ID(), closed: make(chan struct{}), waiting: map[int]chan reply{}, wire: map[line]uint64{}, seen: map[place]int{}}
	c.mu.Lock()
	l.number, l.expires = c.links, valid
	c.link = l
	for _, f := range c.follows {
		f.joined = false
	}
	c.mu.Unlock()
	c.w.check.connected(c, l)
	c.note("", "connected as %s", l.id)
	c.w.tasks.Go(func() { c.read(ctx, l) })
	nudge(c.send)
	if c.Hello {
		return c.hello(ctx, l)
	}
	return nil
}

// rotateFrom opens another connection while the old one goes on; it is closed
// once all rooms are joined on the new one.
func (c *client) rotateFrom(ctx context.Context, old *link) error {
	c.mu.Lock()
	c.rotate = false
	c.mu.Unlock()
	err := c.connect(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != old {
		c.old = old
	}
	return err
}

func (c *client) end(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = why
}

// drop ends the connection from the client's side without a word.
func (c *client) drop(l *link, why string) {
	c.note("", "drops %s: %s", l.id, why)
	l.conn.Cut()
}

// ask sends a command and waits for its reply.
func (c *client) ask(ctx context.Context, l *link, command fields) (json.RawMessage, error) {
	w, id, err := c.begin(ctx, l, command)
	if err != nil {
		return nil, err
	}
	return c.await(ctx, l, w, id, command)
}

func (c *client) begin(ctx context.Context, l *link, command fields) (chan reply, int, error) {
	w := make(chan reply, 1)
	c.mu.Lock()
	c.nextID++
	id := c.nextID
	l.waiting[id] = w
	c.mu.Unlock()
	command["id"] = id
	b, err := json.Marshal(command)
	if err != nil {
		return nil, 0, err
	}
	room, _ := command["room"].(string)
	c.w.note(event{actor: c.name(), text: "-> " + brief(string(b)), room: room, quiet: command["action"] == "sync"})
	if err := l.conn.Send(ctx, string(b)); err != nil {
		return nil, 0, err
	}
	return w, id, nil
}

func (c *client) await(ctx context.Context, l *link, w chan reply, id int, command fields) (json.RawMessage, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case r := <-w:
		c.mu.Lock()
		l.silent = 0
		c.mu.Unlock()
		if r.Error != nil {
			return nil, r.Error
		}
		return r.OK, nil
	case <-l.closed:
		return nil, errAway
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
	}
	c.mu.Lock()
	delete(l.waiting, id)
	l.silent++
	silent := l.silent
	c.mu.Unlock()
	c.note("", "no reply to %v %d", command["action"], id)
	if silent >= 2 && !c.w.class.PushOnly {
		c.drop(l, "no replies")
	}
	return nil, context.DeadlineExceeded
}
