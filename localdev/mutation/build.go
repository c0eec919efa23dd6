package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// judge is a package whose tests may notice a bug.
type judge struct {
	dir   string
	tests *regexp.Regexp // those that judge
	args  []string

	binary string
	hash   string // of the binary
	reach  map[string]*reach
	deps   map[string]bool

	mu      sync.Mutex
	killers map[string]string // by function, the test that noticed a mutant last
}

// judges are all of them, the fastest first; a package's own tests come before
// these. The simulation runs a handful of seeds and of crashes, always the same.
func judges() []*judge {
	all := regexp.MustCompile(`^(Test|Fuzz|Example)`)
	return []*judge{
		{dir: "pkg/handler", tests: all},
		{dir: "pkg/sweep", tests: all},
		{dir: "pkg/broadcast", tests: all},
		{dir: "pkg/storetest/memory", tests: all},
		{dir: "localdev/conformance", tests: all},
		{dir: "localdev/clienttest", tests: all},
		{dir: "localdev/e2e", tests: all},
		{dir: "localdev/sim", tests: regexp.MustCompile(`^(TestSeeds|TestCrashAtEveryCall)$`), args: []string{"-seeds=12"}},
	}
}

// workshop is where things are built: all targets are mutated in all binaries,
// so that a judge is built once for all of them.
type workshop struct {
	root, dir string
	targets   []*target
	built     map[string]*judge
	grace     time.Duration // of the processor, for a test that takes no time
	slow      time.Duration // tests that take longer do not judge
}

func newWorkshop(root, dir string, targets []*target) (*workshop, error) {
	replace := map[string]string{}
	for _, t := range targets {
		folder := filepath.Join(dir, "_mutated", filepath.FromSlash(t.dir))
		if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // source
			return nil, err
		}
		write := func(path string, text []byte) error {
			to := filepath.Join(folder, filepath.Base(path))
			replace[path] = to
			return os.WriteFile(to, text, 0o644) //nolint:gosec // source
		}
		for _, s := range t.files {
			if err := write(s.path, s.mutated); err != nil {
				return nil, err
			}
		}
		if err := write(filepath.Join(root, filepath.FromSlash(t.dir), "mutant_helper.go"), []byte(t.helper())); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	w := &workshop{root: root, dir: dir, targets: targets, built: map[string]*judge{}, grace: time.Second, slow: time.Minute}
	return w, os.WriteFile(w.overlay(), b, 0o644) //nolint:gosec // source
}

func (w *workshop) overlay() string { return filepath.Join(w.dir, "overlay.json") }

// prepare builds a judge once, and returns nil if it depends on no target.
func (w *workshop) prepare(j *judge) (*judge, error) {
	if done, ok := w.built[j.dir]; ok {
		return done, nil
	}
	out, err := output(w.root, "go", "list", "-deps", "-test", "-f", "{{.ImportPath}}", "./"+j.dir)
	if err != nil {
		return nil, err
	}
	j.deps, j.killers = map[string]bool{}, map[string]string{}
	for path := range strings.FieldsSeq(string(out)) {
		j.deps[strings.TrimPrefix(path, module)] = true
	}
	j.binary = filepath.Join(w.dir, "bin", strings.ReplaceAll(j.dir, "/", "-")+".test")
	c := exec.Command("go", "test", "-c", "-vet=off", "-overlay", w.overlay(), "-o", j.binary, "./"+j.dir) //nolint:gosec // the go command
	c.Dir = w.root
	// Some tests look for their source by what the compiler noted.
	c.Env = append(os.Environ(), "GOFLAGS="+strings.ReplaceAll(os.Getenv("GOFLAGS"), "-trimpath", ""))
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the tests of %s: %w\n%s", j.dir, err, out)
	}
	// Package rapid would keep what made a mutant fail, in the tree.
	if help, _ := exec.Command(j.binary, "-h").CombinedOutput(); bytes.Contains(help, []byte("-rapid.nofailfile")) { //nolint:gosec // just built
		j.args = append(slices.Clone(j.args), "-rapid.nofailfile")
	}
	b, err := os.ReadFile(j.binary)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	j.hash = hex.EncodeToString(sum[:8])
	w.built[j.dir] = j
	return j, w.profile(j)
}
