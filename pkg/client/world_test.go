package client

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// world is a server in memory that keeps the protocol, as badly as it may: late
// answers, lost ones, temporary errors, cut and silent lines, holes, pages cut
// short, members that are left behind. It is the reference that storms are
// checked against.
type world struct {
	mu     sync.Mutex
	random *rand.Rand
	rooms  map[string]*worldRoom
	conns  []*worldConn
	// calm ends all faults, reborn permits logs that start over, rotates makes
	// clients replace their connections.
	calm, reborn, rotates bool
	arrivals, epochs      int
	// told is a trace, for finding the cause of a failure.
	told []string
}

// tell notes what passes. The caller holds mu.
func (w *world) tell(c *worldConn, what string, frame any) {
	w.told = append(w.told, fmt.Sprintf("%s %s %p %s %s", time.Now().Format("04:05.000000"), c.user, c, what, frame))
}

type worldRoom struct {
	name, epoch string
	log         []*worldEntry
	// past holds the logs of earlier epochs.
	past map[string][]*worldEntry
	// pushed is the number up to which entries were pushed.
	pushed  int
	keys    map[string]int
	members map[*worldConn]*worldMember
}

type worldEntry struct {
	entry  step
	origin *worldConn
	filled bool
}

type worldMember struct {
	arrival int
	behind  bool
}

// worldConn is one connection, seen by its client as a Conn.
type worldConn struct {
	w      *world
	user   string
	in     chan []byte
	ended  chan struct{}
	once   sync.Once
	silent bool // nothing passes any more, and nobody says so
	// next is the arrival time of the latest push: pushes keep their order.
	next time.Time
	// left is the arrival of the latest leave of a room: a late join after
	// it counts, an earlier one does not.
	left map[string]int
}

func newWorld(seed uint64) *world {
	return &world{
		random: rand.New(rand.NewPCG(seed, 0)), rooms: map[string]*worldRoom{}, //nolint:gosec // a test
		reborn: seed%4 == 0, rotates: seed%3 == 0,
	}
}

// chance is true once in n times, and never when calm. The caller holds mu.
func (w *world) chance(n int) bool { return !w.calm && w.random.IntN(n) == 0 }

func (w *world) upto(d time.Duration) time.Duration {
	return time.Duration(w.random.Int64N(int64(d)))
}

func (w *world) room(name string) *worldRoom {
	r := w.rooms[name]
	if r == nil {
		r = &worldRoom{name: name, past: map[string][]*worldEntry{}, keys: map[string]int{}, members: map[*worldConn]*worldMember{}}
		w.rooms[name] = r
	}
	return r
}

// Dial implements Transport; the user is told by a header.
func (w *world) Dial(ctx context.Context, _ string, header http.Header) (Conn, error) {
	w.mu.Lock()
	wait, refused := w.upto(300*time.Millisecond), w.chance(10)
	c := &worldConn{
		w: w, user: header.Get("User"), in: make(chan []byte, 10000), ended: make(chan struct{}), left: map[string]int{},
	}
	c.silent = w.chance(20)
	w.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if refused {
		return nil, &DialError{Status: 503}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, c)
	return c, nil
}

