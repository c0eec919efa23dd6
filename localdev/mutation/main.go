package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// packages are those that are held to a kill rate, the smallest first.
var packages = []string{
	"pkg/room", "pkg/revocation", "pkg/limit", "pkg/connection", "pkg/sweep", "pkg/msglog", "pkg/auth",
	"pkg/handler", "pkg/broadcast", "pkg/protocol", "pkg/aws/dynamo", "pkg/client",
}

// options are what the command line says.
type options struct {
	all                             []string // packages
	accepted, dir                   string   // below the module's root
	floor                           float64
	packages, changed, only, judges string
	sample                          int
	seed                            uint64
	wait, slow                      time.Duration
	list, again                     bool
}

func main() {
	o := options{all: packages, accepted: "localdev/mutation/accepted.txt", dir: "build/mutation"}
	flag.StringVar(&o.packages, "packages", "", "mutate these only, as pkg/limit,pkg/auth")
	flag.StringVar(&o.changed, "changed", "", "mutate those only that differ from this commit")
	flag.StringVar(&o.only, "only", "", "mutants whose key matches this expression only")
	flag.StringVar(&o.judges, "judges", "", "judges besides a package's own tests that match this expression only; none: own tests only")
	flag.IntVar(&o.sample, "sample", 0, "judge so many mutants, chosen by seed; 0: all")
	flag.Uint64Var(&o.seed, "seed", 1, "chooses the sample")
	flag.DurationVar(&o.wait, "for", 0, "stop after this long; 0: when all are judged")
	flag.DurationVar(&o.slow, "slow", time.Minute, "tests that take longer alone do not judge")
	flag.Float64Var(&o.floor, "floor", 95, "fail if fewer of a package's mutants are killed, in percent of those that are not equivalent")
	flag.IntVar(&workers, "workers", workers, "tests that run at a time")
	flag.BoolVar(&o.list, "list", false, "list the mutants and judge none")
	flag.BoolVar(&o.again, "again", false, "believe no earlier result")
	flag.Parse()
	fine, err := run(o, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !fine {
		os.Exit(1)
	}
}

// run reports whether enough mutants are killed in each package, and the list of
// survivors names none that does not survive.
func run(o options, out io.Writer) (bool, error) {
	top, err := output(".", "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return false, err
	}
	root := strings.TrimSpace(string(top))
	targets, err := load(root, o.all)
	if err != nil {
		return false, err
	}
	known, err := readAccepted(filepath.Join(root, filepath.FromSlash(o.accepted)))
	if err != nil {
		return false, err
	}
	chosen, err := o.choose(root, targets)
	if err != nil {
		return false, err
	}
	if o.list {
		for _, m := range chosen {
			fmt.Fprintf(out, "%d\t%s\n", m.ID, m.Key())
		}
		return true, nil
	}
	shop, err := newWorkshop(root, filepath.Join(root, filepath.FromSlash(o.dir)), targets)
	if err != nil {
		return false, err
	}
	shop.slow = o.slow
	judged, err := shop.all(o, chosen, known)
	if err != nil {
		return false, err
	}
	path := filepath.Join(shop.dir, "report.md")
	f, err := os.Create(path) //nolint:gosec // ours
	if err != nil {
		return false, err
	}
	report(io.MultiWriter(f, out), targets, judged, known)
	if err := f.Close(); err != nil {
		return false, err
	}
	fine := vanished(out, targets, known)
	for _, m := range chosen {
		v, ok := judged[m]
		if _, listed := known[m.Key()]; ok && listed && !v.alive() {
			fmt.Fprintf(out, "\nLISTED AS A SURVIVOR, BUT KILLED by %s (%s), so take it off accepted.txt: %s\n", v.Test, v.Judge, m.Key())
			fine = false
		}
	}
	for _, t := range targets {
		if n := count(t.mutants, judged, known); n.rate() < o.floor {
			fmt.Fprintf(out, "\n%s: %.1f %% killed, want %.0f %%\n", t.dir, n.rate(), o.floor)
			fine = false
		}
	}
	return fine, nil
}

// vanished reports whether the list names mutants only that there are.
func vanished(out io.Writer, targets []*target, known map[string]accepted) bool {
	there := map[string]bool{}
	for _, t := range targets {
		for _, m := range t.mutants {
			there[m.Key()] = true
		}
	}
	fine := true
	for key := range known {
		if !there[key] {
			fmt.Fprintf(out, "\nLISTED AS A SURVIVOR, BUT NOT THERE, so take it off accepted.txt: %s\n", key)
			fine = false
		}
	}
	return fine
}

// choose returns the mutants that the options are about.
func (o options) choose(root string, targets []*target) ([]*Mutant, error) {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, err
	}
	dirs := strings.Split(o.packages, ",")
	if o.packages == "" {
		dirs = o.all
	}
	if o.changed != "" {
		diff, err := output(root, "git", "diff", "--name-only", o.changed, "--", "pkg")
		if err != nil {
			return nil, err
		}
		dirs = slices.DeleteFunc(slices.Clone(dirs), func(dir string) bool {
			return !regexp.MustCompile(`(?m)^` + dir + `/[^/]+\.go$`).Match(diff)
		})
	}
	var chosen []*Mutant
	for _, t := range targets {
		if !slices.Contains(dirs, t.dir) {
			continue
		}
		for _, m := range t.mutants {
			if only.MatchString(m.Key()) {
				chosen = append(chosen, m)
			}
		}
	}
	if o.sample > 0 && o.sample < len(chosen) {
		r := rand.New(rand.NewPCG(o.seed, 0)) //nolint:gosec // the same each time
		r.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
		chosen = chosen[:o.sample]
	}
	return chosen, nil
}

