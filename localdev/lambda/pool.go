package lambda

import (
	"slices"

	"github.com/gapless-rooms/gapless/localdev/clock"
)

// take gives the invocation the function's most recently used free environment,
// or a new one whose Environment is still to be started. It also returns the
// function's definition at this moment, since a Register may replace it.
func (s *Service) take(f *function, inv *Invocation) (*environment, Function) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := len(f.free) - 1; n >= 0; n-- {
		env := f.free[n]
		f.free = slices.Delete(f.free, n, n+1)
		if env.Gone() {
			env.Close()
			continue
		}
		inv.Environment = env.number
		return env, f.def
	}
	s.lastEnv++
	f.stats.ColdStarts++
	inv.Cold, inv.Environment = true, s.lastEnv
	log := &environmentLog{tell: s.cfg.Log, now: s.clock.Now, function: f.def.Name, number: s.lastEnv}
	return &environment{number: s.lastEnv, version: f.version, log: log}, f.def
}

// coldStart makes an environment.
func (s *Service) coldStart(def Function) (Environment, error) {
	if err := clock.Sleep(s.base, s.clock, def.ColdStart); err != nil {
		return nil, ErrInvocationKilled
	}
	return s.cfg.Executor.Start(s.base, def)
}

// put counts the run and frees its environment, or ends it if it exited or
// belongs to a replaced function.
func (s *Service) put(f *function, env *environment, exited bool, r Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.stats.Invocations++
	if r.FunctionError != "" {
		f.stats.Errors++
	}
	switch {
	case env.Environment == nil:
	case exited, s.closed, env.version != f.version:
		env.Close()
	default:
		f.free = append(f.free, env)
	}
}

// enter lists the invocation as in flight.
func (s *Service) enter(inv Invocation) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastRun++
	s.inFlight[s.lastRun] = inv
	return s.lastRun
}

func (s *Service) update(run int, inv Invocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight[run] = inv
}

func (s *Service) leave(f *function, run int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inFlight, run)
	f.busy--
}
