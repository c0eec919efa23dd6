package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed helper.go.txt
var helper string

const module = "github.com/gapless-rooms/gapless/"

// target is a package to make bugs in.
type target struct {
	dir   string // as pkg/limit
	fset  *token.FileSet
	types *types.Package
	info  *types.Info
	files []*source
	// mutants are those that compile, in the order of their numbers.
	mutants []*Mutant
	// dropped counts those that do not.
	dropped int
}

// source is a file of it.
type source struct {
	path    string
	text    []byte
	regions []*region
	mutated []byte
}

// load finds the mutants of packages of the module at root.
func load(root string, dirs []string) ([]*target, error) {
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export"}
	args = append(args, "cmp", "os", "strconv", "strings", "sync/atomic", "time") // of the helper
	for _, d := range dirs {
		args = append(args, "./"+d)
	}
	out, err := output(root, "go", args...)
	if err != nil {
		return nil, err
	}
	type listed struct {
		ImportPath, Dir, Export string
		GoFiles                 []string
	}
	exports, packages := map[string]string{}, map[string]listed{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		exports[p.ImportPath], packages[p.ImportPath] = p.Export, p
	}
	var targets []*target
	for _, dir := range dirs {
		p := packages[module+dir]
		t := &target{dir: dir, fset: token.NewFileSet()}
		if err := t.read(p.Dir, p.GoFiles, exports); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func (t *target) read(dir string, names []string, exports map[string]string) error {
	imports := importer.ForCompiler(t.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	var files []*ast.File
	for _, name := range names {
		s := &source{path: filepath.Join(dir, name)}
		var err error
		if s.text, err = os.ReadFile(s.path); err != nil {
			return err
		}
		f, err := parser.ParseFile(t.fset, s.path, s.text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files, t.files = append(files, f), append(t.files, s)
	}
	t.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	config := types.Config{Importer: imports}
	var err error
	if t.types, err = config.Check(module+t.dir, t.fset, files, t.info); err != nil {
		return err
	}
	for i, f := range files {
		s := t.files[i]
		w := &walker{pkg: t, name: filepath.Base(s.path), file: f, source: s.text, done: map[ast.Expr]bool{}, silent: map[ast.Expr]bool{}}
		w.walk()
		s.regions = w.regions
	}
	return t.settle(imports)
}

// settle numbers the mutants, and drops regions until the rest compiles.
func (t *target) settle(imports types.Importer) error {
	for range 20 {
		t.mutants, t.dropped = nil, 0
		for _, s := range t.files {
			for _, r := range s.regions {
				if r.dropped {
					t.dropped += len(r.mutants)
					continue
				}
				for _, m := range r.mutants {
					m.ID = len(t.mutants)
					t.mutants = append(t.mutants, m)
				}
			}
		}
		bad, err := t.check(imports)
		if err != nil {
			return err
		}
		if bad == 0 {
			t.name()
			return nil
		}
	}
	return errors.New("the mutants do not compile")
}

// name tells equal mutants of a function apart.
func (t *target) name() {
	seen := map[string]int{}
	for _, m := range t.mutants {
		m.Nth = 1
		seen[m.Key()]++
		m.Nth = seen[m.Key()]
	}
}

// check makes the mutated source, and drops what the compiler would refuse.
func (t *target) check(imports types.Importer) (bad int, err error) {
	fset := token.NewFileSet()
	files := make([]*ast.File, 0, len(t.files)+1)
	origins := map[string][]int{}
	byPath := map[string]*source{}
	for _, s := range t.files {
		s.mutated, origins[s.path] = apply(s.text, s.regions)
		byPath[s.path] = s
		f, err := parser.ParseFile(fset, s.path, s.mutated, parser.SkipObjectResolution)
		if err != nil {
			return 0, fmt.Errorf("mutated: %w", err)
		}
		files = append(files, f)
	}
	f, err := parser.ParseFile(fset, "mutant_helper.go", t.helper(), parser.SkipObjectResolution)
	if err != nil {
		return 0, err
	}
	var lost error
	config := types.Config{Importer: imports, Error: func(err error) {
		var e types.Error
		if !errors.As(err, &e) {
			lost = err
			return
		}
		p := fset.Position(e.Pos)
		s := byPath[p.Filename]
		if s == nil || p.Offset >= len(origins[p.Filename]) || !drop(s.regions, origins[p.Filename][p.Offset], e.Msg) {
			lost = err
			return
		}
		bad++
	}}
	_, _ = config.Check(module+t.dir, fset, append(files, f), nil)
	if bad == 0 {
		return 0, lost
	}
	return bad, nil
}

// drop takes out the innermost region around an offset, or the return without
// which a function that ends there does not.
func drop(regions []*region, at int, message string) bool {
	var inner *region
	if message == "missing return" {
		for _, r := range regions {
			m := r.mutants[0]
			if !r.dropped && r.to <= at && m.Becomes == "(removed)" && strings.HasPrefix(m.Was, "return") {
				inner = r
			}
		}
		if inner != nil {
			for _, r := range regions {
				m := r.mutants[0]
				if m.Func == inner.mutants[0].Func && m.Becomes == "(removed)" && strings.HasPrefix(m.Was, "return") {
					r.dropped = true
				}
			}
		}
		return inner != nil
	}
	for _, r := range regions {
		if !r.dropped && r.from <= at && at <= r.to && (inner == nil || r.to-r.from <= inner.to-inner.from) {
			inner = r
		}
	}
	if inner == nil {
		return false
	}
	inner.dropped = true
	return true
}

// helper is the file that the mutated package gets besides.
func (t *target) helper() string {
	return strings.NewReplacer("PACKAGE", t.types.Name(), "NAME", t.dir, "COUNT", strconv.Itoa(len(t.mutants))).Replace(helper)
}

// output runs a command in a folder; its error holds what the command printed.
func output(dir, name string, args ...string) ([]byte, error) {
	c := exec.Command(name, args...) //nolint:gosec // the go command
	c.Dir = dir
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}
