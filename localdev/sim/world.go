package sim

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/hook"
)

// Config says what to run. Only the Seed is required.
type Config struct {
	Seed uint64
	// Class overrides the seed's, by its name.
	Class string
	// Members overrides what the clients do; nil: the seed makes it.
	Members []member
	// Faults overrides what goes wrong; nil: the seed makes it.
	Faults []Fault
	// Mutant, if not nil, is a bug.
	Mutant *Mutant
	// Environ is added to the functions' environment.
	Environ map[string]string
	// Bound overrides the class's.
	Bound time.Duration
	// Active is for how long faults happen. Default 30 s and the class's rests, on
	// which the seeds' scripts and plans rest.
	Active time.Duration
	// Minutely has the sweeper run once a minute, as deployed, also while faults
	// happen.
	Minutely bool
	// Sites has each call told by whom it was made, see Point.
	Sites bool
}

// Result is what came of a run.
type Result struct {
	Seed       uint64
	Class      string
	Violations []Violation
	Faults     []Fault
	Delays     []Delay
	Calls      []Point // all calls of AWS, in order
	Messages   int     // acknowledged
	Reach      Reach
	Virtual    time.Duration
	timeline   *timeline
}

// Trace is the whole story of the run.
func (r Result) Trace() string { return r.timeline.trace() }

// Point is a call of AWS: the n-th of a function.
type Point struct {
	Function string
	Nth      int
	Label    string
	At       time.Duration
	// Sites are the lines of the product on the way to it, if Config asks.
	Sites []Site
	// Run is the run of the function, by its request's id; Sent and Done are when
	// the function made the call and had its answer or was over.
	Run        string
	Sent, Done time.Duration
}

// world is one run.
type world struct {
	Config
	class   Class
	clock   clock.Clock
	began   time.Time
	stack   *stack.Stack
	calls   counters
	runs    counters
	check   *checker
	story   timeline
	clients []*client
	faults  []Fault
	harmed  []*link        // connections that harm broke
	tasks   sync.WaitGroup // the clients' goroutines
	late    sync.WaitGroup // calls that are still on their way
	quiet   atomic.Bool    // no more faults
	batches atomic.Int64   // calls of PublishBatch

	rebalanced atomic.Bool

	fates    sync.Mutex               // guards what follows
	asleep   map[string]bool          // connections whose clients refuse each post
	revoked  map[string]time.Duration // users whose tokens were taken back
	banned   map[string]time.Duration // "user room" that the application refuses
	wakes    atomic.Int64
	ids      counters
	points   []*Point
	runBy    map[string]int // for whom the message function runs, see by
	measured []Delay
	mu       sync.Mutex

	// Of mutants: what was read last, and who posts.
	before map[string]map[string]any
	serial chan struct{}
}

func (w *world) now() time.Duration              { return time.Since(w.began) }
func (w *world) since(t time.Time) time.Duration { return t.Sub(w.began) }

func (w *world) note(e event) {
	e.at = w.now()
	w.story.add(e)
}

// Run runs one seed in a bubble of virtual time.
func Run(t *testing.T, config Config) Result {
	var result Result
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(config)
		if err := w.run(); err != nil {
			t.Fatalf("seed %d: %v", config.Seed, err)
		}
		result.Seed, result.Class, result.Faults = w.Seed, w.class.Name, w.faults
		result.Violations, result.timeline = w.check.result(), &w.story
		result.Delays, result.Messages, result.Virtual = w.delays(), len(w.check.acks), w.now()
		result.Calls = make([]Point, len(w.points))
		for i, p := range w.points {
			result.Calls[i] = *p
		}
		result.Reach = w.check.reached()
	})
	return result
}

