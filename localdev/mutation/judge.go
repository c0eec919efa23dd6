package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// workers is how many tests run at a time; flag -workers.
var workers = 2

// Status is what became of a mutant.
type Status string

// These are all.
const (
	Killed    Status = "killed"
	TimedOut  Status = "timed out"
	Survived  Status = "survived"
	Unreached Status = "not reached" // no test runs it
)

// Verdict is what the judges say of a mutant.
type Verdict struct {
	Status Status        `json:"status"`
	Judge  string        `json:"judge,omitempty"` // who noticed
	Test   string        `json:"test,omitempty"`
	Took   time.Duration `json:"took"`
}

// try has the judges look at a mutant, one after another, until one notices.
func (w *workshop) try(m *Mutant, all []*judge) (Verdict, error) {
	began := time.Now()
	v := Verdict{Status: Unreached}
	for _, j := range all {
		if !j.deps[m.Package] {
			continue
		}
		for _, names := range j.batches(m, w.slow) {
			v.Status = Survived
			status, test, err := w.run(j, m, names)
			if err != nil {
				return v, err
			}
			if status != Survived {
				v.Status, v.Judge, v.Test, v.Took = status, j.dir, test, time.Since(began)
				j.noticed(m, test)
				return v, nil
			}
		}
	}
	v.Took = time.Since(began)
	return v, nil
}

// batches cuts the tests that reach a mutant: first the one that noticed the
// mutant before this one in the function, then those that are quick, then the
// rest.
func (j *judge) batches(m *Mutant, slow time.Duration) [][]string {
	names := j.reaching(m, slow)
	var all [][]string
	j.mu.Lock()
	last := j.killers[m.File+m.Func]
	j.mu.Unlock()
	if i := slices.Index(names, last); i >= 0 && len(names) > 1 {
		all = append(all, []string{last})
		names = slices.Delete(names, i, i+1)
	}
	quick, sum := 0, time.Duration(0)
	for quick < len(names) && sum < quickly {
		sum += j.reach[names[quick]].Took
		quick++
	}
	for _, batch := range [][]string{names[:quick], names[quick:]} {
		if len(batch) > 0 {
			all = append(all, batch)
		}
	}
	return all
}

// quickly is how long the tests of the quick batch take together.
const quickly = 500 * time.Millisecond

func (j *judge) noticed(m *Mutant, test string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.killers[m.File+m.Func], _, _ = strings.Cut(test, "/")
}

var failure = regexp.MustCompile(`(?m)^ *--- FAIL: ((?:Test|Fuzz|Example)\S+)|^(panic: .*|fatal error: .*)`)

// run runs tests with a mutant on. A loop without end uses up its processor
// time, which the load of the machine does not change; a deadlock uses none.
func (w *workshop) run(j *judge, m *Mutant, names []string) (Status, string, error) {
	var took time.Duration
	for _, name := range names {
		took += j.reach[name].Took
	}
	patience := time.Minute + 20*took
	args := append([]string{
		"-c", fmt.Sprintf(`ulimit -t %d; exec "$@"`, int((w.grace + 4*took).Seconds())), "sh",
		j.binary, "-test.failfast", "-test.timeout", patience.String(), "-test.run", "^(" + strings.Join(names, "|") + ")$",
	}, j.args...)
	ctx, cancel := context.WithTimeout(context.Background(), patience+10*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", args...) //nolint:gosec // built above
	c.Dir = filepath.Join(w.root, j.dir)
	c.Env = append(os.Environ(), fmt.Sprintf("GAPLESS_MUTANT=%s:%d", m.Package, m.ID))
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	c.WaitDelay = time.Second
	if err := c.Start(); err != nil {
		return "", "", err
	}
	go watch(ctx, c.Process.Pid, cancel)
	err := c.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return Survived, "", nil
	case ctx.Err() != nil || errors.Is(err, exec.ErrWaitDelay):
		return TimedOut, "", nil
	case !errors.As(err, &exit):
		return "", "", err
	case exit.ExitCode() < 0 || bytes.Contains(out.Bytes(), []byte("panic: test timed out")):
		return TimedOut, "", nil
	}
	test := ""
	if found := failure.FindStringSubmatch(out.String()); found != nil {
		test = found[1] + found[2]
	}
	return Killed, short(test), nil
}
