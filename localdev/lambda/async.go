package lambda

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gapless-rooms/gapless/localdev/clock"
)

// event is an asynchronous invocation in the queue.
type event struct {
	inv       Invocation
	number    int // counts all events
	queued    time.Time
	due       time.Time
	failures  int // runs that ended in a function error
	refusals  int // attempts that were throttled or met a service fault, in a row
	waits     int // how often it was scheduled
	duplicate bool
	timer     clock.Timer
	last      lastError
}

// lastError is why the latest attempt did not succeed.
type lastError struct {
	code    int
	message string
}

// InvokeAsync queues an event for the function and returns its request id
// (Event). It is run at least once: again up to Function.MaxRetries times, after
// one and then two minutes, when the function ends in an error; again after a
// growing wait when it is throttled, for up to Function.MaxEventAge. An event
// that is given up becomes a DeadLetter.
//
// The error is an *Error for a refusal (ErrFunctionNotFound, ErrPayloadTooLarge,
// ErrInvalidPayload) or ErrClosed.
func (s *Service) InvokeAsync(name string, payload []byte) (string, error) {
	payload, err := checkPayload(payload, maxAsyncPayload)
	if err != nil {
		return "", err
	}
	inv, err := s.newInvocation(name, payload)
	if err != nil {
		return "", err
	}
	inv.Async = true
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", ErrClosed
	}
	s.enqueue(s.newEvent(inv, now))
	return inv.RequestID, nil
}

// newEvent numbers an event. The caller holds mu.
func (s *Service) newEvent(inv Invocation, queued time.Time) *event {
	s.lastEvent++
	return &event{inv: inv, number: s.lastEvent, queued: queued, due: s.clock.Now()}
}

// byDue orders events by when they may run, and those of one time by age.
func byDue(a, b *event) int { return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.number, b.number)) }

// enqueue makes the event ready and starts as many as there are workers. The
// caller holds mu.
func (s *Service) enqueue(e *event) {
	s.ready = append(s.ready, e)
	s.addWork(1)
	s.pump()
}

// pump starts ready events. Each has a goroutine of its own, which takes over
// the event's count of work. The caller holds mu.
func (s *Service) pump() {
	for s.workers < s.cfg.AsyncWorkers && len(s.ready) > 0 {
		e := s.ready[0]
		s.ready[0] = nil
		s.ready = s.ready[1:]
		s.workers++
		go func() {
			defer func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.workers--
				s.pump()
				s.addWork(-1)
			}()
			s.attempt(e)
		}()
	}
}

// attempt runs the event once and decides what becomes of it.
func (s *Service) attempt(e *event) {
	stopped, maxAge, ok := s.policy(e.inv.Function)
	switch {
	case !ok:
		s.log.Warn("event of a removed function dropped", slog.String("function", e.inv.Function), slog.String("requestId", e.inv.RequestID))
		return
	case stopped:
		e.last = lastError{http.StatusTooManyRequests, throttled("").Message}
		s.giveUp(e)
		return
	case s.clock.Now().Sub(e.queued) > maxAge:
		s.giveUp(e)
		return
	}
	plan := s.plan(e.inv)
	f, err := s.admit(e.inv, plan)
	if err != nil {
		s.refused(e, err)
		return
	}
	e.refusals = 0
	result := s.execute(f, e.inv, plan)
	if result.FunctionError == "" {
		if plan.Duplicate && !e.duplicate {
			s.repeat(e)
		}
		return
	}
	e.failures++
	e.last = lastError{http.StatusOK, errorMessage(result.Payload)}
	if e.duplicate {
		// The event has succeeded once; the queue has no more claim on it.
		return
	}
	if e.failures > s.maxRetries(e.inv.Function) {
		s.giveUp(e)
		return
	}
	e.inv.Attempt++
	s.schedule(e, retryWaits[min(e.failures, len(retryWaits))-1])
}

// policy tells whether the function exists, is stopped, and how old its events
// may get.
func (s *Service) policy(name string) (stopped bool, maxAge time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[name]
	if f == nil {
		return false, 0, false
	}
	reserved := f.def.ReservedConcurrency
	return reserved != nil && *reserved == 0, f.def.MaxEventAge, true
}

func (s *Service) maxRetries(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.functions[name]; f != nil {
		return *f.def.MaxRetries
	}
	return 0
}

// refused handles an attempt that did not reach the function: the event goes
// back to the queue with a growing wait.
func (s *Service) refused(e *event, err error) {
	var refusal *Error
	if !errors.As(err, &refusal) || errors.Is(err, ErrFunctionNotFound) {
		return // closed or removed in the meantime
	}
	e.last = lastError{refusal.Status, refusal.Message}
	wait := throttleWaitMax
	if e.refusals < 16 { // beyond, the shift would pass the maximum by far
		wait = min(throttleWaitMin<<e.refusals, throttleWaitMax)
	}
	e.refusals++
	s.schedule(e, wait)
}

// schedule makes the event ready after wait.
func (s *Service) schedule(e *event, wait time.Duration) {
	now := s.clock.Now()
	e.due = now.Add(wait)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	if f := s.functions[e.inv.Function]; f != nil {
		f.stats.Retries++
	}
	s.waiting[e] = struct{}{}
	e.waits++
	wanted := e.waits
	e.timer = s.clock.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		// The timer may come late: enqueueDue has made the event ready then, and
		// it may even wait anew.
		if _, ok := s.waiting[e]; ok && e.waits == wanted {
			delete(s.waiting, e)
			s.enqueue(e)
		}
	})
	s.mu.Unlock()
	s.events.Emit(Event{Kind: Requeued, Invocation: e.inv, Wait: wait, At: now})
}

// enqueueDue makes the waiting events ready whose time has come but whose timer
// has not run yet. The caller holds mu.
func (s *Service) enqueueDue() {
	now := s.clock.Now()
	var due []*event
	for e := range s.waiting {
		if !e.due.After(now) {
			due = append(due, e)
		}
	}
	slices.SortFunc(due, byDue)
	for _, e := range due {
		e.timer.Stop()
		delete(s.waiting, e)
		s.enqueue(e)
	}
}

// repeat queues a copy of an event that has succeeded.
func (s *Service) repeat(e *event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		copied := s.newEvent(e.inv, e.queued)
		copied.duplicate = true
		s.enqueue(copied)
	}
}

// stopQueue closes the service and drops the queued events.
func (s *Service) stopQueue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	dropped := len(s.ready) + len(s.waiting)
	s.addWork(-len(s.ready))
	s.ready = nil
	for e := range s.waiting {
		e.timer.Stop()
	}
	clear(s.waiting)
	if dropped > 0 {
		s.log.Info("queued events dropped", slog.Int("events", dropped))
	}
}