func (c *worldConn) Read(ctx context.Context) ([]byte, error) {
	select {
	case b := <-c.in:
		return b, nil
	case <-c.ended:
		return nil, &CloseError{Code: 1006}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *worldConn) Write(_ context.Context, b []byte) error {
	select {
	case <-c.ended:
		return errClosedHere
	default:
	}
	var f step
	if err := json.Unmarshal(b, &f); err != nil {
		panic(err)
	}
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if c.silent {
		return nil
	}
	c.w.tell(c, "asks", b)
	c.w.arrivals++
	arrival := c.w.arrivals
	if f["action"] == "ping" {
		c.push(step{"push": "pong"})
		return nil
	}
	time.AfterFunc(c.w.upto(50*time.Millisecond), func() { c.handle(f, arrival) })
	return nil
}

func (c *worldConn) Close() error { c.cut(); return nil }

func (c *worldConn) CloseNow() error { c.cut(); return nil }

func (c *worldConn) cut() {
	c.once.Do(func() {
		close(c.ended)
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		c.w.tell(c, "ends", "")
		for _, r := range c.w.rooms {
			delete(r.members, c)
		}
		c.w.conns = slices.DeleteFunc(c.w.conns, func(other *worldConn) bool { return other == c })
	})
}

// say sends a frame some time from now. The caller holds mu, here and below.
func (c *worldConn) say(f step, wait time.Duration) {
	b, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	time.AfterFunc(wait, func() {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		if !c.silent {
			c.w.tell(c, "gets", b)
			c.in <- b
		}
	})
}

// push sends a frame after those pushed before.
func (c *worldConn) push(f step) {
	now := time.Now()
	at := now.Add(c.w.upto(100 * time.Millisecond))
	if !at.After(c.next) {
		at = c.next.Add(time.Microsecond)
	}
	c.next = at
	c.say(f, at.Sub(now))
}

// handle is one run of the message function.
func (c *worldConn) handle(f step, arrival int) {
	w := c.w
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.chance(40):
		time.AfterFunc(w.upto(100*time.Millisecond), c.cut)
	case w.chance(150):
		c.silent = true
	}
	temporary := step{"code": "unavailable", "message": "try again", "temporary": true, "retryAfterMs": w.random.IntN(500)}
	if w.chance(20) {
		c.say(step{"id": f["id"], "error": temporary}, w.upto(100*time.Millisecond))
		return
	}
	gateway := step{"message": "Internal server error", "connectionId": "a=", "requestId": "b"}
	if w.chance(40) {
		c.say(gateway, w.upto(100*time.Millisecond))
		return
	}
	ok, refused := c.answer(f, arrival)
	reply := step{"id": f["id"], "ok": ok}
	switch {
	case refused != nil:
		reply = step{"id": f["id"], "error": refused}
	case w.chance(30):
		return // done, and nobody hears of it
	case w.chance(50):
		reply = gateway
	}
	wait := w.upto(100 * time.Millisecond)
	if f["action"] == "publish" && ok["seq"] == nil && refused == nil {
		return // its writer has died, or is slow and answers by itself
	}
	c.say(reply, wait)
}

func (c *worldConn) answer(f step, arrival int) (ok, refused step) {
	name, _ := f["room"].(string)
	rooms, _ := f["rooms"].(map[string]any)
	switch f["action"] {
	case "hello":
		rotate := 5000 + c.w.random.IntN(60000)
		if !c.w.rotates {
			rotate = 0 // a new connection heals what this one has missed
		}
		return step{
			"connectionId": "a=", "user": c.user, "heartbeatMs": 10000, "rotateInMs": rotate,
			"rooms": c.pages(rooms, arrival, true),
		}, nil
	case "join":
		c.enter(name, arrival)
		return c.w.room(name).page(c.w, f, 1), nil
	case "leave":
		c.left[name] = arrival
		if m := c.w.room(name).members[c]; m != nil && m.arrival < arrival {
			delete(c.w.room(name).members, c)
		}
		return step{}, nil
	case "history":
		return c.w.room(name).page(c.w, f, 1), nil
	case "sync":
		return step{"rooms": c.pages(rooms, arrival, false)}, nil
	case "publish":
		return c.publish(f), nil
	}
	panic(fmt.Sprint("no such action: ", f))
}

// pages answers hello and sync.
func (c *worldConn) pages(rooms map[string]any, arrival int, enter bool) step {
	pages := step{}
	for _, name := range sorted(rooms) {
		r := c.w.room(name)
		switch {
		case enter && c.w.chance(10):
			pages[name] = step{"error": step{"code": "unavailable", "message": "try again", "temporary": true}}
			continue
		case enter:
			c.enter(name, arrival)
		case r.members[c] == nil:
			pages[name] = step{"error": step{"code": "conflict", "message": "not joined", "temporary": false}}
			continue
		}
		asked := rooms[name].(map[string]any)
		p := r.page(c.w, asked, 0)
		if m := r.members[c]; m != nil && m.behind && !enter && len(p["messages"].([]step)) > 0 {
			m.behind = false
		}
		pages[name] = p
	}
	return pages
}

func (c *worldConn) enter(name string, arrival int) {
	select {
	case <-c.ended:
		return
	default:
	}
	if c.left[name] < arrival {
		c.w.room(name).members[c] = &worldMember{arrival: arrival}
	}
}

