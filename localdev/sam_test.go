package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSAM runs the functions in the SAM CLI's containers, by the commands that
// a person types: two clients talk over our gateway, and single functions take
// files of events/. It needs a Docker Engine and the SAM CLI.
//
// GAPLESS_SAM_FLAGS is added to SAM's command lines, such as
// --skip-pull-image.
func TestSAM(t *testing.T) { //nolint:paralleltest // the containers take the whole machine
	needSAM(t)
	samPort := freePort(t)
	gateway := dev(t, "--sam", "http://127.0.0.1:"+samPort)
	defer func() {
		if code := gateway.stop(); code != 0 {
			t.Errorf("dev: exit %d: %s", code, gateway.errs)
		}
	}()
	local, err := url.Parse(gateway.aws)
	if err != nil {
		t.Fatal(err)
	}
	aws := "AWS=http://host.docker.internal:" + local.Port()
	talk(t, gateway.url, serveSAM(t, aws, "SAM_PORT="+samPort))

	for event, want := range map[string]string{
		"connect token": `"statusCode": 200`, "message malformed": "bad_request", "broadcast drain": "null",
		"sweep tick": `"Unfinished": false`, "disconnect closed": `"statusCode": 200`,
	} {
		function, name, _ := strings.Cut(event, " ")
		if out := invoke(t, aws, "FUNCTION="+function, "EVENT="+name); !strings.Contains(out, want) {
			t.Errorf("%s lacks %s:\n%s", event, want, out)
		}
	}
}

// invoke runs `make sam-invoke`. SAM gives a container 0.7 s to come up once
// Docker has opened its port, which is before anything listens behind it, and
// then gives up with status 0: such a one is run again.
func invoke(t *testing.T, args ...string) string {
	t.Helper()
	for range 3 {
		out, err := makeCommand(t, append([]string{"sam-invoke"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		if !strings.Contains(string(out), "No response from invoke container") {
			return string(out)
		}
	}
	t.Fatalf("%v: no container came up in time", args)
	return ""
}

// talk sends a message from one client to another, through functions that run
// in containers: the broadcaster that SNS starts is one of them. log is what
// SAM prints: a function's line when it has answered, which for the
// broadcaster is after the message came.
func talk(t *testing.T, url string, log *transcript) {
	t.Helper()
	typing, typed := io.Pipe() // bob joins until it is closed
	out, w := io.Pipe()
	left := make(chan int, 1)
	go func() {
		left <- run(t.Context(), []string{"join", "lobby", "--user", "bob", "--url", url}, stdio{typing, w, w})
		_ = w.Close()
	}()
	bob := newTranscript(out)
	bob.waitFor(t, "joined lobby")
	var errs buffer
	if code := run(t.Context(), []string{"publish", "lobby", "hi", "--user", "ada", "--url", url}, stdio{nil, io.Discard, &errs}); code != 0 {
		t.Fatalf("publish: exit %d: %s\n%s", code, errs.String(), &log.text)
	}
	bob.waitFor(t, `ada: "hi"`)
	_ = typed.Close()
	if code := <-left; code != 0 {
		t.Errorf("join: exit %d: %s", code, bob.text.String())
	}
	for _, function := range []string{"connect", "message", "broadcast"} {
		log.waitFor(t, "functions/gapless-local-"+function+"/invocations")
	}
}

// needSAM skips loudly where there is nothing to run on.
func needSAM(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: nothing was run on the SAM CLI, because the tests are run with -short")
	}
	for _, program := range []string{"sam", "docker", "make"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: nothing was run on the SAM CLI, because there is no %s on the PATH; `.ci/docker make test-sam` brings all that it needs", program)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "docker", "version", "--format", "{{.Server.Version}}").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: nothing was run on the SAM CLI, because no Docker Engine answers (%s); `.ci/docker make test-sam` brings all that it needs",
			strings.TrimSpace(string(out)))
	}
}

// makeCommand is a target of the Makefile, whose whole process group ends with
// the test.
func makeCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	args = append(args, "SAM_FLAGS="+os.Getenv("GAPLESS_SAM_FLAGS"))
	c := exec.CommandContext(t.Context(), "make", append([]string{"--no-print-directory"}, args...)...)
	c.Dir = ".."
	c.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// SAM removes its containers when it is asked to end.
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGTERM) }
	c.WaitDelay = 30 * time.Second
	return c
}

// serveSAM runs `make sam-start` for the length of the test and returns what it
// prints.
func serveSAM(t *testing.T, args ...string) *transcript {
	t.Helper()
	c := makeCommand(t, append([]string{"sam-start"}, args...)...)
	r, w := io.Pipe()
	c.Stdout, c.Stderr = w, w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait() // ended by a signal
		_ = w.Close()
	}()
	t.Cleanup(func() {
		_ = c.Cancel() // it may have ended
		<-ended
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // whoever did not listen
		removeContainers(t)
	})
	log := newTranscript(r)
	log.waitFor(t, "Running on http")
	return log
}

// transcript is what a program prints, line by line.
type transcript struct {
	text  buffer
	lines chan string
}

func newTranscript(r io.Reader) *transcript {
	p := &transcript{lines: make(chan string, 10_000)}
	go func() {
		defer close(p.lines)
		scanner := bufio.NewScanner(r)
		for scanner.Scan() {
			_, _ = fmt.Fprintln(&p.text, scanner.Text()) // into memory
			select {
			case p.lines <- scanner.Text():
			default: // nobody waits for so much
			}
		}
	}()
	return p
}

// waitFor returns when a line with the text has come, now or earlier.
func (p *transcript) waitFor(t *testing.T, text string) {
	t.Helper()
	// A line that is not in the text yet is still to come by the channel.
	if strings.Contains(p.text.String(), text) {
		return
	}
	late := time.After(5 * time.Minute)
	for {
		select {
		case line, ok := <-p.lines:
			if strings.Contains(line, text) {
				return
			}
			if !ok {
				t.Fatalf("it ended before it said %q:\n%s", text, p.text.String())
			}
		case <-late:
			t.Fatalf("it does not say %q:\n%s", text, p.text.String())
		}
	}
}

// removeContainers removes those that SAM has left: it forgets one when two
// warm ones are made at the same moment.
func removeContainers(t *testing.T) {
	t.Helper()
	build, err := filepath.Abs("../build/sam")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob(filepath.Join(build, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		ids, err := exec.CommandContext(context.WithoutCancel(t.Context()), "docker", "ps", "-aq", "--filter", "volume="+folder).Output()
		if err != nil {
			t.Errorf("list containers: %v", err)
		}
		for _, id := range strings.Fields(string(ids)) {
			if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "docker", "rm", "-f", id).CombinedOutput(); err != nil {
				t.Errorf("remove container: %v %s", err, out)
			}
		}
	}
}

// freePort is one that nothing listens on at this moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nothing was written
	u, err := url.Parse("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}
