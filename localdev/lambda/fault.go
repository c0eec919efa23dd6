package lambda

import "time"

// Fault is a way in which a run goes wrong.
type Fault int

const (
	// FaultNone lets the run be.
	FaultNone Fault = iota
	// FaultDieBefore kills the environment before the handler is called.
	FaultDieBefore
	// FaultDieAfter kills the environment after the handler has returned: all
	// its effects are done, its answer is lost.
	FaultDieAfter
	// FaultTimeoutBefore lets the time-out pass without calling the handler.
	FaultTimeoutBefore
	// FaultTimeoutAfter calls the handler and lets the time-out pass after it
	// has returned: all its effects are done, its answer comes too late.
	FaultTimeoutAfter
	// FaultThrottle refuses the run with TooManyRequestsException.
	FaultThrottle
	// FaultService refuses the run with ServiceException.
	FaultService
)

// String is the fault's name in logs and traces.
func (f Fault) String() string {
	switch f {
	case FaultNone:
		return "none"
	case FaultDieBefore:
		return "die before"
	case FaultDieAfter:
		return "die after"
	case FaultTimeoutBefore:
		return "time out before"
	case FaultTimeoutAfter:
		return "time out after"
	case FaultThrottle:
		return "throttle"
	case FaultService:
		return "service fault"
	}
	return "unknown"
}

// FaultPlan says what goes wrong in one run. The zero value is a good run.
type FaultPlan struct {
	Fault Fault
	// Delay is waited, on the clock, before an environment is sought, on top of
	// which the function's time-out starts.
	Delay time.Duration
	// Duplicate runs an asynchronous event once more after a success, as the
	// service's queue may
	// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
	// It is ignored in synchronous runs and in the duplicate itself.
	Duplicate bool
}

// SetFault replaces Config.Fault; nil ends all faults.
func (s *Service) SetFault(fault func(Invocation) FaultPlan) { s.fault.Set(fault) }

func (s *Service) plan(inv Invocation) FaultPlan {
	fault := s.fault.Get()
	if fault == nil {
		return FaultPlan{}
	}
	return fault(inv)
}