func newWorld(config Config) *world {
	w := &world{
		Config: config, class: ClassOf(config.Seed), clock: clock.System(), began: time.Now(),
		serial: make(chan struct{}, 1), runBy: map[string]int{},
		asleep: map[string]bool{}, revoked: map[string]time.Duration{}, banned: map[string]time.Duration{},
		calls: newCounters(), runs: newCounters(), ids: newCounters(), faults: config.Faults,
	}
	if class := classNamed(config.Class); class.Name != "" {
		w.class = class
	}
	w.check = newChecker(w)
	if w.Active == 0 {
		w.Active = cmp.Or(w.class.Active, w.class.rested(active-1)+1)
	}
	if w.Members == nil {
		write := w.class.script
		if write == nil {
			write = script
		}
		w.Members = w.class.crowd(stream(w.Seed, "crowd"), write(stream(w.Seed, "script")))
		w.class.stretch(w.Members)
	}
	if w.faults == nil {
		p := &planner{r: stream(w.Seed, "faults"), members: len(w.Members)}
		w.class.plan(p.r, p)
		for i := range p.faults {
			p.faults[i].At = w.class.rested(p.faults[i].At)
		}
		w.faults = p.faults
	}
	return w
}

// The phases after the active one. The longest that a wake-up can take is two
// retries (3 min), a dead letter, a sweep, and the retries of that.
const (
	checkEvery = 10 * time.Second
	settle     = 14 * time.Minute
	// A dead connection is looked at within CheckEvery (1 min), twice, and a
	// minute later if it was joining.
	forget = 7 * time.Minute
)

func (w *world) run() error {
	var hooks func(context.Context, app.Host) (hook.Hooks, error)
	if w.class.Hooks {
		hooks = func(context.Context, app.Host) (hook.Hooks, error) { return rules{w: w}, nil }
	}
	s, err := stack.New(stack.Config{
		Clock: w.clock, NoSchedule: true, Seed: mix(w.Seed) | 1, Hooks: hooks,
		Environ: w.environ(),
		Host:    w.host,
		Transport: func(function string, next http.RoundTripper) http.RoundTripper {
			return transport{w, function, next}
		},
		WakeLatency: func(r *rand.Rand) time.Duration { return between(r, 20*time.Millisecond, 160*time.Millisecond) },
		StaleReads: func(dynamodb.Read) int {
			if !w.class.Stale || w.quiet.Load() {
				return 0
			}
			return int(digest("stale", strconv.Itoa(w.ids.count("stale"))) % 6)
		},
	})
	if err != nil {
		return err
	}
	w.stack = s
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s.Lambda.SetFault(w.runFault)
	s.Lambda.Observe(w.observe)
	s.SNS.SetDeliveryFault(w.wakeFault)

	for i, m := range w.Members {
		c, err := newClient(w, i, m)
		if err != nil {
			return err
		}
		w.clients = append(w.clients, c)
	}
	for _, c := range w.clients {
		w.tasks.Go(func() { c.keeper(ctx) })
		w.tasks.Go(func() { c.publisher(ctx) })
		w.tasks.Go(func() { c.act(ctx) })
	}
	w.tasks.Go(func() { w.sweeper(ctx) })
	w.tasks.Go(func() { w.clientFaults(ctx) })
	if w.class.HeadLifetime > 0 {
		w.tasks.Go(func() { w.expire(ctx) })
	}

	time.Sleep(w.Active + 777*time.Microsecond)
	w.heal()
	time.Sleep(cmp.Or(w.class.Settle, settle))
	if w.class.Presence {
		if err := w.present(ctx); err != nil {
			return err
		}
	}
	state, err := readState(s.DynamoDB)
	if err != nil {
		return err
	}
	open := map[string]bool{}
	for _, c := range s.Gateway.Connections() {
		open[c.ID] = true
	}
	w.mu.Lock()
	w.lockClients(func() {
		w.measured = w.check.settled(state, w.clients)
		w.check.owned(state, open)
	})
	w.mu.Unlock()
	w.check.linearizable(state)

	w.leaveAll()
	time.Sleep(forget)
	if state, err = readState(s.DynamoDB); err != nil {
		return err
	}
	w.check.clean(state)

	stop()
	w.tasks.Wait()
	w.late.Wait()
	return s.Shutdown(context.Background())
}

