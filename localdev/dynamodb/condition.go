package dynamodb

import (
	"math"
	"slices"
	"strconv"
)

// node is a piece of a parsed expression: an operand or a condition.
type node struct {
	kind nodeKind
	// op is a comparator, a function's name, + or -, or a :value's key.
	op   string
	path path
	// literal is the :value, once resolved.
	literal *value
	args    []*node
	// grouped tells that the piece stood in parentheses.
	grouped bool
}

type nodeKind uint8

const (
	nodePath nodeKind = iota
	nodeValue
	nodeCall
	nodeArithmetic
	nodeCompare
	nodeBetween
	nodeIn
	nodeAnd
	nodeOr
	nodeNot
)

// comparators are the operators of a comparison.
var comparators = []string{"=", "<>", "<", "<=", ">", ">="}

// parseCondition parses a ConditionExpression, FilterExpression or
// KeyConditionExpression, which share one grammar; nil yields nil.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
func parseCondition(parameter string, text *string, names *placeholders) (*node, error) {
	if text == nil {
		return nil, nil
	}
	p, err := newParser(*text)
	if err != nil {
		return nil, inExpression(parameter, err)
	}
	root := p.or()
	p.needCondition(root)
	if err := p.finish(); err != nil {
		return nil, inExpression(parameter, err)
	}
	if err := checkCondition(root, names); err != nil {
		return nil, inExpression(parameter, err)
	}
	return root, nil
}

// The grammar, from the weakest binding to the strongest.

func (p *parser) or() *node {
	left := p.and()
	for p.err == nil && p.isKeyword("OR") {
		p.needCondition(left)
		p.next()
		right := p.and()
		p.needCondition(right)
		left = &node{kind: nodeOr, op: "OR", args: []*node{left, right}}
	}
	return left
}

func (p *parser) and() *node {
	left := p.not()
	for p.err == nil && p.isKeyword("AND") {
		p.needCondition(left)
		p.next()
		right := p.not()
		p.needCondition(right)
		left = &node{kind: nodeAnd, op: "AND", args: []*node{left, right}}
	}
	return left
}

func (p *parser) not() *node {
	if !p.acceptKeyword("NOT") {
		return p.primary()
	}
	inner := p.not()
	p.needCondition(inner)
	return &node{kind: nodeNot, op: "NOT", args: []*node{inner}}
}

// primary is a comparison, a function, or either of these in parentheses. A
// lone operand is returned as such when a parenthesis closes behind it, since
// (a) = :v is allowed; the callers refuse it as a condition.
func (p *parser) primary() *node {
	var left *node
	if p.isSymbol("(") {
		left = p.group()
		if left == nil || left.kind >= nodeCompare {
			return left
		}
	} else {
		left = p.operand()
	}
	if p.err != nil {
		return nil
	}
	switch t := p.peek(); {
	case t.kind == tokenSymbol && slices.Contains(comparators, t.text):
		p.next()
		return &node{kind: nodeCompare, op: t.text, args: []*node{left, p.operand()}}
	case p.acceptKeyword("BETWEEN"):
		low := p.operand()
		if !p.acceptKeyword("AND") {
			p.fail()
		}
		return &node{kind: nodeBetween, op: "BETWEEN", args: []*node{left, low, p.operand()}}
	case p.acceptKeyword("IN"):
		p.expect("(")
		args := p.operands([]*node{left})
		return &node{kind: nodeIn, op: "IN", args: args}
	case left.kind == nodeCall, p.depth > 0 && p.isSymbol(")"):
		return left
	}
	p.fail()
	return nil
}

// group is what stands in a pair of parentheses where a condition may stand.
func (p *parser) group() *node {
	p.expect("(")
	p.depth++
	inner := p.or()
	p.depth--
	p.expect(")")
	if p.err != nil {
		return nil
	}
	p.markGrouped(inner)
	return inner
}

func (p *parser) markGrouped(n *node) {
	p.redundant = p.redundant || n.grouped
	n.grouped = true
}

// needCondition refuses a lone operand where a condition has to be.
func (p *parser) needCondition(n *node) {
	if p.err == nil && n != nil && n.kind < nodeCompare && n.kind != nodeCall {
		p.fail()
	}
}

func (p *parser) operand() *node {
	if p.accept("(") {
		inner := p.operand()
		p.expect(")")
		if p.err == nil {
			p.markGrouped(inner)
		}
		return inner
	}
	t := p.peek()
	switch {
	case p.err != nil:
	case t.kind == tokenValue:
		p.next()
		return &node{kind: nodeValue, op: t.text}
	case t.kind == tokenName && p.tokens[p.at+1].text == "(" && !isOperatorWord(t.text):
		p.next()
		p.next()
		return &node{kind: nodeCall, op: t.text, args: p.operands(nil)}
	default:
		return &node{kind: nodePath, path: p.path()}
	}
	return &node{}
}

// operands appends a list of operands up to its closing parenthesis.
func (p *parser) operands(args []*node) []*node {
	for more := true; more && p.err == nil; more = p.accept(",") {
		args = append(args, p.operand())
	}
	p.expect(")")
	return args
}

func isOperatorWord(word string) bool {
	switch len(word) {
	case 2, 3, 7:
		return slices.Contains([]string{"OR", "IN", "AND", "NOT", "BETWEEN"}, upper(word))
	}
	return false
}

func upper(word string) string {
	b := []byte(word)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - ('a' - 'A')
		}
	}
	return string(b)
}

// path is a document path: name, then any number of .name and [index].
func (p *parser) path() path {
	result := path{p.pathName()}
	for p.err == nil {
		switch {
		case p.accept("."):
			result = append(result, p.pathName())
		case p.accept("["):
			result = append(result, p.pathIndex())
			p.expect("]")
		default:
			return result
		}
	}
	return result
}

func (p *parser) pathName() step {
	t := p.peek()
	switch {
	case p.err != nil:
	case t.kind == tokenPlaceholder:
		p.next()
		return step{name: t.text}
	case t.kind == tokenName && !isOperatorWord(t.text):
		p.next()
		return step{name: t.text, bare: true}
	default:
		p.fail()
	}
	return step{}
}

func (p *parser) pathIndex() step {
	t := p.peek()
	if p.err != nil || t.kind != tokenIndex {
		p.fail()
		return step{}
	}
	index, err := strconv.Atoi(t.text)
	if err != nil || index > math.MaxInt32 {
		p.err = invalid("List index is not within the allowable range; index: [%s]", t.text)
		return step{}
	}
	p.next()
	return step{index: index, isIndex: true}
}