func sorted(m map[string]any) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// head is up to where the log is readable.
func (r *worldRoom) head() int {
	for i, e := range r.log {
		if !e.filled {
			return i
		}
	}
	return len(r.log)
}

// entries is the log of an epoch, whether it is past or not.
func (r *worldRoom) entries(epoch string) []*worldEntry {
	if epoch == r.epoch {
		return r.log
	}
	return r.past[epoch]
}

// page answers join and history: at least so many entries if there are any.
func (r *worldRoom) page(w *world, asked map[string]any, least int) step {
	head := r.head()
	p := step{"epoch": r.epoch, "head": head, "recovered": true, "messages": []step{}, "more": false}
	from, newest := head, false
	switch {
	case asked["last"] != nil:
		from, newest = max(0, head-number(asked["last"])), true
	case asked["since"] != nil:
		from = number(asked["since"])
		if epoch, _ := asked["epoch"].(string); epoch != "" && epoch != r.epoch || from > head {
			p["recovered"], p["oldest"] = false, 1
			return p
		}
	}
	room := 100
	if !w.calm {
		room = least + w.random.IntN(6)
	}
	upto := min(head, from+room)
	if newest && least > 0 {
		from, upto = max(from, head-room), head // as many as fit, the newest
	}
	messages := []step{}
	for _, e := range r.log[from:upto] {
		messages = append(messages, e.entry)
	}
	p["messages"], p["more"] = messages, upto < head
	return p
}

// publish takes a number, and fills it now, later or never.
func (c *worldConn) publish(f step) step {
	w := c.w
	r := w.room(f["room"].(string))
	if r.epoch == "" || w.reborn && w.chance(60) {
		w.epochs++
		r.past[r.epoch] = r.log
		r.epoch, r.log, r.pushed, r.keys = fmt.Sprint("epoch-", w.epochs), nil, 0, map[string]int{}
	}
	if f["ephemeral"] == true {
		return step{}
	}
	key := c.user + "\x00" + f["key"].(string)
	if seq := r.keys[key]; seq > 0 {
		if !r.log[seq-1].filled {
			return step{} // the predecessor answers, or another repetition
		}
		return step{"epoch": r.epoch, "seq": seq, "duplicate": true}
	}
	seq := len(r.log) + 1
	e := &worldEntry{origin: c, entry: step{"seq": seq, "user": c.user, "at": 1763884800000 + seq, "key": f["key"], "data": f["data"]}}
	r.log = append(r.log, e)
	epoch := r.epoch
	fill := func(entry step) {
		e.filled, e.entry = true, entry
		if r.epoch == epoch {
			r.drain(w)
		}
	}
	switch {
	case w.chance(15): // it dies before the mark: somebody fills the hole
		time.AfterFunc(time.Second, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			fill(step{"seq": seq, "void": true})
		})
		return step{}
	case w.chance(8): // it is slow
		r.keys[key] = seq
		time.AfterFunc(w.upto(900*time.Millisecond), func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			fill(e.entry)
			c.say(step{"id": f["id"], "ok": step{"epoch": epoch, "seq": seq, "duplicate": false}}, w.upto(100*time.Millisecond))
		})
		return step{}
	}
	r.keys[key] = seq
	fill(e.entry)
	return step{"epoch": epoch, "seq": seq, "duplicate": false}
}

// drain pushes what has become readable.
func (r *worldRoom) drain(w *world) {
	head := r.head()
	if head <= r.pushed {
		return
	}
	from := r.pushed
	if w.chance(20) {
		from = max(0, from-2) // again, after a crash
	}
	r.pushed = head
	for _, c := range slices.Clone(w.conns) { // in the order of their coming, so that a seed repeats
		m := r.members[c]
		if m == nil || m.behind {
			continue
		}
		if w.chance(40) {
			m.behind = true
			c.push(step{"push": "behind", "room": r.name, "epoch": r.epoch, "head": head})
			continue
		}
		var messages []step
		for _, e := range r.log[from:head] {
			if e.origin != c || e.entry["void"] == true {
				messages = append(messages, e.entry)
			}
		}
		if len(messages) > 0 {
			c.push(step{"push": "messages", "room": r.name, "epoch": r.epoch, "messages": messages})
		}
	}
}
