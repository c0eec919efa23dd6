package dynamodb

import "slices"

// conditionFunctions are the functions of conditions with the number of their
// operands.
var conditionFunctions = map[string]int{
	"attribute_exists":     1,
	"attribute_not_exists": 1,
	"attribute_type":       2,
	"begins_with":          2,
	"contains":             2,
	"size":                 1,
}

// walk visits n and all below it, operands before what uses them.
func (n *node) walk(visit func(*node) error) error {
	for _, arg := range n.args {
		if err := arg.walk(visit); err != nil {
			return err
		}
	}
	return visit(n)
}

// checkCondition resolves placeholders and refuses what the grammar lets pass
// and DynamoDB does not. The order of the passes decides which of several
// errors is reported.
func checkCondition(root *node, names *placeholders) error {
	passes := []func(*node) error{
		checkConditionFunction,
		checkMisuse,
		func(n *node) error { return checkReserved(n.path) },
		func(n *node) error { return n.resolve(names) },
	}
	if root.kind == nodeCall && root.op == "size" {
		return errMisused(root.op)
	}
	for _, pass := range passes {
		if err := root.walk(pass); err != nil {
			return err
		}
	}
	operators := 0
	if err := root.walk(countOperators(&operators)); err != nil {
		return err
	}
	return root.walk(checkOperands)
}

// countOperators counts operators and functions up to their limit.
func countOperators(count *int) func(*node) error {
	return func(n *node) error {
		if n.kind >= nodeCall {
			*count++
		}
		if *count > maxOperators {
			return invalid("The expression contains too many operators; operator count: %d", *count)
		}
		if n.kind == nodeIn && len(n.args)-1 > maxInOperands {
			return invalid("The IN operator is provided with too many operands; number of operands: %d", len(n.args)-1)
		}
		return nil
	}
}

func checkConditionFunction(n *node) error {
	if n.kind != nodeCall {
		return nil
	}
	if _, ok := conditionFunctions[n.op]; ok {
		return nil
	}
	if _, ok := updateFunctions[n.op]; ok {
		return invalid("The function is not allowed in a condition expression; function: %s", n.op)
	}
	return invalid("Invalid function name; function: %s", n.op)
}

// checkMisuse keeps functions that yield a truth value out of operands, and
// size, which yields a number, out of conditions.
func checkMisuse(n *node) error {
	for _, arg := range n.args {
		if arg.kind != nodeCall {
			continue
		}
		logical := n.kind == nodeAnd || n.kind == nodeOr || n.kind == nodeNot
		if logical == (arg.op == "size") {
			return errMisused(arg.op)
		}
	}
	return nil
}

func errMisused(function string) error {
	return invalid("The function is not allowed to be used this way in an expression; function: %s", function)
}

// resolve puts names and values in place of their placeholders.
func (n *node) resolve(names *placeholders) (err error) {
	switch n.kind {
	case nodePath:
		return names.resolvePath(n.path)
	case nodeValue:
		n.literal, err = names.resolveValue(n.op)
	}
	return err
}

// staticKind is the type that an operand is known to have, zero if that
// depends on the item.
func (n *node) staticKind() kind {
	switch {
	case n.kind == nodeValue:
		return n.literal.kind
	case n.kind == nodeCall && n.op == "size":
		return kindN
	}
	return 0
}

func checkOperands(n *node) error {
	if n.kind == nodeCall {
		if want := conditionFunctions[n.op]; want != len(n.args) {
			return invalid("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", n.op, len(n.args))
		}
	}
	if err := checkDistinct(n); err != nil {
		return err
	}
	switch {
	case n.kind == nodeCompare && n.op != "=" && n.op != "<>":
		return checkKinds(n, n.args, kindS, kindN, kindB)
	case n.kind == nodeBetween:
		if err := checkKinds(n, n.args, kindS, kindN, kindB); err != nil {
			return err
		}
		return checkBounds(n.args[1], n.args[2])
	case n.kind == nodeCall:
		return checkCall(n)
	}
	return nil
}

func checkCall(n *node) error {
	switch n.op {
	case "attribute_exists", "attribute_not_exists":
		return checkNeedsPath(n)
	case "begins_with":
		return checkKinds(n, n.args, kindS, kindB)
	case "size":
		return checkKinds(n, n.args, kindS, kindB, kindL, kindM, kindSS, kindNS, kindBS)
	case "attribute_type":
		return checkTypeName(n)
	}
	return nil
}

func checkNeedsPath(n *node) error {
	if n.args[0].kind != nodePath {
		return invalid("Operator or function requires a document path; operator or function: %s", n.op)
	}
	return nil
}

func checkKinds(n *node, args []*node, allowed ...kind) error {
	for _, arg := range args {
		if k := arg.staticKind(); k != 0 && !slices.Contains(allowed, k) {
			return errOperandType(n.op, k.String())
		}
	}
	return nil
}

func errOperandType(op, kinds string) error {
	return invalid("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", op, kinds)
}

func checkTypeName(n *node) error {
	switch k := n.args[1].staticKind(); k {
	case kindS:
	case 0:
		return errOperandType(n.op, "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")
	default:
		return errOperandType(n.op, k.String())
	}
	if name := n.args[1].literal.text; !validKind(name) {
		return invalid("Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}", name)
	}
	return nil
}

func validKind(name string) bool {
	_, ok := kindOf(name)
	return ok
}

// checkDistinct refuses an operator or function whose first operand is a path
// that comes again among the others.
func checkDistinct(n *node) error {
	if n.kind == nodeAnd || n.kind == nodeOr || n.kind == nodeNot || len(n.args) < 2 || n.args[0].kind != nodePath {
		return nil
	}
	first := n.args[0].path
	for _, arg := range n.args[1:] {
		if arg.kind == nodePath && arg.path.equal(first) {
			return invalid("The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s", n.op, first)
		}
	}
	return nil
}

func checkBounds(low, high *node) error {
	if low.kind != nodeValue || high.kind != nodeValue {
		return nil
	}
	l, h := low.literal, high.literal
	problem := ""
	switch {
	case l.kind != h.kind:
		problem = "same data type for lower and upper bounds"
	case l.compare(h) > 0:
		problem = "upper bound to be greater than or equal to lower bound"
	default:
		return nil
	}
	return invalid("The BETWEEN operator requires %s; lower bound operand: AttributeValue: {%s:%s}, upper bound operand: AttributeValue: {%s:%s}",
		problem, l.kind, l.literal(), h.kind, h.literal())
}
