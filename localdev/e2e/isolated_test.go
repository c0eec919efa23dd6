package e2e

import (
	"errors"
	"flag"
	"syscall"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/stack"
)

// isolated makes all tests of this package run the functions as processes.
var isolated = flag.String("isolated", "", "folder with {function}/bootstrap, as `make build` makes them; empty runs the functions in process")

// start starts a stack for one test, in process or isolated, and checks that
// no process is left of it.
func start(t *testing.T, config stack.Config) *stack.Running {
	t.Helper()
	config.Isolated = *isolated
	var s *stack.Running
	t.Cleanup(func() { // after the stack's own
		if s == nil {
			return
		}
		for _, p := range s.Processes() {
			t.Errorf("%s is left behind as process %d", p.Function, p.PID)
		}
	})
	s = stack.RunT(t, config)
	return s
}

// movesClock is why most tests that do not run isolated do not.
const movesClock = "moves the functions' clock, and processes go by the machine's"

// needsGo skips a test that cannot run with the functions as processes.
func needsGo(t *testing.T, why string) {
	t.Helper()
	if *isolated != "" {
		t.Skip(why)
	}
}

// needsProcesses skips a test of what only a process can suffer.
func needsProcesses(t *testing.T) {
	t.Helper()
	if *isolated == "" {
		t.Skip("needs the functions as processes: make test-isolated")
	}
}

// pids are the processes of a function, by their ids.
func pids(s *stack.Running, function string) map[int]bool {
	all := map[int]bool{}
	for _, p := range s.Processes() {
		if p.Function == function {
			all[p.PID] = true
		}
	}
	return all
}

// kill9 kills all processes of a function from outside, frozen or not. They
// end soon after; see gone.
func kill9(t *testing.T, s *stack.Running, function string) {
	t.Helper()
	for pid := range pids(s, function) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Errorf("kill %s: %v", function, err)
		}
	}
}

// gone waits until a function that is not being invoked has no process left.
func gone(s *stack.Running, function string) {
	for len(pids(s, function)) > 0 {
		time.Sleep(time.Millisecond)
	}
}
