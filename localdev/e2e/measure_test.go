package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/stack"
)

// gauge gathers what a function's runs take.
type gauge struct {
	init, run []time.Duration
	cpu       time.Duration // of the runs
	longest   time.Duration // of a run, with the start if there was one
	peakKB    int
}

// TestMeasure prints what each function takes as a process: the start, from
// exec to its first poll; the processor time until the first answer; a warm run,
// as a whole and of the processor; the longest of all, with its start; the most
// memory. infra/function.go chooses memory by it, and infra/README.md holds the
// time-outs against it. `make measure` shows the table.
func TestMeasure(t *testing.T) {
	needsProcesses(t)
	if !testing.Verbose() {
		t.Skip("prints a table: make measure")
	}
	const starts, members, publishes = 10, 10, 300
	s := start(t, stack.Config{NoSchedule: true, Environ: map[string]string{"GAPLESS_PUBLISH_RATE": "10000", "GAPLESS_CHECK_EVERY": "1ms"}})
	var mu sync.Mutex
	cold, warm := map[string]*gauge{}, map[string]*gauge{}
	s.Lambda.Observe(func(e lambda.Event) {
		if e.Kind != lambda.Ended {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		into, name := warm, e.Invocation.Function
		if e.Result.Cold {
			into = cold
		}
		if into[name] == nil {
			into[name] = &gauge{}
		}
		into[name].init = append(into[name].init, e.Result.InitDuration)
		into[name].run = append(into[name].run, e.Result.Duration)
		into[name].longest = max(into[name].longest, e.Result.InitDuration+e.Result.Duration)
	})

	for range starts {
		for _, f := range s.Lambda.Functions() {
			s.Lambda.Recycle(f.Name)
		}
		c := connect(t, s, "ada")
		publish(c, "cold", strings.Repeat("x", 1000), "")
		sweep(t, s)
		c.close()
		idle(t, s)
		for _, p := range s.Processes() {
			if g := cold[p.Function]; g != nil {
				g.cpu += cpuTime(t, p.PID)
			}
		}
	}

	var room []*client
	for i := range members {
		c := connect(t, s, fmt.Sprintf("user-%d", i))
		join(c, "warm", nil, "")
		room = append(room, c)
	}
	idle(t, s)
	mu.Lock()
	clear(warm)
	mu.Unlock()
	before := map[int]time.Duration{}
	for _, p := range s.Processes() {
		before[p.PID] = cpuTime(t, p.PID)
	}
	for n := range publishes {
		publish(room[0], "warm", strings.Repeat("x", 1000), strconv.Itoa(n))
		idle(t, s) // a quiet room: each message has a broadcaster of its own
	}
	for _, c := range room {
		c.close()
		connect(t, s, "again")
		sweep(t, s)
	}
	idle(t, s)
	for _, p := range s.Processes() {
		g := warm[p.Function]
		if g == nil {
			continue
		}
		g.cpu += cpuTime(t, p.PID) - before[p.PID]
		g.peakKB = max(g.peakKB, peakKB(t, p.PID))
	}
	t.Logf("%-11s %9s %13s %9s %12s %11s %9s %6s", "function", "start", "CPU to first", "warm p50", "warm p99", "CPU a run", "longest", "peak")
	for _, f := range s.Lambda.Functions() {
		c, w := cold[f.Name], warm[f.Name]
		if c == nil || w == nil {
			t.Errorf("%s did not run cold and warm", f.Name)
			continue
		}
		t.Logf("%-11s %6.1f ms %10.1f ms %6.1f ms %9.1f ms %8.2f ms %6.0f ms %3d MB", f.Name,
			ms(quantile(c.init, 0.5)), ms(c.cpu)/starts, ms(quantile(w.run, 0.5)), ms(quantile(w.run, 0.99)),
			ms(w.cpu)/float64(len(w.run)), ms(max(c.longest, w.longest)), w.peakKB>>10)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func quantile(all []time.Duration, q float64) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[min(len(all)-1, int(q*float64(len(all))))]
}

// cpuTime is how long a process' threads have had a processor
// (https://docs.kernel.org/scheduler/sched-stats.html).
func cpuTime(t *testing.T, pid int) (sum time.Duration) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		t.Skipf("this system does not tell a process' processor time: %v", err)
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err != nil {
			continue // it has just ended
		}
		n, err := strconv.ParseInt(strings.Fields(string(stat))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(n)
	}
	return sum
}

// peakKB is the most memory that a process has had.
func peakKB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	n, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
