package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// event is one line of a run's story.
type event struct {
	at         time.Duration
	actor      string
	text       string
	call       *call
	nth        int
	fault      Kind
	room       string // "" if it is about no room
	connection string
	quiet      bool // left out of the readable timeline
}

func (e event) String() string {
	what := e.text
	if what == "" && e.call != nil {
		what = fmt.Sprintf("#%d %s", e.nth, e.call)
	}
	if e.fault != "" {
		what += "   <== " + string(e.fault)
	}
	return fmt.Sprintf("%12.6fs  %-16s %s", e.at.Seconds(), e.actor, what)
}

// timeline gathers events. It is safe for concurrent use.
type timeline struct {
	mu     sync.Mutex
	events []event
}

func (t *timeline) add(e event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, e)
}

// ordered is all events in the order of time, those of one instant in the
// order of their words.
func (t *timeline) ordered() []event {
	t.mu.Lock()
	events := slices.Clone(t.events)
	t.mu.Unlock()
	slices.SortStableFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.String(), b.String()))
	})
	return events
}

// trace is the whole story, to compare two runs.
func (t *timeline) trace() string {
	var b strings.Builder
	for _, e := range t.ordered() {
		b.WriteString(e.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// story is what is worth reading of a failed run: all that is about the room,
// every fault, and nothing of the sweeps and the other rooms.
func (t *timeline) story(room string, most int) string {
	var lines []string
	for _, e := range t.ordered() {
		other := e.room != "" && room != "" && e.room != room
		if e.fault == "" && (other || e.quiet) {
			continue
		}
		if e.fault == "" && e.call != nil && strings.HasPrefix(e.actor, "sweep") && readsOnly(e.call.op) {
			continue
		}
		lines = append(lines, e.String())
	}
	if len(lines) > most {
		lines = append([]string{fmt.Sprintf("… %d lines before", len(lines)-most)}, lines[len(lines)-most:]...)
	}
	return strings.Join(lines, "\n")
}

// readsOnly reports whether a call of the sweeper changes nothing.
func readsOnly(op string) bool {
	switch op {
	case "Query", "ReceiveMessage", "GetConnection", "GetItem":
		return true
	}
	return false
}
