package dynamodb

import (
	"strconv"
	"unicode/utf16"
)

// holds evaluates a condition on an item; a nil condition holds. An operand
// that the item does not have makes every comparison but <> false.
func (n *node) holds(it item) bool {
	if n == nil {
		return true
	}
	switch n.kind {
	case nodeAnd:
		return n.args[0].holds(it) && n.args[1].holds(it)
	case nodeOr:
		return n.args[0].holds(it) || n.args[1].holds(it)
	case nodeNot:
		return !n.args[0].holds(it)
	case nodeBetween:
		v, low, high := n.args[0].operand(it), n.args[1].operand(it), n.args[2].operand(it)
		return holdsOrder(">=", v, low) && holdsOrder("<=", v, high)
	case nodeIn:
		return n.holdsIn(it)
	case nodeCompare:
		return holdsCompare(n.op, n.args[0].operand(it), n.args[1].operand(it))
	}
	return n.holdsCall(it)
}

func (n *node) holdsIn(it item) bool {
	v := n.args[0].operand(it)
	if v == nil {
		return false
	}
	for _, arg := range n.args[1:] {
		if w := arg.operand(it); w != nil && v.equal(w) {
			return true
		}
	}
	return false
}

func holdsCompare(op string, v, w *value) bool {
	switch op {
	case "=":
		return v != nil && w != nil && v.equal(w)
	case "<>":
		return v == nil || w == nil || !v.equal(w)
	}
	return holdsOrder(op, v, w)
}

func holdsOrder(op string, v, w *value) bool {
	if v == nil || w == nil || v.kind != w.kind || !v.ordered() {
		return false
	}
	order := v.compare(w)
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func (n *node) holdsCall(it item) bool {
	v := n.args[0].operand(it)
	switch n.op {
	case "attribute_exists":
		return v != nil
	case "attribute_not_exists":
		return v == nil
	}
	w := n.args[1].operand(it)
	if v == nil || w == nil {
		return false
	}
	switch n.op {
	case "attribute_type":
		return v.kind.String() == w.text
	case "begins_with":
		return v.hasPrefix(w)
	}
	return v.contains(w)
}

// operand is the value of an operand for an item, nil if there is none.
func (n *node) operand(it item) *value {
	switch n.kind {
	case nodePath:
		return n.path.in(it)
	case nodeValue:
		return n.literal
	}
	return sizeOf(n.args[0].operand(it))
}

// sizeOf is the function size: the length of a string in UTF-16 code units
// (as the official DynamoDB Local counts), of a binary in bytes, and the
// number of elements of a collection.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html#Expressions.OperatorsAndFunctions.Functions
func sizeOf(v *value) *value {
	if v == nil {
		return nil
	}
	length := len(v.list)
	switch v.kind {
	case kindS:
		length = utf16Length(v.text)
	case kindB:
		length = len(v.text)
	case kindM:
		length = len(v.m)
	case kindN, kindBOOL, kindNULL:
		return nil
	}
	n, _ := scanNumber(strconv.Itoa(length))
	return numberValue(n)
}

func utf16Length(s string) int {
	length := 0
	for _, r := range s {
		length += utf16.RuneLen(r)
	}
	return length
}
