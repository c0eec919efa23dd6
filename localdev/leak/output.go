package leak

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Output reads what `go test -json` prints, writes to w what `go test` would
// print without it (a line for each package, and all of a test that fails), and
// looks at every line of every test, also of those that pass. It returns an
// error that says where a secret was printed, if one was.
func Output(w io.Writer, r io.Reader) error {
	o := output{w: w, held: map[string]*strings.Builder{}}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			o.take(line)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the tests' output: %w", err)
		}
	}
	if o.events == 0 {
		return errors.New("no output of go test -json has come in")
	}
	return errors.Join(o.found...)
}

// Lines passes on what tests of any kind print, and looks at every line. It
// returns an error that says what was printed, if a secret was, or if nothing
// has come in.
func Lines(w io.Writer, r io.Reader) error {
	var found []error
	lines := bufio.NewReader(r)
	for n := 0; ; n++ {
		line, err := lines.ReadBytes('\n')
		if _, err := w.Write(line); err != nil {
			return fmt.Errorf("pass on the tests' output: %w", err)
		}
		if secret := Look(line); secret != "" && len(found) < tooMany {
			found = append(found, fmt.Errorf("line %d prints a secret: %s", n+1, secret))
		}
		if errors.Is(err, io.EOF) {
			if n == 0 && len(line) == 0 {
				return errors.New("no output of tests has come in")
			}
			return errors.Join(found...)
		}
		if err != nil {
			return fmt.Errorf("read the tests' output: %w", err)
		}
	}
}

// event is what test2json writes (https://pkg.go.dev/cmd/test2json).
type event struct{ Action, Package, ImportPath, Test, Output string }

type output struct {
	w      io.Writer
	events int
	held   map[string]*strings.Builder // by package and test, until it is over
	found  []error
}

func (o *output) take(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
		_, _ = o.w.Write(line) // not of test2json: the go command itself
		return
	}
	o.events++
	if secret := Look([]byte(e.Output)); secret != "" && len(o.found) < tooMany {
		o.found = append(o.found, fmt.Errorf("%s %s prints a secret: %s", e.Package, e.Test, secret))
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		_, _ = io.WriteString(o.w, e.Output)
	case "output":
		o.print(key, e)
	case "fail":
		o.release(key)
		if e.Test == "" {
			// Of a test that was still running when its package ended, as at a
			// time-out, nothing but this is told.
			for _, key := range slices.Sorted(maps.Keys(o.held)) {
				if strings.HasPrefix(key, e.Package+" ") {
					o.release(key)
				}
			}
		}
	case "pass", "skip":
		delete(o.held, key)
	}
}

// release prints what is held of a test.
func (o *output) release(key string) {
	if b := o.held[key]; b != nil {
		_, _ = io.WriteString(o.w, b.String())
	}
	delete(o.held, key)
}

// print holds a test's output back until it fails; a package's own comes at
// once but for what only -v prints.
func (o *output) print(key string, e event) {
	if e.Test == "" {
		if e.Output != "PASS\n" {
			_, _ = io.WriteString(o.w, e.Output)
		}
		return
	}
	for _, frame := range []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME"} {
		if strings.HasPrefix(e.Output, frame) {
			return
		}
	}
	if o.held[key] == nil {
		o.held[key] = new(strings.Builder)
	}
	_, _ = o.held[key].WriteString(e.Output)
}
