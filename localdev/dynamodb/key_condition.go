package dynamodb

import "slices"

// keyCondition is a parsed KeyConditionExpression: conditions by attribute.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
type keyCondition map[string]keyTerm

// keyTerm is one condition on a key attribute; op is =, <, <=, >, >=, BETWEEN
// or begins_with.
type keyTerm struct {
	op     string
	values []*value
}

// mirrored are the comparators with their sides exchanged.
var mirrored = map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// keyConditionOf takes a parsed condition apart into terms joined by AND.
func keyConditionOf(root *node) (keyCondition, error) {
	k := keyCondition{}
	if err := k.add(root); err != nil {
		return nil, err
	}
	if len(k) > 2 {
		return nil, invalid("Conditions can be of length 1 or 2 only")
	}
	return k, nil
}

func (k keyCondition) add(n *node) error {
	switch {
	case n.kind == nodeAnd:
		if err := k.add(n.args[0]); err != nil {
			return err
		}
		return k.add(n.args[1])
	case n.kind == nodeOr, n.kind == nodeNot, n.kind == nodeIn, n.op == "<>":
		return invalid("Invalid operator used in KeyConditionExpression: %s", n.op)
	case n.kind == nodeCall && n.op != "begins_with":
		return invalid("Invalid operator used in KeyConditionExpression: %s", n.op)
	}
	name, term, err := keyTermOf(n)
	if err != nil {
		return err
	}
	if _, ok := k[name]; ok {
		return invalid("KeyConditionExpressions must only contain one condition per key")
	}
	k[name] = term
	return nil
}

func keyTermOf(n *node) (string, keyTerm, error) {
	at := -1
	term := keyTerm{op: n.op}
	for i, arg := range n.args {
		switch arg.kind {
		case nodeCall:
			return "", term, invalid("KeyConditionExpressions cannot contain nested operations")
		case nodeValue:
			term.values = append(term.values, arg.literal)
		case nodePath:
			if at >= 0 {
				return "", term, invalid("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
			}
			if at = i; len(arg.path) > 1 {
				return "", term, errScalarKey("Key", arg.path.head())
			}
		}
	}
	switch {
	case at < 0:
		return "", term, invalid("Invalid condition in KeyConditionExpression: No key attribute specified")
	case at > 0 && n.kind == nodeCompare:
		term.op = mirrored[n.op]
	case at > 0:
		return "", term, invalid("Invalid condition in KeyConditionExpression: %s operator must have the key attribute as its first operand", n.op)
	}
	return n.args[at].path.head(), term, nil
}

// check matches the condition with a key.
func (k keyCondition) check(schema keySchema) error {
	hash, ok := k[schema.hash.name]
	if !ok {
		return invalid("Query condition missed key schema element: %s", schema.hash.name)
	}
	for name := range k {
		if !schema.has(name) {
			if !schema.hasSort() {
				return invalid("Query key condition not supported")
			}
			return invalid("Query condition missed key schema element: %s", schema.sort.name)
		}
	}
	for i, a := range schema.attributes() {
		for _, v := range k[a.name].values {
			if v.kind != a.kind {
				return invalidValue("Condition parameter type does not match schema type")
			}
			if err := checkKeyValue(a, v, i == 0); err != nil {
				return err
			}
		}
	}
	if hash.op != "=" {
		return invalid("Query key condition not supported")
	}
	return nil
}

// span is a contiguous part of a table or index: the rows from low to high,
// bounds included. A nil bound is open.
type span struct{ low, high *row }

// span is the part in which the condition's rows lie, and nothing else.
func (k keyCondition) span(schema keySchema) span {
	hash := k[schema.hash.name].values[0]
	at := position{token: partitionToken(hash), hash: hash}
	edge := func(v *value, edge int) *row {
		bound := at
		bound.sort = v
		return &row{at: bound, edge: edge}
	}
	s := span{low: edge(nil, -1), high: edge(nil, 1)}
	term, ok := k[schema.sort.name]
	if !ok || !schema.hasSort() {
		return s
	}
	first := term.values[0]
	switch term.op {
	case "=":
		s = span{low: edge(first, -1), high: edge(first, 1)}
	case "<":
		s.high = edge(first, -1)
	case "<=":
		s.high = edge(first, 1)
	case ">":
		s.low = edge(first, 1)
	case ">=":
		s.low = edge(first, -1)
	case "BETWEEN":
		s = span{low: edge(first, -1), high: edge(term.values[1], 1)}
	case "begins_with":
		s.low = edge(first, -1)
		if after := following(first); after != nil {
			s.high = edge(after, -1)
		}
	}
	return s
}

// following is the least value above all that begin with v, nil if none is.
func following(v *value) *value {
	prefix := []byte(v.text)
	for i, c := range slices.Backward(prefix) {
		if c < 0xff {
			prefix[i]++
			return &value{kind: v.kind, text: string(prefix[:i+1])}
		}
	}
	return nil
}

// has reports whether a row lies in the span.
func (s span) has(r *row) bool {
	return (s.low == nil || compareRows(r, s.low) >= 0) && (s.high == nil || compareRows(r, s.high) <= 0)
}
