package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"strconv"
	"strings"
)

// walker finds the mutants of one file.
type walker struct {
	pkg     *target
	name    string // of the file
	file    *ast.File
	source  []byte
	stack   []ast.Node
	done    map[ast.Expr]bool // handled from above
	silent  map[ast.Expr]bool // without mutants
	regions []*region
}

// region begins a region around a node, with a mutant for each text that the
// node's becomes. It returns nil where there is none.
func (w *walker) region(n ast.Node, becomes ...string) *region {
	if len(becomes) == 0 {
		return nil
	}
	r := &region{from: w.offset(n.Pos()), to: w.offset(n.End())}
	for _, text := range becomes {
		r.mutants = append(r.mutants, &Mutant{
			Package: w.pkg.dir, File: w.name, Line: w.pkg.fset.Position(n.Pos()).Line, Func: w.function(),
			Was: short(w.text(n)), Becomes: short(text), region: r,
		})
	}
	w.regions = append(w.regions, r)
	return r
}

// wrap puts a call of a helper around an expression.
func (w *walker) wrap(e ast.Expr, helper string, becomes ...string) {
	if r := w.region(e, becomes...); r != nil {
		r.insert(r.from, helper+"(%d, ")
		r.closeAt(r.to, ")")
	}
}

func (w *walker) offset(p token.Pos) int { return w.pkg.fset.Position(p).Offset }
func (w *walker) text(n ast.Node) string {
	return string(w.source[w.offset(n.Pos()):w.offset(n.End())])
}
func (w *walker) of(e ast.Expr) types.Type  { return w.pkg.info.TypeOf(e) }
func (w *walker) constant(e ast.Expr) bool  { return w.pkg.info.Types[e].Value != nil }
func (w *walker) isNil(e ast.Expr) bool     { return w.pkg.info.Types[e].IsNil() }
func (w *walker) parent(above int) ast.Node { return w.stack[max(0, len(w.stack)-1-above)] }

// function names what the walk is in.
func (w *walker) function() string {
	for _, n := range w.stack {
		f, ok := n.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if f.Recv == nil {
			return f.Name.Name
		}
		t := f.Recv.List[0].Type
		if star, ok := t.(*ast.StarExpr); ok {
			t = star.X
		}
		if generic, ok := t.(*ast.IndexExpr); ok {
			t = generic.X
		}
		return w.text(t) + "." + f.Name.Name
	}
	return ""
}

// results is what the innermost function around the walk returns.
func (w *walker) results() *types.Tuple {
	for i := len(w.stack) - 1; i >= 0; i-- {
		var t types.Type
		switch f := w.stack[i].(type) {
		case *ast.FuncDecl:
			t = w.pkg.info.Defs[f.Name].Type()
		case *ast.FuncLit:
			t = w.of(f)
		default:
			continue
		}
		return t.(*types.Signature).Results()
	}
	return nil
}

// walk visits all nodes, outer ones first.
func (w *walker) walk() {
	ast.Inspect(w.file, func(n ast.Node) bool {
		if n == nil {
			w.stack = w.stack[:len(w.stack)-1]
			return true
		}
		w.stack = append(w.stack, n)
		if !w.visit(n) {
			w.stack = w.stack[:len(w.stack)-1]
			return false
		}
		return true
	})
}

// visit makes the mutants of a node and reports whether its children have some.
func (w *walker) visit(n ast.Node) bool {
	if s, ok := n.(ast.Stmt); ok && w.listed() {
		w.removal(s)
	}
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok == token.VAR
	case *ast.Field:
		return false
	case *ast.IfStmt:
		w.boolean(n.Cond, true, true)
	case *ast.ForStmt:
		if n.Cond != nil {
			w.boolean(n.Cond, false, true)
		}
	case *ast.CaseClause:
		if s, ok := w.parent(2).(*ast.SwitchStmt); ok && s.Tag == nil {
			for _, e := range n.List {
				w.boolean(e, true, true)
			}
		}
	case *ast.RangeStmt:
		switch t := w.of(n.X).Underlying().(type) {
		case *types.Slice, *types.Map:
			w.wrap(n.X, "mutantZero", "nothing")
		case *types.Basic:
			if !w.constant(n.X) && t.Info()&(types.IsInteger|types.IsString) != 0 {
				w.wrap(n.X, "mutantZero", "nothing")
			}
		}
	case *ast.ReturnStmt:
		w.returns(n)
	case *ast.CompositeLit:
		w.fields(n)
	case *ast.CommClause:
		w.receive(n.Comm)
	}
	e, ok := n.(ast.Expr)
	if !ok {
		return true
	}
	if w.silent[e] {
		return false
	}
	if w.constant(e) {
		w.value(e)
		return false
	}
	return w.expression(e)
}

