package msglog_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// times finds every time that the product uses: constants and variables made of
// units of package time, exported struct fields that are durations, and the
// numbers of the TypeScript SDK that may be milliseconds. It maps each to the
// folder of its tests.
func times(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "storetest" || d.Name() == "handlertest"):
			return filepath.SkipDir
		case strings.HasPrefix(filepath.ToSlash(path), "../client/js/src/") && filepath.Ext(path) == ".ts":
			return numbersOf(path, found)
		case filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go"):
			return timesOf(path, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var number = regexp.MustCompile(`(?m)^(?:export )?const (\w+) = ([\d_]{3,});`)

func numbersOf(path string, found map[string]string) error {
	b, err := os.ReadFile(path)
	for _, m := range number.FindAllStringSubmatch(string(b), -1) {
		found["js."+m[1]] = filepath.Dir(path)
	}
	return err
}

func timesOf(path string, found map[string]string) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	name := func(parts ...string) string { return file.Name.Name + "." + strings.Join(parts, ".") }
	for _, d := range file.Decls {
		general, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range general.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				for i, value := range s.Values {
					if measured(value) {
						found[name(s.Names[i].Name)] = filepath.Dir(path)
					}
				}
			case *ast.TypeSpec:
				fields, ok := s.Type.(*ast.StructType)
				if !ok || !s.Name.IsExported() {
					continue
				}
				for _, field := range fields.Fields.List {
					for _, one := range field.Names {
						if duration(field.Type) && one.IsExported() {
							found[name(s.Name.Name, one.Name)] = filepath.Dir(path)
						}
					}
				}
			}
		}
	}
	return nil
}

// measured reports whether an expression contains a unit of package time.
func measured(e ast.Expr) (yes bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		if _, function := n.(*ast.FuncLit); function {
			return false
		}
		s, ok := n.(*ast.SelectorExpr)
		if ok && fmt.Sprint(s.X) == "time" && slices.Contains([]string{"Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour"}, s.Sel.Name) {
			yes = true
		}
		return !yes
	})
	return yes
}

func duration(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && fmt.Sprint(s.X) == "time" && s.Sel.Name == "Duration"
}

// row matches a line of TIMES.md: `name` | sentence | tests.
var row = regexp.MustCompile("(?m)^\\| `([\\w.]+)` \\|([^|]*)\\| ([^|]+) \\|$")

// Each time of the product is in TIMES.md, with two tests of its package, with
// the row whose tests cover it, or with the reason that nothing depends on it.
func TestEachTimeHasATestOnEachSide(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("TIMES.md")
	if err != nil {
		t.Fatal(err)
	}
	found := times(t)
	rows := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(string(b), -1) {
		if _, twice := rows[m[1]]; twice {
			t.Errorf("%s occurs twice", m[1])
		}
		rows[m[1]] = m[3]
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		switch tests, there := rows[name]; {
		case !there:
			t.Errorf("%s is not in TIMES.md", name)
		case strings.HasPrefix(tests, "none: ") && len(tests) > len("none: "):
		case strings.HasPrefix(tests, "as `"):
			as := strings.TrimSuffix(strings.TrimPrefix(tests, "as `"), "`")
			if other := rows[as]; found[as] == "" || strings.HasPrefix(other, "as ") {
				t.Errorf("%s is tested as %s, which is not tested itself", name, as)
			}
		default:
			tested(t, name, found[name], tests)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		if _, there := found[name]; !there {
			t.Errorf("%s is in TIMES.md and not in the code", name)
		}
	}
}

var quoted = regexp.MustCompile("`([^`]+)`")

// tested checks that the tests of a row exist in its package, or for the SDKs
// among the scenarios that they share.
func tested(t *testing.T, name, folder, tests string) {
	t.Helper()
	var code strings.Builder
	for _, pattern := range []string{
		filepath.Join(folder, "*_test.go"), filepath.Join(folder, "..", "test", "*.test.ts"), "../protocol/testdata/behaviour/times.json",
	} {
		if strings.HasPrefix(pattern, "..") && strings.HasSuffix(pattern, ".json") && !strings.Contains(folder, "client") {
			continue
		}
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(b)
		}
	}
	named := quoted.FindAllStringSubmatch(tests, -1)
	if len(named) < 2 {
		t.Errorf("%s: %d tests are named, want one on each side", name, len(named))
	}
	for _, m := range named {
		if other, test, elsewhere := strings.Cut(m[1], ".Test"); elsewhere {
			tested(t, name, filepath.Join("..", other), fmt.Sprintf("`Test%s` `Test%s`", test, test))
			continue
		}
		if !strings.Contains(code.String(), "func "+m[1]+"(t *testing.T)") && !strings.Contains(code.String(), `"`+m[1]+`: `) {
			t.Errorf("%s: there is no test %s", name, m[1])
		}
	}
}
