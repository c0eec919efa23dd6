package console

import (
	"strconv"
	"time"
)

// Trace is the way of one message, from the frame that published it to the
// frames that delivered it. Times are by the machine's clock: moving the
// stack's does not stretch them.
type Trace struct {
	ID        string `json:"id"`
	Room      string `json:"room"`
	Epoch     string `json:"epoch"`
	Seq       uint64 `json:"seq"`
	Key       string `json:"key,omitempty"`
	Publisher string `json:"publisher"` // a connection
	At        int64  `json:"at"`        // milliseconds since 1970, the stack's time
	Steps     []Step `json:"steps"`
	// More counts the steps beyond those that are kept.
	More int `json:"more,omitempty"`

	begun   time.Time
	changed bool
	done    bool // given back by a broadcaster
	posted  bool // somebody was posted it
}

// Step is one thing that happened on the way.
type Step struct {
	// Lane is where: gateway, message, dynamodb, sns, broadcast or client.
	Lane  string `json:"lane"`
	Label string `json:"label"`
	// AtMs is from the trace's beginning, Ms how long it took.
	AtMs       float64 `json:"atMs"`
	Ms         float64 `json:"ms"`
	Connection string  `json:"connection,omitempty"`
	Error      string  `json:"error,omitempty"`

	at time.Time
}

func traceID(room, epoch string, seq uint64) string {
	return room + "/" + epoch + "/" + strconv.FormatUint(seq, 10)
}

// trace finds a message. The caller holds mu.
func (r *recorder) trace(room, epoch string, seq uint64) *Trace {
	id := traceID(room, epoch, seq)
	for i := len(r.traces) - 1; i >= 0; i-- {
		if r.traces[i].ID == id {
			return r.traces[i]
		}
	}
	return nil
}

// located gives a trace its number, now that its entry is written.
func (r *recorder) located(t *Trace, room, epoch string, seq uint64) {
	if t.ID != "" {
		return
	}
	t.ID, t.Room, t.Epoch, t.Seq, t.changed = traceID(room, epoch, seq), room, epoch, seq, true
	r.traces = latest(append(r.traces, t), maxTraces)
}

// since is how long after the trace's beginning something happened.
func (t *Trace) since(at time.Time) float64 { return millis(at.Sub(t.begun)) }

// add appends a step and returns its place.
func (t *Trace) add(s Step) int {
	t.changed = true
	if len(t.Steps) >= maxSteps {
		t.More++
		return len(t.Steps)
	}
	t.Steps = append(t.Steps, s)
	return len(t.Steps) - 1
}

// serve notes that a broadcaster delivers the message, with what it has done
// so far that the delivery rests on.
func (t *Trace) serve(i *Invocation) {
	if _, already := i.served[t]; already {
		return
	}
	label := "function"
	if i.Attempt > 1 {
		label += ", attempt " + strconv.Itoa(i.Attempt)
	}
	at := t.since(i.begun)
	if at < 0 {
		label, at = label+", at work already", 0
	}
	i.served[t] = t.add(Step{Lane: "broadcast", Label: label, AtMs: at})
	for _, label := range []string{labelAcquire, labelEntries, labelMembers} {
		if s, ok := i.latest[label]; ok && s.at.After(t.begun) {
			s.AtMs = t.since(s.at)
			t.add(s)
		}
	}
}