// all judges mutants, two at a time.
func (w *workshop) all(o options, chosen []*Mutant, known map[string]accepted) (map[*Mutant]Verdict, error) {
	began := time.Now()
	which, err := regexp.Compile(o.judges)
	if err != nil {
		return nil, err
	}
	judged := map[*Mutant]Verdict{}
	for _, t := range w.targets {
		mutants := slices.DeleteFunc(slices.Clone(chosen), func(m *Mutant) bool { return m.Package != t.dir })
		if len(mutants) == 0 || o.wait > 0 && time.Since(began) > o.wait {
			continue
		}
		if err := w.judgePackage(o, t, which, mutants, known, judged, began); err != nil {
			return nil, err
		}
	}
	if n := len(chosen) - len(judged); n > 0 {
		fmt.Printf("%d of %d mutants are not judged: the time is over\n", n, len(chosen))
	}
	return judged, nil
}

// judgePackage judges the mutants of one package.
func (w *workshop) judgePackage(o options, t *target, which *regexp.Regexp, mutants []*Mutant, known map[string]accepted, judged map[*Mutant]Verdict, began time.Time) error {
	own := &judge{dir: t.dir, tests: regexp.MustCompile(`^(Test|Fuzz|Example)`)}
	bench := []*judge{own}
	for _, j := range judges() {
		if j.dir != t.dir && which.MatchString(j.dir) {
			bench = append(bench, j)
		}
	}
	var hashes [][]byte
	for i, j := range bench {
		built, err := w.prepare(j)
		if err != nil {
			return err
		}
		bench[i] = built
		if built.deps[t.dir] {
			hashes = append(hashes, []byte(built.hash))
		}
	}
	judgesHash := hash(append(hashes, []byte(w.slow.String()))...)
	store, err := openResults(filepath.Join(w.dir, "results", strings.ReplaceAll(t.dir, "/", "-")+".jsonl"))
	if err != nil {
		return err
	}
	defer func() { _ = store.file.Close() }()
	sources := map[string]string{}
	for _, s := range t.files {
		sources[filepath.Base(s.path)] = hash(s.text)
	}
	next := make(chan *Mutant)
	var mu sync.Mutex
	var failed error
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for m := range next {
				v, err := w.try(m, bench)
				if err == nil {
					err = store.add(Result{m.Key(), m, v, sources[m.File], judgesHash})
				}
				mu.Lock()
				judged[m], failed = v, errors.Join(failed, err)
				if _, listed := known[m.Key()]; v.alive() && !listed {
					fmt.Printf("%s: line %d of %s\n", v.Status, m.Line, m.Key())
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range mutants {
		if r, ok := store.earlier(m, sources[m.File], judgesHash); ok && !o.again {
			mu.Lock()
			judged[m] = r.Verdict
			mu.Unlock()
			continue
		}
		if o.wait > 0 && time.Since(began) > o.wait {
			break
		}
		next <- m
	}
	close(next)
	group.Wait()
	return failed
}