// lockClients runs f while no client moves.
func (w *world) lockClients(f func()) {
	for _, c := range w.clients {
		c.mu.Lock()
		defer c.mu.Unlock()
	}
	f()
}

func (w *world) environ() map[string]string {
	environ := map[string]string{
		"GAPLESS_CHECK_EVERY":           checkEvery.String(),
		"GAPLESS_CONNECTION_PARTITIONS": "1",
		"GAPLESS_LOG_LEVEL":             "error",
	}
	if r := w.class.Retention; r > 0 {
		environ["GAPLESS_RETENTION"], environ["GAPLESS_IDEMPOTENCY_WINDOW"] = r.String(), w.class.window().String()
		environ["GAPLESS_HEAD_LIFETIME"] = w.class.HeadLifetime.String()
	}
	maps.Copy(environ, w.class.Environ)
	maps.Copy(environ, w.Environ)
	if w.Mutant != nil {
		maps.Copy(environ, w.Mutant.Environ)
	}
	return environ
}

// host gives a function environment ids and retries that repeat, and a clock
// that may be wrong.
func (w *world) host(function string, h app.Host) app.Host {
	nth := w.ids.count("environment " + function)
	number := strconv.Itoa(nth)
	h.NewID = func() string {
		n := w.ids.count("id " + function + number)
		return fmt.Sprintf("%s%s-%06x", function[:1], number, digest(strconv.FormatUint(w.Seed, 16), function, number, strconv.Itoa(n))&0xffffff)
	}
	h.Random = func(n int64) int64 {
		i := w.ids.count("random " + function + number)
		return int64(digest("random", function, number, strconv.Itoa(i)) % uint64(n)) //nolint:gosec // positive
	}
	if w.class.Skew > 0 {
		h.Clock = skewed{h.Clock, latency(w.Seed, -w.class.Skew, w.class.Skew, "skew", function, number)}
	}
	if w.class.Versions && nth%2 == 0 {
		h = newer(h)
	}
	load := h.AWS
	h.AWS = func(ctx context.Context) (aws.Config, error) {
		c, err := load(ctx)
		c.Retryer = func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
					return time.Duration(attempt) * 40 * time.Millisecond, nil
				})
			})
		}
		return c, err
	}
	return h
}

// skewed is a clock that is off by a constant.
type skewed struct {
	clock.Clock
	by time.Duration
}

func (s skewed) Now() time.Time { return s.Clock.Now().Add(s.by) }