// listed reports whether the node is a statement of a list, so that it can do
// without.
func (w *walker) listed() bool {
	switch w.parent(1).(type) {
	case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
		comm, ok := w.parent(1).(*ast.CommClause)
		return !ok || comm.Comm != w.parent(0)
	}
	return false
}

// removal takes a statement out.
func (w *walker) removal(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.ExprStmt:
		if call, ok := s.X.(*ast.CallExpr); ok && (w.isText(call) || w.builtin(call) == "panic" || w.isLock(call)) {
			return
		}
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			return
		}
	case *ast.DeferStmt:
		// A context that is not cancelled costs memory for a while; nothing else.
		if t := w.of(s.Call.Fun); t != nil && t.String() == "context.CancelFunc" || w.isLock(s.Call) {
			return
		}
	case *ast.BranchStmt:
		if s.Tok != token.BREAK && s.Tok != token.CONTINUE {
			return
		}
	case *ast.ReturnStmt: // elsewhere an if's condition does it
		if _, ok := w.parent(1).(*ast.CaseClause); !ok {
			return
		}
	case *ast.IncDecStmt, *ast.GoStmt, *ast.SendStmt:
	default:
		return
	}
	r := w.region(s, "(removed)")
	r.insert(r.from, "if !mutantIs(%d) { ")
	r.closeAt(r.to, " }")
}

// boolean makes a condition true or false, and each of its operands where that
// is not the same.
func (w *walker) boolean(e ast.Expr, becomesTrue, becomesFalse bool) {
	if w.constant(e) || w.done[e] {
		return
	}
	w.done[e] = true
	switch inner := e.(type) {
	case *ast.ParenExpr:
		w.boolean(inner.X, becomesTrue, becomesFalse)
		return
	case *ast.UnaryExpr:
		if inner.Op == token.NOT {
			w.boolean(inner.X, becomesFalse, becomesTrue)
			return
		}
	case *ast.BinaryExpr:
		switch inner.Op {
		case token.LAND:
			if becomesFalse {
				w.wrap(e, "mutantFalse", "false")
			}
			w.boolean(inner.X, true, false)
			w.boolean(inner.Y, true, false)
			return
		case token.LOR:
			if becomesTrue {
				w.wrap(e, "mutantTrue", "true")
			}
			w.boolean(inner.X, false, true)
			w.boolean(inner.Y, false, true)
			return
		}
	}
	switch {
	case becomesTrue && becomesFalse:
		w.wrap(e, "mutantBool", "true", "false")
	case becomesTrue:
		w.wrap(e, "mutantTrue", "true")
	case becomesFalse:
		w.wrap(e, "mutantFalse", "false")
	}
}

// returns makes each result its type's zero value.
func (w *walker) returns(s *ast.ReturnStmt) {
	results := w.results()
	if len(s.Results) == 1 && results.Len() > 1 {
		r := &region{from: w.offset(s.Pos()), to: w.offset(s.End())}
		var names, zeros []string
		for i := range results.Len() {
			names = append(names, fmt.Sprintf("mutant%d", i))
			zeros = append(zeros, fmt.Sprintf("mutantZero(%%d+%d, mutant%d)", i, i))
			r.mutants = append(r.mutants, &Mutant{
				Package: w.pkg.dir, File: w.name, Line: w.pkg.fset.Position(s.Pos()).Line, Func: w.function(),
				Was: short(w.text(s)), Becomes: fmt.Sprintf("result %d zero", i+1), region: r,
			})
		}
		r.replace(r.from, r.from+len("return"), "{ "+strings.Join(names, ", ")+" :=")
		r.closeAt(r.to, "; return "+strings.Join(zeros, ", ")+" }")
		w.regions = append(w.regions, r)
		return
	}
	failed := w.fails(s)
	for i, e := range s.Results {
		if failed && i < len(s.Results)-1 {
			w.silent[e] = true // whoever sees the error looks at nothing else
			continue
		}
		w.zero(e, results.At(i).Type())
	}
}

