package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	movable "github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/lambda"
)

// behaviour is the variable that makes this test's own binary a function.
const behaviour = "GAPLESS_TEST_FUNCTION"

// runAsFunction is main where this binary was started as a function's process.
func runAsFunction() {
	switch os.Getenv(behaviour) {
	case "":
		return
	case "exit at init":
		log.Fatal("no table")
	case "init error":
		reportInitError()
	case "no init":
		select {}
	case "nest":
		nest()
	}
	calls := 0
	awslambda.Start(func(ctx context.Context, in string) (any, error) {
		calls++
		switch in {
		case "look":
			return look(ctx), nil
		case "count":
			return calls, nil
		case "error":
			return nil, errors.New("no")
		case "panic":
			panic("boom")
		case "exit":
			fmt.Fprint(os.Stderr, "so long")
			os.Exit(3)
		case "exit 0":
			os.Exit(0)
		case "hang":
			select {}
		case "outlive":
			parent := os.Getppid()
			fmt.Println("outliving") // only now may the parent die
			for os.Getppid() == parent {
				time.Sleep(time.Millisecond)
			}
		case "large":
			return strings.Repeat("x", 7<<20), nil
		case "print":
			fmt.Println("a line of", os.Getenv("AWS_LAMBDA_FUNCTION_NAME"))
		}
		return in, nil
	})
}

// sight is what a function sees around it.
type sight struct {
	ID, ARN, Trace, Client string
	Left                   time.Duration
	Env                    []string
	Dir                    string
}

func look(ctx context.Context) sight {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	trace, _ := ctx.Value("x-amzn-trace-id").(string)
	dir, _ := os.Getwd()
	return sight{lc.AwsRequestID, lc.InvokedFunctionArn, trace, lc.ClientContext.Custom["k"], time.Until(deadline), os.Environ(), dir}
}

