package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// checker watches a run as it goes and looks at what it left behind. Its
// methods are safe for concurrent use.
type checker struct {
	w *world

	mu         sync.Mutex
	violations []Violation
	written    map[place]entry // as first written
	writtenAt  map[place]time.Duration
	acks       []*message
	gaps       []gap
	links      map[string]linkInfo
	sweeps     []sweep
	tainted    map[string]bool // invocations of the sweeper that met a fault
	operations []operation
	posts      map[string]int  // taken by the gateway, by connection
	abandoned  map[string]bool // rooms whose lease was given back unfinished
	lost       map[line]incarnation
	unknown    map[place]bool // voids that say that a message may have expired there
	hooked     map[place]bool // entries that the application was told of
	reach      Reach
}

// Violation is a broken invariant.
type Violation struct {
	At        time.Duration
	Invariant string
	Room      string
	Text      string
}

func (v Violation) String() string {
	return fmt.Sprintf("%.3fs %s: %s", v.At.Seconds(), v.Invariant, v.Text)
}

// gap is a set of numbers that a push has skipped.
type gap struct {
	client, room, epoch, link string
	missing                   []uint64
	at                        time.Duration
}

type linkInfo struct {
	client *client
	since  time.Duration
	ended  time.Duration // 0: not yet
	gone   int           // wrong 410s that were injected
}

type sweep struct {
	started, ended time.Duration
	clean          bool
}

// The names of the invariants, as section 1 of the design numbers them.
const (
	dense      = "1 dense"
	kept       = "2 acknowledged means kept"
	once       = "3 exactly once"
	order      = "4 in order"
	seam       = "5 no hole at the seam"
	permission = "6 only to whom it may"
	stale      = "7 nothing stale stays"
	swift      = "8 a slow member slows nobody"
	sound      = "0 no wrong answer"
)

func newChecker(w *world) *checker {
	return &checker{
		w: w, written: map[place]entry{}, writtenAt: map[place]time.Duration{}, links: map[string]linkInfo{},
		tainted: map[string]bool{}, posts: map[string]int{}, abandoned: map[string]bool{},
		lost: map[line]incarnation{}, unknown: map[place]bool{}, hooked: map[place]bool{},
	}
}

func (k *checker) fail(invariant, room, format string, args ...any) {
	if invariant == "" {
		invariant = sound
	}
	v := Violation{k.w.now(), invariant, room, fmt.Sprintf(format, args...)}
	k.mu.Lock()
	k.violations = append(k.violations, v)
	k.mu.Unlock()
	k.w.note(event{actor: "CHECK", text: "!!! " + v.Invariant + ": " + v.Text, room: room})
}

// after sees each call that took effect.
func (k *checker) after(c *call, response *http.Response) {
	if response.StatusCode != http.StatusOK || response.Header.Get(notDone) != "" {
		return
	}
	switch {
	case c.is("PutItem", "entry"):
		at, e := entryOf(c.item())
		k.mu.Lock()
		had, there := k.written[at]
		if !there {
			k.written[at], k.writtenAt[at] = e, k.w.now()
		}
		k.unknown[at] = k.unknown[at] || c.item()["vl"] != nil
		// What has expired before anybody was served it is served as a void.
		outlived := c.item()["vl"] != nil && k.outlived(at)
		k.mu.Unlock()
		if there && had != e && !outlived {
			k.fail(dense, at.room, "entry %v was written anew: %v, then %v", at, had, e)
		}
	case c.is("UpdateItem", "head") && strings.Contains(c.change, "REMOVE lo, lu") && !isRelease(c):
		k.mu.Lock()
		k.abandoned[c.room] = true
		k.mu.Unlock()
	case c.is("Query", "member") && c.json["ExclusiveStartKey"] != nil:
		k.mu.Lock()
		k.reach.Pages++
		k.mu.Unlock()
	case c.op == "PostToConnection":
		k.mu.Lock()
		k.posts[c.connection]++
		k.mu.Unlock()
	}
}

func (k *checker) connected(c *client, l *link) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.links[l.id] = linkInfo{client: c, since: k.w.now()}
}

// clientOf is the index of the client that has or had a connection, -1 if it is
// not known.
func (k *checker) clientOf(id string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.links[id].client; c != nil {
		return c.index
	}
	return -1
}

func (k *checker) disconnected(l *link) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info := k.links[l.id]
	info.ended = k.w.now()
	k.links[l.id] = info
}

// wrongGone notes that the gateway was made to lie about a connection.
func (k *checker) wrongGone(id string, times int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info := k.links[id]
	info.gone += times
	k.links[id] = info
}

// forgotten is called when a live connection is not registered any more.
func (k *checker) forgotten(c *client, l *link) {
	k.mu.Lock()
	info := k.links[l.id]
	k.mu.Unlock()
	if info.gone < 2 && !k.expired(c, l) && c.Close == 0 && !k.w.rebalanced.Load() {
		k.fail(stale, "", "%s is alive as %s and was reaped", c.name(), l.id)
	}
}

