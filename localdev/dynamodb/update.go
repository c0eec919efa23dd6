package dynamodb

import "slices"

// updateFunctions are the functions and operators of SET with the number of
// their operands.
var updateFunctions = map[string]int{"if_not_exists": 2, "list_append": 2}

// update is a parsed UpdateExpression.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
type update struct {
	actions []action
	paths   []path // of the actions, in the same order
	tree    *branch
}

type action struct {
	section string // SET, REMOVE, ADD or DELETE
	path    path
	operand *node // nil for REMOVE
}

var updateSections = []string{"SET", "REMOVE", "ADD", "DELETE"}

// parseUpdate parses an UpdateExpression; nil yields an update of nothing.
func parseUpdate(text *string, names *placeholders) (*update, error) {
	if text == nil {
		return &update{tree: newBranch(nil)}, nil
	}
	actions, err := parseActions(*text, names)
	if err != nil {
		return nil, inExpression("UpdateExpression", err)
	}
	u := &update{actions: actions}
	for _, a := range actions {
		u.paths = append(u.paths, a.path)
	}
	u.tree = newBranch(u.paths)
	return u, nil
}

func parseActions(text string, names *placeholders) ([]action, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	var actions []action
	var sections []string
	for first := true; p.err == nil && (first || p.peek().kind != tokenEnd); first = false {
		section := upper(p.peek().text)
		if p.peek().kind != tokenName || !slices.Contains(updateSections, section) {
			p.fail()
			break
		}
		p.next()
		sections = append(sections, section)
		for more := true; more && p.err == nil; more = p.accept(",") {
			actions = append(actions, p.action(section))
		}
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return actions, checkActions(actions, sections, names)
}

func (p *parser) action(section string) action {
	a := action{section: section, path: p.path()}
	switch section {
	case "SET":
		p.expect("=")
		a.operand = p.setValue()
	case "ADD", "DELETE":
		t := p.peek()
		if p.err == nil && t.kind != tokenValue {
			p.fail()
		}
		p.next()
		a.operand = &node{kind: nodeValue, op: t.text}
	}
	return a
}

// setValue is an operand, or a sum or difference of two.
func (p *parser) setValue() *node {
	left := p.setOperand()
	for _, op := range []string{"+", "-"} {
		if left.kind != nodeArithmetic && p.accept(op) {
			return &node{kind: nodeArithmetic, op: op, args: []*node{left, p.operand()}}
		}
	}
	return left
}

// setOperand is an operand, or a sum or difference in parentheses.
func (p *parser) setOperand() *node {
	if !p.accept("(") {
		return p.operand()
	}
	inner := p.setValue()
	p.expect(")")
	if p.err == nil {
		p.markGrouped(inner)
	}
	return inner
}

// checkActions resolves placeholders and refuses what the grammar lets pass.
func checkActions(actions []action, sections []string, names *placeholders) error {
	operands := func(visit func(*node) error) error {
		for _, a := range actions {
			if a.operand == nil {
				continue
			}
			if err := a.operand.walk(visit); err != nil {
				return err
			}
		}
		return nil
	}
	for _, a := range actions {
		if err := checkReserved(a.path); err != nil {
			return err
		}
	}
	if err := operands(func(n *node) error { return checkReserved(n.path) }); err != nil {
		return err
	}
	if err := operands(checkUpdateFunction); err != nil {
		return err
	}
	for i, section := range sections {
		if slices.Contains(sections[:i], section) {
			return invalid("The %q section can only be used once in an update expression;", section)
		}
	}
	paths := make([]path, len(actions))
	for i, a := range actions {
		if err := names.resolvePath(a.path); err != nil {
			return err
		}
		paths[i] = a.path
	}
	if err := checkOverlap(paths); err != nil {
		return err
	}
	if err := operands(func(n *node) error { return n.resolve(names) }); err != nil {
		return err
	}
	operators := 0
	if err := operands(countOperators(&operators)); err != nil {
		return err
	}
	if err := operands(checkUpdateOperands); err != nil {
		return err
	}
	return checkAddDelete(actions)
}

func checkUpdateFunction(n *node) error {
	if n.kind == nodeCall {
		if _, ok := conditionFunctions[n.op]; ok {
			return invalid("The function is not allowed in an update expression; function: %s", n.op)
		}
		if _, ok := updateFunctions[n.op]; !ok {
			return invalid("Invalid function name; function: %s", n.op)
		}
	}
	for _, arg := range n.args {
		if arg.kind == nodeCall && arg.op == "list_append" {
			return errMisused(arg.op)
		}
	}
	return nil
}

func checkUpdateOperands(n *node) error {
	switch {
	case n.kind == nodeArithmetic:
		return checkKinds(n, n.args, kindN)
	case n.kind != nodeCall:
		return nil
	}
	if want := updateFunctions[n.op]; want != len(n.args) {
		return invalid("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", n.op, len(n.args))
	}
	if n.op == "list_append" {
		return checkKinds(n, n.args, kindL)
	}
	if err := checkNeedsPath(n); err != nil {
		return err
	}
	return checkDistinct(n)
}

// typeWords name types as the errors of ADD and DELETE do.
var typeWords = map[kind]string{
	kindS: "STRING", kindN: "NUMBER", kindB: "BINARY", kindBOOL: "BOOLEAN", kindNULL: "NULL", kindL: "LIST", kindM: "MAP",
}

func checkAddDelete(actions []action) error {
	for _, a := range actions {
		if a.section != "ADD" && a.section != "DELETE" {
			continue
		}
		k := a.operand.literal.kind
		if k.element() != 0 || k == kindN && a.section == "ADD" {
			continue
		}
		return invalid("Incorrect operand type for operator or function; operator: %s, operand type: %s, typeSet: ALLOWED_FOR_%s_OPERAND", a.section, typeWords[k], a.section)
	}
	return nil
}