// fails reports whether a return's last result is an error that was just made
// or found not to be nil.
func (w *walker) fails(s *ast.ReturnStmt) bool {
	if len(s.Results) < 2 {
		return false
	}
	last := s.Results[len(s.Results)-1]
	if t := w.of(last); t == nil || w.isNil(last) || !isError(t) {
		return false
	}
	if call, ok := last.(*ast.CallExpr); ok {
		return w.isText(call)
	}
	name := w.text(last)
	if dot := strings.LastIndex(name, "."); dot >= 0 {
		name = name[dot+1:]
	}
	if sentinel.MatchString(name) {
		return true
	}
	check, ok := w.parent(2).(*ast.IfStmt)
	return ok && strings.Contains(w.text(check.Cond), name+" != nil") && check.Else != w.parent(1)
}

var sentinel = regexp.MustCompile(`^[eE]rr[A-Z]\w*$`)

// fields makes each field of a struct its zero value, as if it were left out.
func (w *walker) fields(c *ast.CompositeLit) {
	t := w.of(c)
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return
	}
	for i, e := range c.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			for f := range s.Fields() {
				if f.Name() == kv.Key.(*ast.Ident).Name {
					w.zero(kv.Value, f.Type())
				}
			}
		} else {
			w.zero(e, s.Field(i).Type())
		}
	}
}

// zero makes a value of a type its zero value, and a condition true or false.
func (w *walker) zero(e ast.Expr, t types.Type) {
	if w.constant(e) || w.isNil(e) {
		return // see value
	}
	if b, ok := w.of(e).Underlying().(*types.Basic); ok && b.Info()&types.IsBoolean != 0 {
		w.boolean(e, true, true)
		return
	}
	if c, ok := e.(*ast.CompositeLit); ok && len(c.Elts) == 0 {
		return
	}
	if call, ok := e.(*ast.CallExpr); ok && w.isText(call) && !isError(t) {
		return
	}
	helper := "mutantZero"
	if !types.Identical(w.of(e), t) {
		name, ok := w.typeName(t)
		if !ok {
			return
		}
		helper += "[" + name + "]"
	}
	w.wrap(e, helper, "zero")
}

// receive makes a case of a select wait forever.
func (w *walker) receive(s ast.Stmt) {
	var e ast.Expr
	switch s := s.(type) {
	case *ast.ExprStmt:
		e = s.X
	case *ast.AssignStmt:
		e = s.Rhs[0]
	}
	if u, ok := e.(*ast.UnaryExpr); ok && u.Op == token.ARROW {
		w.wrap(u.X, "mutantZero", "never")
	}
}

var (
	boundary = map[token.Token][2]string{
		token.LSS: {"mutantLess", "<="}, token.LEQ: {"mutantLessEqual", "<"},
		token.GTR: {"mutantGreater", ">="}, token.GEQ: {"mutantGreaterEqual", ">"},
	}
	arithmetic = map[token.Token][2]string{
		token.ADD: {"mutantAdd", "-"}, token.SUB: {"mutantSub", "+"},
		token.MUL: {"mutantMul", "/"}, token.QUO: {"mutantDiv", "*"},
	}
)

// expression makes the mutants of what is not constant, and reports whether its
// parts have some.
func (w *walker) expression(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		if b := w.of(e); b != nil && isBool(b) {
			w.boolean(e, true, true)
		}
		to, ok := boundary[e.Op]
		if basic, numeric := w.of(e).Underlying().(*types.Basic); !ok && numeric && basic.Info()&types.IsNumeric != 0 {
			to, ok = arithmetic[e.Op]
		}
		if ok {
			r := w.region(e, w.text(e.X)+" "+to[1]+" "+w.text(e.Y))
			r.insert(r.from, to[0]+"(%d, ")
			op := w.offset(e.OpPos)
			r.replace(op, op+len(e.Op.String()), ",")
			r.closeAt(r.to, ")")
		}
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			w.boolean(e, true, true)
		}
	case *ast.CallExpr:
		if w.isText(e) || w.builtin(e) == "make" {
			return false
		}
		w.call(e)
	}
	return true
}

func (w *walker) call(e *ast.CallExpr) {
	if name := w.builtin(e); (name == "min" || name == "max") && len(e.Args) == 2 {
		other := map[string]string{"min": "max", "max": "min"}[name]
		r := w.region(e, other+w.text(e)[len(name):])
		r.replace(r.from, w.offset(e.Lparen)+1, "mutant"+strings.ToUpper(name[:1])+name[1:]+"(%d, ")
		return
	}
	s, ok := e.Fun.(*ast.SelectorExpr)
	if !ok || w.of(s.X) == nil || w.of(s.X).String() != "time.Time" || len(e.Args) != 1 {
		return
	}
	switch s.Sel.Name {
	case "Before", "After":
		r := w.region(e, w.text(e)+" or equal")
		r.insert(r.from, "mutant"+s.Sel.Name+"(%d, ")
		r.replace(w.offset(s.X.End()), w.offset(e.Lparen)+1, ", ")
	case "Add":
		if !w.constant(e.Args[0]) {
			w.wrap(e.Args[0], "mutantZero", "0")
		}
	}
}

