package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// reach is what one test of a judge reaches while no mutant is on.
type reach struct {
	Mutants map[string][]int `json:"mutants"` // first numbers of regions, by package
	Took    time.Duration    `json:"took"`
	Failed  bool             `json:"failed,omitempty"`

	has map[string]map[int]bool
}

// profile learns what each test of a judge reaches: once for each binary.
func (w *workshop) profile(j *judge) error {
	path := filepath.Join(w.dir, "reach", strings.ReplaceAll(j.dir, "/", "-")+"-"+j.hash+".json")
	if b, err := os.ReadFile(path); err == nil { //nolint:gosec // ours
		if err := json.Unmarshal(b, &j.reach); err != nil {
			return err
		}
	} else {
		if err := w.measure(j); err != nil {
			return err
		}
		b, err := json.Marshal(j.reach)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // no secret
			return err
		}
		if err := os.WriteFile(path, b, 0o644); err != nil { //nolint:gosec // no secret
			return err
		}
	}
	for name, r := range j.reach {
		if r.Failed {
			fmt.Printf("%s: %s fails without a mutant and does not judge\n", j.dir, name)
		}
		r.has = map[string]map[int]bool{}
		for dir, ids := range r.Mutants {
			r.has[dir] = map[int]bool{}
			for _, id := range ids {
				r.has[dir][id] = true
			}
		}
	}
	return nil
}

// measure runs each test alone, two at a time.
func (w *workshop) measure(j *judge) error {
	out, err := output(filepath.Join(w.root, j.dir), j.binary, "-test.list", ".")
	if err != nil {
		return err
	}
	began := time.Now()
	j.reach = map[string]*reach{}
	names := make(chan string)
	var mu sync.Mutex
	var failed error
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for name := range names {
				r, err := w.measureOne(j, name)
				mu.Lock()
				j.reach[name] = r
				if err != nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	for name := range strings.FieldsSeq(string(out)) {
		if j.tests.MatchString(name) {
			names <- name
		}
	}
	close(names)
	group.Wait()
	fmt.Printf("%s: %d tests, measured in %v\n", j.dir, len(j.reach), time.Since(began).Round(time.Second))
	return failed
}

func (w *workshop) measureOne(j *judge, name string) (*reach, error) {
	dir, err := os.MkdirTemp("", "reach")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "reach")
	r := &reach{}
	for range 2 { // a second attempt for what is slow beside others
		began := time.Now()
		c := exec.CommandContext(context.Background(), j.binary, append([]string{"-test.run", "^" + name + "$", "-test.timeout", "3m"}, j.args...)...) //nolint:gosec // built above
		c.Dir = filepath.Join(w.root, j.dir)
		c.Env = append(os.Environ(), "GAPLESS_MUTANT_REACH="+file)
		err := c.Run()
		r.Took, r.Failed = time.Since(began), err != nil
		if !r.Failed {
			break
		}
	}
	r.Mutants = map[string][]int{}
	b, err := os.ReadFile(file) //nolint:gosec // ours
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	seen := map[string]bool{}
	for line := range bytes.Lines(b) {
		if seen[string(line)] {
			continue
		}
		seen[string(line)] = true
		pkg, number, _ := strings.Cut(strings.TrimSpace(string(line)), ":")
		id, err := strconv.Atoi(number)
		if err != nil {
			return nil, err
		}
		r.Mutants[pkg] = append(r.Mutants[pkg], id)
	}
	return r, nil
}

// reaching returns the tests of a judge that reach a mutant, the quickest first.
func (j *judge) reaching(m *Mutant, slow time.Duration) []string {
	first := m.region.mutants[0].ID
	var names []string
	for name, r := range j.reach {
		if !r.Failed && r.Took <= slow && r.has[m.Package][first] {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(j.reach[a].Took, j.reach[b].Took), cmp.Compare(a, b))
	})
	return names
}
