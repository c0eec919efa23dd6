package sim

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unreached are the sites that no scenario comes to, each with its reason.
var unreached = map[string]string{
	"broadcast.courier.reportLag calls Put":       "a metric, no call of AWS",
	"broadcast.recorder.record calls Delete":      "a membership outlives its connection only if the order of Remover is broken; see TestGoneMemberIsOnRecordAndIsNotDeleted",
	"connection.Rebalance calls Condemn":          "an operator's program, no function",
	"connection.Rebalance calls Due":              "an operator's program, no function",
	"handler.Sweep.Handle calls Put":              "a metric, no call of AWS",
	"hook.Runner.Authenticate calls Authenticate": "an application's hook, no call of AWS",
	"msglog.reader.readable calls Entries":        "a read of what has not expired; a run in which entries expire cannot wait a minute for Lambda's retry",
	"msglog.Log.startOver calls StartOver":        "an epoch comes back only if a late request recreates a head that was deleted seconds after it began",
	"sweep.Sweeper.askOne calls Get":              "only with an application's hooks, which the simulation has none of",
	"ticket.Office.Issue calls Put":               "a back end's program, no function",
}

// adapters hold the methods that call AWS; domains call them.
var (
	adapters = []string{"aws/dynamo", "aws/apigw", "aws/sns", "aws/sqs", "aws/secretsmanager"}
	domains  = []string{"handler", "broadcast", "sweep", "connection", "msglog", "limit", "revocation", "ticket", "auth", "room", "hook"}
)

// TestCrashPointsAreComplete holds the scenarios to every place in the product
// from which an adapter is called: a function that comes to call AWS from a new
// place fails it until a scenario, and with it a crash, gets there.
func TestCrashPointsAreComplete(t *testing.T) {
	reached := map[string]bool{}
	for _, s := range dryRuns(t) {
		for _, p := range s.points {
			for _, site := range p.Sites {
				reached[site.String()] = true
			}
		}
	}
	sites := sitesIn(t)
	for _, site := range slices.Sorted(maps.Keys(sites)) {
		switch why, excused := unreached[site]; {
		case reached[site] && excused:
			t.Errorf("%s: is reached, so it must not be listed as unreached", site)
		case !reached[site] && !excused:
			t.Errorf("%s (%s): no scenario gets there", site, sites[site])
		case excused && why == "":
			t.Errorf("%s: listed without a reason", site)
		}
	}
	for site := range unreached {
		if sites[site] == "" {
			t.Errorf("%s: listed as unreached, and not there", site)
		}
	}
	t.Logf("%d places that call AWS, %d of them reached", len(sites), len(sites)-len(unreached))
}

// sitesIn are the calls of a method of that name and with a context as an adapter
// has, and where each stands.
func sitesIn(t *testing.T) map[string]string {
	methods := map[string]bool{}
	each(t, adapters, func(_ string, f *ast.FuncDecl) {
		if f.Recv != nil && f.Name.IsExported() && len(f.Type.Params.List) > 0 && isContext(f.Type.Params.List[0].Type) {
			methods[f.Name.Name] = true
		}
	})
	sites := map[string]string{}
	each(t, domains, func(where string, f *ast.FuncDecl) {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			arg, isName := call.Args[0].(*ast.Ident)
			if !ok || !isName || arg.Name != "ctx" || !methods[sel.Sel.Name] {
				return true
			}
			name := filepath.Base(filepath.Dir(where)) + "."
			if f.Recv != nil {
				recv := f.Recv.List[0].Type
				if star, ok := recv.(*ast.StarExpr); ok {
					recv = star.X
				}
				name += recv.(*ast.Ident).Name + "."
			}
			sites[Site{name + f.Name.Name, sel.Sel.Name}.String()] = where
			return true
		})
	})
	return sites
}

func isContext(e ast.Expr) bool {
	sel, ok := e.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Context"
}

// each visits all functions of the packages but their tests'.
func each(t *testing.T, packages []string, visit func(where string, f *ast.FuncDecl)) {
	t.Helper()
	for _, dir := range packages {
		dir = filepath.Join("..", "..", "pkg", filepath.FromSlash(dir))
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			path := filepath.Join(dir, file.Name())
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range parsed.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
					visit(fmt.Sprintf("%s:%d", path, set.Position(f.Pos()).Line), f)
				}
			}
		}
	}
}