func reportInitError() {
	url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
	r, err := http.Post(url, "application/json", strings.NewReader(`{"errorType":"Config","errorMessage":"no table"}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("init error answered", r.StatusCode)
	select {} // a runtime that does not exit is ended
}

// nest is a local stack in a process of its own: one of its functions is
// frozen, one runs.
func nest() {
	busy := make(chan struct{})
	p := lambda.NewProcess(writer(func(b []byte) (int, error) {
		close(busy) // the only line that is printed
		return len(b), nil
	}))
	s := lambda.New(lambda.Config{Executor: p})
	for _, name := range []string{"frozen", "busy"} {
		if err := s.Register(lambda.Function{Name: name, Binary: os.Args[0], Env: map[string]string{behaviour: "plain"}}); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := s.Invoke(context.Background(), "frozen", []byte(`"count"`)); err != nil {
		log.Fatal(err)
	}
	go s.Invoke(context.Background(), "busy", []byte(`"outlive"`)) //nolint:errcheck // does not end here
	<-busy
	for _, r := range p.Running() {
		// A process that has its SIGSTOP and has not stopped yet would stop when it
		// has no parent any more, and stay so.
		for r.Function == "frozen" {
			if letter, err := stateOf(r.PID); err != nil || letter == "T" {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(p.Running()); err != nil {
		log.Fatal(err)
	}
	select {}
}

// processes is a service that runs this test's binary as its functions, which
// behave as asked. Nothing of it is left when the test ends.
func processes(t *testing.T, config lambda.Config, behaviours ...string) (*lambda.Service, *lambda.Process) {
	t.Helper()
	p, ok := config.Executor.(*lambda.Process)
	if !ok {
		p = lambda.NewProcess(nil)
		config.Executor = p
	}
	t.Cleanup(func() {
		p.Close()
		if left := p.Running(); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	s := lambda.RunT(t, config)
	for _, b := range behaviours {
		register(t, s, lambda.Function{
			Name: strings.ReplaceAll(b, " ", "-"), Binary: os.Args[0], Timeout: 5 * time.Second, MemoryMB: 512,
			Env: map[string]string{behaviour: b, "AWS_REGION": "us-east-1"},
		})
	}
	return s, p
}

func TestProcessSeesWhatLambdaGivesIt(t *testing.T) {
	t.Parallel()
	s, _ := processes(t, lambda.Config{}, "plain")
	r := invoke(t, s, "plain", `"look"`)
	var got sight
	if err := json.Unmarshal(r.Payload, &got); err != nil {
		t.Fatalf("%v: %s", err, r.Payload)
	}
	if got.ID != r.RequestID || got.ARN != s.ARN("plain") || !strings.HasPrefix(got.Trace, "Root=1-") || got.Left <= 0 || got.Left > 5*time.Second {
		t.Errorf("context: %+v", got)
	}
	binary, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"AWS_LAMBDA_FUNCTION_NAME=plain", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "LAMBDA_TASK_ROOT=" + filepath.Dir(binary), "TZ=:UTC",
	} {
		if !slices.Contains(got.Env, want) {
			t.Errorf("no %s in %q", want, got.Env)
		}
	}
	if slices.ContainsFunc(got.Env, func(pair string) bool { return strings.HasPrefix(pair, "HOME=") }) {
		t.Errorf("inherited: %q", got.Env)
	}
	if got.Dir != filepath.Dir(binary) {
		t.Errorf("runs in %s", got.Dir)
	}
}

func TestProcessIsReusedAndFrozenBetween(t *testing.T) {
	t.Parallel()
	s, p := processes(t, lambda.Config{}, "plain")
	for i := range 3 {
		r := invoke(t, s, "plain", `"count"`)
		if string(r.Payload) != fmt.Sprint(i+1) || r.Cold != (i == 0) {
			t.Errorf("run %d: %s, cold %t", i+1, r.Payload, r.Cold)
		}
		for pid := p.Running()[0].PID; state(t, pid) != "T"; { // for ever, if it is not frozen
			time.Sleep(time.Millisecond)
		}
	}
}

// state is a process' state as Linux names it.
func state(t *testing.T, pid int) string {
	t.Helper()
	letter, err := stateOf(pid)
	if err != nil {
		t.Skipf("this system does not say how a process is: %v", err)
	}
	return letter
}

func stateOf(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return after[:1], nil
}

func TestProcessThatDiesWhileFrozenIsReplaced(t *testing.T) {
	t.Parallel()
	s, p := processes(t, lambda.Config{}, "plain")
	invoke(t, s, "plain", `"count"`)
	kill(t, p.Running()[0].PID)
	for len(p.Running()) > 0 {
		time.Sleep(time.Millisecond)
	}
	if r := invoke(t, s, "plain", `"count"`); r.FunctionError != "" || !r.Cold {
		t.Errorf("%+v", r)
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestProcessThatIsKilledIsAnExitError(t *testing.T) {
	t.Parallel()
	s, p := processes(t, lambda.Config{}, "plain")
	invoke(t, s, "plain", `"count"`) // warm
	pid := p.Running()[0].PID
	stop := s.Observe(func(e lambda.Event) {
		if e.Kind == lambda.Started {
			go func() {
				for state(t, pid) == "T" {
					time.Sleep(time.Millisecond)
				}
				kill(t, pid)
			}()
		}
	})
	r := invoke(t, s, "plain", `"hang"`)
	stop()
	want := errorObject{Type: "Runtime.ExitError", Message: "RequestId: " + r.RequestID + " Error: Runtime exited with error: signal: killed"}
	if diff := cmp.Diff(want, functionError(t, r)); diff != "" {
		t.Error(diff)
	}
	if r := invoke(t, s, "plain", `"count"`); string(r.Payload) != "1" || !r.Cold {
		t.Errorf("after it: %+v", r)
	}
}

func TestProcessErrorsLookAsOnAWS(t *testing.T) {
	t.Parallel()
	s, _ := processes(t, lambda.Config{}, "plain", "exit at init", "init error")
	for _, test := range []struct {
		function, in, kind, message string
		kept                        bool
	}{
		{"plain", `"error"`, "errorString", "no", true},
		{"plain", `"panic"`, "string", "boom", false},
		{"plain", `"exit"`, "Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: exit status 3", false},
		{"plain", `"exit 0"`, "Runtime.ExitError", "RequestId: %s Error: Runtime exited without providing a reason", false},
		{"plain", `"large"`, "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).", false},
		{"exit-at-init", `{}`, "Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: exit status 1", false},
		{"init-error", `{}`, "Config", "no table", false},
	} {
		r := invoke(t, s, test.function, test.in)
		got := functionError(t, r)
		message := strings.Replace(test.message, "%s", r.RequestID, 1)
		if got.Type != test.kind || got.Message != message {
			t.Errorf("%s %s: %s %q, want %s %q", test.function, test.in, got.Type, got.Message, test.kind, message)
		}
		if test.in == `"exit"` && !strings.Contains(r.Cause.Error(), "so long") {
			t.Errorf("the log does not show what the process printed last: %v", r.Cause)
		}
		if test.function == "plain" {
			if next := invoke(t, s, "plain", `"count"`); next.FunctionError != "" || next.Cold == test.kept {
				t.Errorf("after %s: %+v", test.in, next)
			}
		}
	}
}

func TestProcessIsKilledAtItsTimeOut(t *testing.T) {
	t.Parallel()
	clk := movable.NewMovable()
	s, p := processes(t, lambda.Config{Clock: clk}, "plain")
	stop := s.Observe(func(e lambda.Event) {
		if e.Kind == lambda.Started {
			go clk.Advance(5 * time.Second)
		}
	})
	r := invoke(t, s, "plain", `"hang"`)
	stop()
	want := errorObject{Type: "Sandbox.Timedout", Message: "RequestId: " + r.RequestID + " Error: Task timed out after 5.00 seconds"}
	if diff := cmp.Diff(want, functionError(t, r)); diff != "" {
		t.Error(diff)
	}
	if err := s.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for len(p.Running()) > 0 {
		time.Sleep(time.Millisecond)
	}
}

func TestProcessThatDoesNotComeUpIsATimeOut(t *testing.T) {
	t.Parallel()
	s, p := processes(t, lambda.Config{})
	p.SetInitLimit(10 * time.Millisecond)
	register(t, s, lambda.Function{Name: "f", Binary: os.Args[0], Timeout: time.Second, Env: map[string]string{behaviour: "no init"}})
	r := invoke(t, s, "f", `{}`)
	want := errorObject{Type: "Sandbox.Timedout", Message: "RequestId: " + r.RequestID + " Error: Task timed out after 1.00 seconds"}
	if diff := cmp.Diff(want, functionError(t, r)); diff != "" {
		t.Error(diff)
	}
	if got := s.Stats("f").ColdStarts; got != 1 || len(p.Running()) > 1 {
		t.Errorf("%d cold starts, running: %v", got, p.Running())
	}
}

func TestEachConcurrentInvocationHasItsProcess(t *testing.T) {
	t.Parallel()
	const n = 5
	var mu sync.Mutex
	var lines []string
	log := writer(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, strings.Split(strings.TrimSpace(string(b)), "\n")...)
		return len(b), nil
	})
	p := lambda.NewProcess(log)
	s, _ := processes(t, lambda.Config{Executor: p}, "plain")
	var wg sync.WaitGroup
	// All wait until the last has come.
	var ready sync.WaitGroup
	ready.Add(n)
	stop := s.Observe(func(e lambda.Event) {
		if e.Kind == lambda.Started {
			ready.Done()
			ready.Wait()
		}
	})
	for range n {
		wg.Go(func() { invoke(t, s, "plain", `"print"`) })
	}
	wg.Wait()
	stop()
	if got := len(p.Running()); got != n {
		t.Errorf("%d processes", got)
	}
	p.Close()
	mu.Lock()
	defer mu.Unlock()
	if want := slices.Repeat([]string{"a line of plain"}, n); !slices.Equal(lines, want) {
		t.Errorf("log: %q", lines)
	}
	if r := invoke(t, s, "plain", `"count"`); r.FunctionError == "" {
		t.Errorf("started after Close: %+v", r)
	}
}

type writer func([]byte) (int, error)

func (f writer) Write(b []byte) (int, error) { return f(b) }

func TestRedeployEndsFreeProcesses(t *testing.T) {
	t.Parallel()
	s, p := processes(t, lambda.Config{}, "plain")
	invoke(t, s, "plain", `"count"`)
	before := p.Running()[0].PID
	s.Recycle("plain")
	if r := invoke(t, s, "plain", `"count"`); string(r.Payload) != "1" || !r.Cold {
		t.Errorf("%+v", r)
	}
	for slices.ContainsFunc(p.Running(), func(r lambda.Running) bool { return r.PID == before }) {
		time.Sleep(time.Millisecond)
	}
}

// TestNoProcessOutlivesAKilledStack kills a local stack with SIGKILL, which
// nothing can answer: the system itself must end the frozen process, and the
// busy one finds that its Runtime API is gone when it is done.
func TestNoProcessOutlivesAKilledStack(t *testing.T) {
	t.Parallel()
	stack := exec.CommandContext(t.Context(), os.Args[0])
	stack.Env = []string{behaviour + "=nest"}
	stack.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := stack.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stack.Start(); err != nil {
		t.Fatal(err)
	}
	var running []lambda.Running
	if err := json.NewDecoder(out).Decode(&running); err != nil {
		t.Fatal(err)
	}
	kill(t, stack.Process.Pid)
	_, _ = io.Copy(io.Discard, out)
	_ = stack.Wait() // killed
	for _, r := range running {
		for alive(r.PID) {
			time.Sleep(time.Millisecond)
		}
	}
	if len(running) != 2 {
		t.Errorf("ran %v", running)
	}
}

// alive reports whether a process is there and no zombie that waits for init.
func alive(pid int) bool {
	letter, err := stateOf(pid)
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !errors.Is(err, os.ErrNotExist)
	}
	return letter != "Z"
}