// invoked watches the sweeper.
func (k *checker) invoked(e lambda.Event) {
	if e.Kind != lambda.Ended || e.Invocation.Function != "sweep" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sweeps = append(k.sweeps, sweep{
		started: k.w.since(e.Invocation.Started), ended: k.w.since(e.At),
		clean: e.Result.FunctionError == "" && !k.tainted[e.Invocation.RequestID],
	})
}

func (k *checker) taint(invocation string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tainted[invocation] = true
}

// sweepsSince counts the good sweeps that began after a time and are over; none
// before two minutes have passed, which is how long two sweeps take when they
// are a minute apart.
func (k *checker) sweepsSince(t time.Duration) int {
	if k.w.now()-t < 2*time.Minute {
		return 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, s := range k.sweeps {
		if s.clean && s.started > t {
			n++
		}
	}
	return n
}

// granted reports whether a client may be in a room.
func granted(c *client, room string) bool {
	return c.Grants == nil || len(c.Grants[room]) > 0
}

// pushed sees each frame of messages as it reaches a client.
func (k *checker) pushed(c *client, l *link, r reply) {
	c.mu.Lock()
	f := c.follows[r.Room]
	valid := l.expires
	log := line{r.Room, r.Epoch}
	wire := l.wire[log]
	var left time.Duration
	epoch := ""
	if f != nil {
		left, epoch = f.leftAt, f.epoch
	}
	if n := len(r.Messages); n > 0 {
		l.wire[log] = max(wire, r.Messages[n-1].Seq)
	}
	repeats := 0
	for _, e := range r.Messages {
		at := place{r.Room, r.Epoch, e.Seq}
		l.seen[at]++
		repeats = max(repeats, l.seen[at])
	}
	c.mu.Unlock()
	if most := k.w.class.Repeats; most > 0 && repeats > most && !k.w.hit(c) {
		k.fail(swift, r.Room, "%s was pushed one message %d times on %s", c.name(), repeats, l.id)
	}
	revoked, banned := k.w.revokedAt(c.User), k.w.bannedAt(c.User, r.Room)
	switch {
	case revoked > 0 && k.sweepsSince(revoked) >= 2:
		k.fail(permission, r.Room, "%s gets messages though its tokens were taken back at %v", c.name(), revoked)
	case banned > 0 && k.sweepsSince(max(banned, k.w.Active)+checkEvery) >= 2:
		k.fail(permission, r.Room, "%s gets messages of %s though the application refuses it since %v", c.name(), r.Room, banned)
	case f == nil || !granted(c, r.Room):
		k.fail(permission, r.Room, "%s got messages of %s", c.name(), r.Room)
	case left > 0 && k.sweepsSince(left) >= 2:
		k.fail(permission, r.Room, "%s left %s at %v and still gets its messages", c.name(), r.Room, left)
	case valid > 0 && k.sweepsSince(valid+slack) >= 2:
		k.fail(permission, r.Room, "%s gets messages though its token expired at %v", c.name(), valid)
	case epoch != "" && r.Epoch != epoch && !k.over(line{r.Room, epoch}) && !k.over(log):
		k.fail(dense, r.Room, "%s was in epoch %s and gets messages of %s", c.name(), epoch, r.Epoch)
	}
	last := uint64(0)
	for _, e := range r.Messages {
		if e.Seq <= last {
			k.fail(order, r.Room, "one frame to %s holds %d after %d", c.name(), e.Seq, last)
		}
		if k.w.class.Strict && e.Seq <= wire && !k.mayRepeat(r.Room) {
			k.fail(order, r.Room, "%s got %d on %s after %d", c.name(), e.Seq, l.id, wire)
		}
		last = e.Seq
	}
}

// mayRepeat reports whether a drainer gave a room up half-way, as it does when a
// member joins anew while its line is given up: the next one pushes again.
func (k *checker) mayRepeat(room string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.abandoned[room]
}

// gap notes numbers that a push skipped; whose they were is known at the end. Of
// a log that is over, the client may have been pushed them before it was told so.
func (k *checker) gap(c *client, l *link, room, epoch string, missing []uint64) {
	if k.over(line{room, epoch}) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gaps = append(k.gaps, gap{c.name(), room, epoch, l.id, missing, k.w.now()})
}

// joinResult checks what a client was told to have missed.
func (k *checker) joinResult(c *client, room string, p page, asked fields) {
	if !granted(c, room) {
		k.fail(permission, room, "%s was let into %s", c.name(), room)
	}
	since, ok := asked["since"].(uint64)
	if !ok {
		n, isInt := asked["since"].(int)
		since, ok = uint64(n), isInt //nolint:gosec // 0
	}
	if !ok {
		return
	}
	if p.More {
		k.mu.Lock()
		k.reach.Mores++
		k.mu.Unlock()
	}
	epoch, _ := asked["epoch"].(string)
	if p.Recovered && epoch != "" && p.Epoch != epoch {
		k.fail(seam, room, "%s asked for all after %d of %s, and nothing is lost, says an answer about %s", c.name(), since, epoch, p.Epoch)
	}
	if !p.Recovered {
		if !k.over(line{room, epoch}) && !k.mayBeLost(line{room, p.Epoch}, since) {
			k.fail(kept, room, "%s asked for all after %d and was told that it is lost; nothing has expired", c.name(), since)
		}
		return
	}
	for i, e := range p.Messages {
		if want := since + 1 + uint64(i); e.Seq != want {
			k.fail(seam, room, "%s asked for all after %d and got %d where %d was due", c.name(), since, e.Seq, want)
			return
		}
	}
	if got := since + uint64(len(p.Messages)); !p.More && got < p.Head {
		k.fail(seam, room, "%s asked for all after %d, was told that the head is %d, and got only up to %d", c.name(), since, p.Head, got)
	}
}

// mayBeLost reports whether anything above since may have expired. A second
// is the unit in which DynamoDB keeps that.
func (k *checker) mayBeLost(log line, since uint64) bool {
	retention := k.w.class.Retention
	k.mu.Lock()
	defer k.mu.Unlock()
	for at, written := range k.writtenAt {
		if retention > 0 && at.log() == log && at.seq > since && k.w.now() > written+retention-time.Second {
			return true
		}
	}
	return false
}

func (k *checker) acked(c *client, m *message, p protocol.PublishResult, now time.Duration) {
	if revoked := k.w.revokedAt(c.User); revoked > 0 && k.sweepsSince(revoked) >= 2 {
		k.fail(permission, m.room, "%s publishes in %s though its tokens were taken back at %v", c.name(), m.room, revoked)
	}
	if !granted(c, m.room) {
		k.fail(permission, m.room, "%s was let publish in %s", c.name(), m.room)
	}
	if k.w.class.HeadLifetime > 0 && k.over(line{m.room, p.Epoch}) {
		k.fail(kept, m.room, "%s was told that %s is number %d of %s, which is gone", c.name(), m.data, p.Seq, p.Epoch)
	}
	k.mu.Lock()
	m.acked, m.position = now, p // a head that is deleted just now asks for them
	k.acks = append(k.acks, m)
	k.mu.Unlock()
	// What is acknowledged is there now, not only in the end.
	k.mu.Lock()
	e, there := k.written[place{m.room, p.Epoch, p.Seq}]
	k.mu.Unlock()
	if !there || e.void || e.data != m.data || e.user != m.user {
		k.fail(kept, m.room, "%s was told that %s is number %d, where there is %v (%t)", c.name(), m.data, p.Seq, e, there)
	}
	if k.w.class.Hooks {
		k.mu.Lock()
		hooked := k.hooked[m.place()]
		k.mu.Unlock()
		if !hooked {
			k.fail(sound, m.room, "%v is acknowledged and the application was not told of it", m.place())
		}
	}
	k.append(m, p, now)
}

func (k *checker) forbidden(c *client, room string) {
	if granted(c, room) && room != "" && k.w.bannedAt(c.User, room) == 0 {
		k.fail(permission, room, "%s was kept out of %s, which its token grants", c.name(), room)
	}
}

// slack is by how much the functions' clocks may be wrong.
const slack = 5 * time.Second

// expired reports whether a connection's token may have expired.
func (k *checker) expired(c *client, l *link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return l.expires > 0 && k.w.now() > l.expires-slack
}

// bye checks that the server has a reason to end a connection.
func (k *checker) bye(c *client, l *link, r reply) {
	k.mu.Lock()
	info := k.links[l.id]
	k.mu.Unlock()
	switch {
	case r.Code == protocol.CloseRestart.Code && k.w.rebalanced.Load():
	case r.Code == protocol.CloseKicked.Code && k.w.revokedAt(c.User) == 0:
		k.fail(permission, "", "%s was kicked although nobody took its tokens back", c.name())
	case info.gone < 2 && r.Code != c.Close && (r.Code != protocol.CloseTokenExpired.Code || !k.expired(c, l)):
		k.fail(stale, "", "%s was told %d although nothing is wrong with %s", c.name(), r.Code, l.id)
	}
}

// outlived reports whether an entry is out of its retention.
func (k *checker) outlived(at place) bool {
	retention := k.w.class.Retention
	return retention > 0 && k.w.now() > k.writtenAt[at]+retention-time.Second // the caller holds mu
}

// presence checks that whoever is told who comes and goes may know.
func (k *checker) presence(c *client, room string) {
	if c.Grants != nil && !slices.Contains(c.Grants[room], auth.Presence) {
		k.fail(permission, room, "%s is told who comes to and goes from %s, which its token does not grant", c.name(), room)
	}
}

// result is all violations.
func (k *checker) result() []Violation {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Violation(nil), k.violations...)
}

func joinLines[T fmt.Stringer](all []T) string {
	var b strings.Builder
	for _, v := range all {
		b.WriteString("  " + v.String() + "\n")
	}
	return b.String()
}
