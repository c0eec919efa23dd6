package console

import (
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/sns"
)

// How much is remembered of each kind.
const (
	maxInvocations = 120
	maxTraces      = 60
	maxActivities  = 150
	maxCalls       = 60 // of one invocation
	maxSteps       = 120
)

// Activity is a line of the log of what happens, for people.
type Activity struct {
	Number     int    `json:"number"`
	At         int64  `json:"at"` // milliseconds since 1970, the stack's time
	Kind       string `json:"kind"`
	Connection string `json:"connection,omitempty"`
	Text       string `json:"text"`
	// Tone is "bad" for what is broken, "good" for what heals, else empty.
	Tone string `json:"tone,omitempty"`
}

// recorder remembers what has happened of late. Observers call it concurrently.
type recorder struct {
	changed func()
	now     func() time.Time // the stack's; set before the first event

	mu          sync.Mutex
	activities  []Activity
	number      int
	invocations []*Invocation // oldest first
	running     map[string]*Invocation
	traces      []*Trace // oldest first
	received    map[string]receipt
	expected    map[string][]frame // by connection
}

// receipt is a publish that the gateway has taken.
type receipt struct {
	at    time.Time
	bytes int
}

// frame is what a connection will be sent, and what to do then.
type frame struct {
	bytes int
	sent  func()
}

func newRecorder(changed func()) *recorder {
	return &recorder{
		changed: changed, now: time.Now, running: map[string]*Invocation{},
		received: map[string]receipt{}, expected: map[string][]frame{},
	}
}

// note adds a line to the activities.
func (r *recorder) note(a Activity) {
	r.mu.Lock()
	r.add(a)
	r.mu.Unlock()
	r.changed()
}

// add does so. The caller holds mu.
func (r *recorder) add(a Activity) {
	r.number++
	a.Number, a.At = r.number, r.now().UnixMilli()
	r.activities = latest(append(r.activities, a), maxActivities)
}

// latest is the last n of a list.
func latest[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	return slices.Clone(list[len(list)-n:])
}

// gateway observes the gateway.
func (r *recorder) gateway(e gateway.Event) {
	r.mu.Lock()
	switch e.Kind {
	case gateway.EventRefused:
		r.add(Activity{Kind: "connection", Text: "handshake refused with " + strconv.Itoa(e.Status), Tone: "bad"})
	case gateway.EventOpened:
		r.add(Activity{Kind: "connection", Connection: e.ConnectionID, Text: "opened"})
	case gateway.EventClosed:
		text := "closed with " + strconv.Itoa(e.Status)
		if e.Detail != "" {
			text += ", " + e.Detail
		}
		r.add(Activity{Kind: "connection", Connection: e.ConnectionID, Text: text})
		delete(r.expected, e.ConnectionID)
	case gateway.EventFault:
		a := Activity{Kind: "fault", Connection: e.ConnectionID, Text: e.Detail, Tone: "bad"}
		switch e.Detail {
		case "frozen: true":
			a.Text = "reads nothing any more"
		case "frozen: false":
			a.Text, a.Tone = "reads again", "good"
		}
		r.add(a)
	case gateway.EventReceived:
		if e.RouteKey == "publish" {
			r.received[e.RequestID] = receipt{time.Now(), e.Bytes}
		}
	case gateway.EventSent:
		r.sent(e.ConnectionID, e.Bytes)
	case gateway.EventManagement, gateway.EventInvoked:
	}
	r.mu.Unlock()
	r.changed()
}

// expect registers what is to be done when a connection is sent a frame of so
// many bytes. The caller holds mu.
func (r *recorder) expect(connection string, bytes int, sent func()) {
	const most = 256 // waiting for a client that reads nothing
	r.expected[connection] = latest(append(r.expected[connection], frame{bytes, sent}), most)
}

// sent finds the frame among those that were expected: the gateway's events
// carry no data, and a connection's frames leave in order. The caller holds mu.
func (r *recorder) sent(connection string, bytes int) {
	list := r.expected[connection]
	i := slices.IndexFunc(list, func(f frame) bool { return f.bytes == bytes })
	if i < 0 {
		return
	}
	f := list[i]
	r.expected[connection] = slices.Delete(list, i, i+1)
	f.sent()
}

// lambda observes Lambda.
func (r *recorder) lambda(e lambda.Event) {
	r.mu.Lock()
	switch name := e.Invocation.Function; e.Kind {
	case lambda.Started:
		r.begin(e.Invocation)
	case lambda.Ended:
		r.end(e)
	case lambda.Throttled:
		r.add(Activity{Kind: "function", Text: name + " was throttled", Tone: "bad"})
	case lambda.Requeued:
		r.add(Activity{Kind: "function", Text: name + " is tried again in " + e.Wait.Round(time.Second).String()})
	case lambda.DeadLettered:
		r.add(Activity{Kind: "function", Text: name + " was given up: its event is a dead letter", Tone: "bad"})
	}
	r.mu.Unlock()
	r.changed()
}

// sns observes SNS.
func (r *recorder) sns(e sns.Event) {
	if e.Kind == sns.DeadLettered || e.Kind == sns.Lost {
		r.note(Activity{Kind: "sns", Text: "a wake-up was " + e.Kind.String(), Tone: "bad"})
	}
}

// publish puts all that is remembered on the board.
func (r *recorder) publish(b *board) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// One value for all activities: they only ever grow at their end.
	b.put("activity", "", r.activities)
	keys := map[string]bool{}
	for _, i := range r.invocations {
		if i.changed {
			b.put("invocation", i.ID, i)
			i.changed = false
		}
		keys[i.ID] = true
	}
	b.keep("invocation", keys)
	keys = map[string]bool{}
	for _, t := range r.traces {
		if t.changed {
			b.put("trace", t.ID, t)
			t.changed = false
		}
		keys[t.ID] = true
	}
	b.keep("trace", keys)
}

// textOf is a JSON string's text, or else the JSON.
func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
