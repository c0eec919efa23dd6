package console

import (
	"encoding/json"
	"regexp"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
)

// Invocation is one run of a function.
type Invocation struct {
	ID       string `json:"id"`
	Function string `json:"function"`
	// Trigger says what started it: a route and room, a wake-up, the schedule.
	Trigger    string `json:"trigger"`
	Connection string `json:"connection,omitempty"`
	Room       string `json:"room,omitempty"`
	At         int64  `json:"at"` // milliseconds since 1970, the stack's time
	// Ms is how long it took by the machine's clock, in milliseconds.
	Ms      float64 `json:"ms"`
	Cold    bool    `json:"cold,omitempty"`
	Attempt int     `json:"attempt"`
	// Outcome is "running", "ok" or "failed", with the reason in Error.
	Outcome string `json:"outcome"`
	Error   string `json:"error,omitempty"`
	Calls   []Call `json:"calls"`
	// More counts the calls beyond those that are kept.
	More int `json:"more,omitempty"`

	begun   time.Time
	changed bool
	traceID string
	// trace is that of the message that is being published by it, if any.
	trace *Trace
	// served are the messages that it delivers, with its step in each.
	served map[*Trace]int
	// latest are its latest calls by label, for a message that turns out later
	// to be among those that it delivers.
	latest map[string]Step
}

// Call is one call of AWS.
type Call struct {
	// Service is dynamodb, sns, sqs or gateway.
	Service string `json:"service"`
	Label   string `json:"label"`
	// AtMs is from the invocation's start, Ms how long it took.
	AtMs       float64 `json:"atMs"`
	Ms         float64 `json:"ms"`
	Connection string  `json:"connection,omitempty"`
	// Error is the error's code, empty if it succeeded.
	Error string `json:"error,omitempty"`
}

// begin opens an invocation. The caller holds mu.
func (r *recorder) begin(run lambda.Invocation) {
	i := &Invocation{
		ID: run.RequestID + "/" + strconv.Itoa(run.Attempt) + "/" + strconv.Itoa(run.Environment), Function: run.Function,
		At: run.Started.UnixMilli(), Cold: run.Cold, Attempt: run.Attempt, Outcome: "running",
		Calls: []Call{}, begun: time.Now(), changed: true, traceID: run.TraceID, served: map[*Trace]int{}, latest: map[string]Step{},
	}
	r.running[run.RequestID] = i
	r.invocations = latest(append(r.invocations, i), maxInvocations)
	switch run.Function {
	case "sweep":
		i.Trigger = "schedule"
	case "broadcast":
		r.beginBroadcast(i, run.Payload)
	default:
		r.beginRoute(i, run.Payload)
	}
}

// beginRoute reads what the gateway sent.
func (r *recorder) beginRoute(i *Invocation, payload []byte) {
	var e events.APIGatewayWebsocketProxyRequest
	if json.Unmarshal(payload, &e) != nil {
		return
	}
	var command struct {
		Room      string
		Ephemeral bool
		Key       string
	}
	if e.Body != "" {
		_ = json.Unmarshal([]byte(e.Body), &command) // what it is not, it does not say
	}
	i.Trigger, i.Connection, i.Room = e.RequestContext.RouteKey, e.RequestContext.ConnectionID, command.Room
	taken, publishes := r.received[e.RequestContext.RequestID]
	delete(r.received, e.RequestContext.RequestID)
	if !publishes || command.Ephemeral {
		return
	}
	i.trace = &Trace{
		Room: command.Room, Key: command.Key, Publisher: i.Connection, At: i.At, begun: taken.at, changed: true,
		Steps: []Step{{Lane: "gateway", Label: "publish, " + strconv.Itoa(taken.bytes) + " bytes", Connection: i.Connection}},
	}
	i.served[i.trace] = i.trace.add(Step{Lane: "message", Label: "function", AtMs: i.trace.since(i.begun)})
}

// beginBroadcast reads a wake-up.
func (r *recorder) beginBroadcast(i *Invocation, payload []byte) {
	var e events.SNSEvent
	if json.Unmarshal(payload, &e) != nil || len(e.Records) == 0 {
		return
	}
	w, err := broadcast.DecodeWake([]byte(e.Records[0].SNS.Message))
	if err != nil {
		i.Trigger = "a wake-up that cannot be read"
		return
	}
	i.Trigger, i.Room = string(w.Kind), w.Room
	if w.Entry == nil {
		return
	}
	i.Trigger += " #" + strconv.FormatUint(w.Entry.Seq, 10)
	if t := r.trace(w.Room, w.Epoch, w.Entry.Seq); t != nil {
		t.serve(i)
	}
}

// end closes an invocation. The caller holds mu.
func (r *recorder) end(e lambda.Event) {
	i := r.running[e.Invocation.RequestID]
	if i == nil {
		return
	}
	delete(r.running, e.Invocation.RequestID)
	i.Ms, i.Outcome, i.changed = millis(time.Since(i.begun)), "ok", true
	if e.Result.FunctionError != "" {
		i.Outcome, i.Error = "failed", failure(e.Result.Payload)
		r.add(Activity{Kind: "function", Text: i.Function + " failed: " + i.Error, Tone: "bad"})
	} else if i.Attempt > 1 {
		r.add(Activity{Kind: "function", Text: i.Function + " succeeded at attempt " + strconv.Itoa(i.Attempt), Tone: "good"})
	}
	for t, n := range i.served {
		if n < len(t.Steps) {
			t.Steps[n].Ms, t.Steps[n].Error = t.since(time.Now())-t.Steps[n].AtMs, i.Error
			t.changed = true
		}
	}
	if i.trace != nil {
		r.acknowledge(i, e.Result.Payload)
	}
}

// requestID is what AWS puts before its own errors' text.
var requestID = regexp.MustCompile(`RequestId: \S+ (Error: )?`)

// failure is what a function's error object says.
func failure(payload []byte) string {
	var e struct{ ErrorType, ErrorMessage string }
	if json.Unmarshal(payload, &e) != nil {
		return "error"
	}
	if e.ErrorType == "" {
		return e.ErrorMessage
	}
	return e.ErrorType + ": " + requestID.ReplaceAllString(e.ErrorMessage, "")
}

// acknowledge reads what the message function answers a publish.
func (r *recorder) acknowledge(i *Invocation, payload []byte) {
	var answer struct{ Body string }
	if json.Unmarshal(payload, &answer) != nil || answer.Body == "" {
		return
	}
	t, label := i.trace, "reply sent"
	var reply struct {
		OK    *struct{ Duplicate bool }
		Error *struct{ Code string }
	}
	if json.Unmarshal([]byte(answer.Body), &reply) == nil && reply.Error != nil {
		label = "refusal sent: " + reply.Error.Code
	}
	r.expect(i.Connection, len(answer.Body), func() {
		t.add(Step{Lane: "client", Label: label, AtMs: t.since(time.Now()), Connection: i.Connection})
	})
}

// millis is a duration in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
