package sns

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
)

// condition is one element of a policy's array. holds gets the values of the
// property: none if it is absent.
type condition interface{ holds(values []any) bool }

// scalar is a condition on single values, of which one must satisfy it.
type scalar func(value any) bool

func (s scalar) holds(values []any) bool { return slices.ContainsFunc(values, s) }

type exists bool

func (e exists) holds(values []any) bool { return (len(values) > 0) == bool(e) }

func parseCondition(raw json.RawMessage) (condition, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return exact(raw)
	}
	var operator map[string]json.RawMessage
	if err := json.Unmarshal(raw, &operator); err != nil || len(operator) != 1 {
		return nil, invalidParameter("FilterPolicy: Only one key allowed in match expression")
	}
	for name, argument := range operator {
		return parseOperator(name, argument)
	}
	return nil, nil // not reached: there is one key
}

func parseOperator(name string, argument json.RawMessage) (condition, error) {
	switch name {
	case "exists":
		var b bool
		if err := json.Unmarshal(argument, &b); err != nil {
			return nil, invalidParameter("FilterPolicy: exists match pattern must be either true or false.")
		}
		return exists(b), nil
	case "prefix", "suffix", "equals-ignore-case":
		return parseText(name, argument)
	case "numeric":
		return parseNumeric(argument)
	case "anything-but":
		return parseAnythingBut(argument)
	}
	return nil, unsupported("the filter policy operator %q", name)
}

// exact matches a string, a number (by value), true, false or null.
func exact(raw json.RawMessage) (scalar, error) {
	var want any
	if err := decodeJSON(string(raw), &want); err != nil {
		return nil, invalidParameter("FilterPolicy: %v", err)
	}
	if number, ok := want.(json.Number); ok {
		f, err := policyNumber(number)
		if err != nil {
			return nil, err
		}
		return func(value any) bool { got, ok := toNumber(value); return ok && sameNumber(got, f) }, nil
	}
	switch want.(type) {
	case string, bool, nil:
		return func(value any) bool { return value == want }, nil
	}
	return nil, invalidParameter("FilterPolicy: Match value must be String, number, true, false, or null")
}

func parseText(name string, argument json.RawMessage) (scalar, error) {
	var text string
	if err := json.Unmarshal(argument, &text); err != nil {
		return nil, invalidParameter("FilterPolicy: %s match pattern must be a string", name)
	}
	compare := map[string]func(got, want string) bool{
		"prefix": strings.HasPrefix, "suffix": strings.HasSuffix, "equals-ignore-case": strings.EqualFold,
	}[name]
	return func(value any) bool { got, ok := value.(string); return ok && compare(got, text) }, nil
}

// parseAnythingBut matches a value that is in none of the given ones: a scalar,
// a list of scalars, or one prefix or suffix.
func parseAnythingBut(argument json.RawMessage) (scalar, error) {
	var excluded []scalar
	var list []json.RawMessage
	if json.Unmarshal(argument, &list) != nil {
		list = []json.RawMessage{argument}
	}
	if len(list) == 0 {
		return nil, invalidParameter("FilterPolicy: anything-but list must not be empty")
	}
	for _, raw := range list {
		c, err := parseCondition(raw)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) &&
			!bytes.Contains(raw, []byte(`"prefix"`)) && !bytes.Contains(raw, []byte(`"suffix"`)) {
			return nil, unsupported("anything-but with %s", raw)
		}
		s, ok := c.(scalar)
		if !ok {
			return nil, unsupported("anything-but with %s", raw)
		}
		excluded = append(excluded, s)
	}
	return func(value any) bool {
		return !slices.ContainsFunc(excluded, func(s scalar) bool { return s(value) })
	}, nil
}

// parseNumeric matches by up to two comparisons: ["=", 1] or [">", 0, "<=", 5].
func parseNumeric(argument json.RawMessage) (scalar, error) {
	var terms []any
	if err := decodeJSON(string(argument), &terms); err != nil || (len(terms) != 2 && len(terms) != 4) {
		return nil, invalidParameter("FilterPolicy: numeric match needs one or two operators with a number each")
	}
	var checks []func(float64) bool
	for i := 0; i < len(terms); i += 2 {
		operator, _ := terms[i].(string)
		number, ok := terms[i+1].(json.Number)
		if !ok {
			return nil, invalidParameter("FilterPolicy: Value of %s must be numeric", operator)
		}
		bound, err := policyNumber(number)
		if err != nil {
			return nil, err
		}
		check := comparison(operator, bound)
		if check == nil || (operator == "=" && len(terms) > 2) {
			return nil, invalidParameter("FilterPolicy: Unrecognized numeric range operator: %v", terms[i])
		}
		checks = append(checks, check)
	}
	return func(value any) bool {
		got, ok := toNumber(value)
		return ok && !slices.ContainsFunc(checks, func(check func(float64) bool) bool { return !check(got) })
	}, nil
}

func comparison(operator string, bound float64) func(float64) bool {
	switch operator {
	case "=":
		return func(v float64) bool { return sameNumber(v, bound) }
	case "<":
		return func(v float64) bool { return v < bound && !sameNumber(v, bound) }
	case "<=":
		return func(v float64) bool { return v < bound || sameNumber(v, bound) }
	case ">":
		return func(v float64) bool { return v > bound && !sameNumber(v, bound) }
	case ">=":
		return func(v float64) bool { return v > bound || sameNumber(v, bound) }
	}
	return nil
}

func policyNumber(n json.Number) (float64, error) {
	f, err := n.Float64()
	if err != nil || math.Abs(f) > maxFilterNumber {
		return 0, invalidParameter("FilterPolicy: Value must be between -%g and %g, inclusive", maxFilterNumber, maxFilterNumber)
	}
	return f, nil
}

func toNumber(value any) (float64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// sameNumber compares to five digits after the point.
func sameNumber(a, b float64) bool { return math.Abs(a-b) < 5e-6 }