// value makes the mutants of a constant where it is used.
func (w *walker) value(e ast.Expr) {
	switch p := w.parent(1).(type) {
	case *ast.ArrayType:
		return
	case *ast.KeyValueExpr:
		if c, ok := w.parent(2).(*ast.CompositeLit); ok && p.Key == e {
			if _, ok := w.of(c).Underlying().(*types.Map); !ok {
				return
			}
		}
	}
	t := w.of(e)
	name, ok := w.typeName(t)
	if b, basic := t.Underlying().(*types.Basic); !ok || !basic || b.Info()&types.IsUntyped != 0 {
		return
	}
	v := w.pkg.info.Types[e].Value
	switch v.Kind() {
	case constant.Bool:
		if constant.BoolVal(v) {
			w.wrap(e, "mutantFalse["+name+"]", "false")
		} else {
			w.wrap(e, "mutantTrue["+name+"]", "true")
		}
	case constant.String:
		s := constant.StringVal(v)
		if s == "" {
			return
		}
		others := []string{""}
		if w.pkg.dir == "pkg/aws/dynamo" {
			if o := otherExpressions(s); len(o) > 0 {
				others = o
			}
		}
		shown := make([]string, len(others))
		quoted := make([]string, len(others))
		for i, o := range others {
			quoted[i] = strconv.Quote(o)
			shown[i] = quoted[i]
		}
		if r := w.region(e, shown...); r != nil {
			r.insert(r.from, "mutantText["+name+"](%d, ")
			r.closeAt(r.to, ", "+strings.Join(quoted, ", ")+")")
		}
	case constant.Int, constant.Float:
		if i, exact := constant.Int64Val(constant.ToInt(v)); t.String() == "time.Duration" && exact && i != 0 {
			w.wrap(e, "mutantTwice["+name+"]", "twice", "half")
			return
		}
		w.wrap(e, "mutantOne["+name+"]", "one more")
	}
}

// typeName is how this file can write a type.
func (w *walker) typeName(t types.Type) (string, bool) {
	ok := true
	name := types.TypeString(t, func(p *types.Package) string {
		if p == w.pkg.types {
			return ""
		}
		for _, i := range w.file.Imports {
			if path, err := strconv.Unquote(i.Path.Value); err == nil && path == p.Path() {
				if i.Name != nil {
					return i.Name.Name
				}
				return p.Name()
			}
		}
		ok = false
		return ""
	})
	return name, ok
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

func isBool(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsBoolean != 0
}

func (w *walker) builtin(c *ast.CallExpr) string {
	if id, ok := c.Fun.(*ast.Ident); ok {
		if b, ok := w.pkg.info.Uses[id].(*types.Builtin); ok {
			return b.Name()
		}
	}
	return ""
}

// isLock reports whether a call locks or unlocks: without it everything stands
// still, which tells nothing, or only the race detector knows.
func (w *walker) isLock(c *ast.CallExpr) bool {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	f, ok := w.pkg.info.Uses[s.Sel].(*types.Func)
	return ok && f.Pkg() != nil && f.Pkg().Path() == "sync" && strings.HasSuffix(f.Name(), "ock")
}

// isText reports whether a call makes text for people: what a log or an error
// says is left alone.
func (w *walker) isText(c *ast.CallExpr) bool {
	var id *ast.Ident
	switch f := c.Fun.(type) {
	case *ast.SelectorExpr:
		id = f.Sel
	case *ast.Ident:
		id = f
	default:
		return false
	}
	f, ok := w.pkg.info.Uses[id].(*types.Func)
	if !ok || f.Pkg() == nil {
		return false
	}
	switch f.Pkg().Path() {
	case "log/slog", "log":
		return true
	case "errors":
		return f.Name() == "New"
	}
	// fmt.Errorf, and what is like it.
	s := f.Signature()
	return s.Variadic() && s.Params().Len() == 2 && s.Params().At(0).Name() == "format" && s.Results().Len() == 1 && isError(s.Results().At(0).Type())
}