// sweeper is the schedule: a sweep a minute, and many more while faults happen,
// tried again as the events of a schedule are.
func (w *world) sweeper(ctx context.Context) {
	for n := 1; ; n++ {
		pause := latency(w.Seed, 59*time.Second, 61*time.Second, "sweep", strconv.Itoa(n))
		if w.now() < w.Active && w.class.Rest == 0 && w.class.Active == 0 && !w.Minutely {
			pause /= 8
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		if w.class.Retention > 0 && w.class.HeadLifetime == 0 && chance(stream(w.Seed, "expire "+strconv.Itoa(n)), 50) {
			w.stack.DynamoDB.SweepExpired() // at some time, as DynamoDB does
		}
		if _, err := w.stack.Lambda.InvokeAsync("sweep", []byte(`{"source":"aws.events","detail":{}}`)); err != nil {
			return
		}
	}
}

// observe notes how each run of a function ends.
func (w *world) observe(e lambda.Event) {
	w.check.invoked(e)
	name := actor(e.Invocation.Function, e.Invocation.RequestID)
	switch e.Kind {
	case lambda.Started:
		w.note(event{actor: name, text: fmt.Sprintf("starts, attempt %d", e.Invocation.Attempt), quiet: e.Invocation.Function == "sweep"})
	case lambda.Ended:
		if e.Result.FunctionError != "" {
			w.note(event{actor: name, text: "fails: " + string(e.Result.Payload)})
		}
	case lambda.DeadLettered:
		w.note(event{actor: name, text: "given up: a dead letter"})
	}
}

func (w *world) delays() []Delay { return w.measured }

// leaveAll cuts every client and loses its $disconnect.
func (w *world) leaveAll() {
	for _, c := range w.clients {
		c.mu.Lock()
		c.ended = "over"
		l := c.link
		c.mu.Unlock()
		if l != nil {
			w.stack.Gateway.Faults().LoseDisconnect(l.id)
			l.conn.Cut()
		}
	}
}

// callFault is what goes wrong in the n-th call of a function.
func (w *world) callFault(c *call, nth int) Fault {
	w.mu.Lock()
	c.point = &Point{Function: c.function, Nth: nth, Label: c.label(), At: w.now(), Sites: c.sites, Run: c.run, Sent: c.sent}
	w.points = append(w.points, c.point)
	w.mu.Unlock()
	if w.quiet.Load() {
		return Fault{}
	}
	if c.op == "PublishBatch" {
		batch := int(w.batches.Add(1))
		for _, f := range w.faults {
			if f.Kind == RefuseEntries && batch >= f.Nth && batch < f.Nth+f.Times {
				return f
			}
		}
	}
	by := w.by(c)
	ofSort, ofClient := w.calls.count(c.function+" "+c.sort()), w.calls.count(c.function+" "+c.sort()+" "+strconv.Itoa(by))
	for _, f := range w.faults {
		n := nth
		switch {
		case f.By > 0 && f.By != by, f.Call != "" && f.Call != c.sort():
			continue
		case f.By > 0:
			n = ofClient
		case f.Call != "":
			n = ofSort
		}
		if f.Function != c.function || n < f.Nth || n >= f.Nth+w.span(f) || !isCallFault(f.Kind) {
			continue
		}
		if late := f.Kind == LateEffect || f.Kind == KillLate; late && c.service != "dynamodb" && c.service != "sns" {
			continue
		}
		if c.service == "execute-api" && !w.class.Sync {
			switch f.Kind {
			case KillBefore, KillAfter, KillHalf, LoseAnswer, FailAfter, Forget:
			default: // what gets no post for long may be told that it is behind
				continue
			}
		}
		if c.function == "sweep" && f.Kind != Forget {
			if lc, ok := lambdacontext.FromContext(c.request.Context()); ok {
				w.check.taint(lc.AwsRequestID)
			}
		}
		return f
	}
	return Fault{}
}

// returned notes when a call's function has its answer, or is over.
func (w *world) returned(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.point != nil {
		c.point.Done = w.now()
	}
}

// hit reports whether a fault of the plan is about a client.
func (w *world) hit(c *client) bool {
	for _, f := range w.faults {
		if f.Function == "" && f.Nth == 0 && f.Client == c.index {
			return true
		}
	}
	return false
}

// by is the client for whom the message function makes a call, as Fault.By says
// it: each run of it begins with a read of the connection.
func (w *world) by(c *call) int {
	if c.function != "message" {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.is("GetItem", "connection") {
		w.runBy[c.run] = 1 + w.check.clientOf(c.connection)
	}
	return w.runBy[c.run]
}

// sleeps reports whether a connection's client refuses posts now.
func (w *world) sleeps(id string) bool {
	w.fates.Lock()
	defer w.fates.Unlock()
	return w.asleep[id]
}

func isCallFault(k Kind) bool {
	switch k {
	case KillBefore, KillAfter, KillHalf, HangBefore, HangAfter, LoseAnswer, FailBefore, FailAfter, Throttle, SlowBefore, SlowAfter, Forget,
		LateEffect, KillLate:
		return true
	}
	return false
}

// span is how many calls on end a fault hits.
func (w *world) span(f Fault) int {
	switch f.Kind {
	case LoseAnswer, FailBefore, FailAfter, Throttle, LateEffect:
		return max(1, f.Times)
	}
	return 1
}
