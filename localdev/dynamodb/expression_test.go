package dynamodb

import (
	"strings"
	"testing"
)

// FuzzExpressions holds the parsers to two promises: they never panic, and
// what they accept can be evaluated on any item.
func FuzzExpressions(f *testing.F) {
	for _, seed := range []string{
		"", "(", "a", "a = :v", "#n.b[3] <> :v AND NOT (size(a) > :n OR a IN (:v, :n))",
		"a BETWEEN :n AND :n", "begins_with(a, :v)", "attribute_type(a, :t)", "((a = :v))", "a = :v)", "a[99999999999999999999]",
		"SET a = :v", "SET a = if_not_exists(b, :n) + :n REMOVE c[1], d.e ADD f :n DELETE g :s", "SET a = (b - :n)",
		"SET a[2] = list_append(a, :l), a[7] = :v", "a, b[1].c", strings.Repeat("(", 100), "NOT NOT NOT", "\x00", "é",
	} {
		f.Add(seed)
	}
	one, _ := parseNumber("1")
	list := &value{kind: kindL, list: []*value{stringValue("x"), numberValue(one)}}
	set := &value{kind: kindSS, list: []*value{stringValue("x")}}
	values := valueMap{":v": stringValue("x"), ":n": numberValue(one), ":t": stringValue("S"), ":l": list, ":s": set}
	items := []item{nil, {}, {
		"a": list, "b": numberValue(one), "c": list, "d": {kind: kindM, m: item{"e": set}}, "f": numberValue(one), "g": set,
	}}
	f.Fuzz(func(t *testing.T, text string) {
		names := &placeholders{names: map[string]string{"#n": "name"}, values: values, usedNames: map[string]bool{}, usedValues: map[string]bool{}}
		condition, err := parseCondition("ConditionExpression", &text, names)
		for _, it := range items {
			if err == nil {
				condition.holds(it)
			}
		}
		if err == nil {
			if terms, err := keyConditionOf(condition); err == nil {
				_ = terms.check(keySchema{hash: keyAttribute{name: "a", kind: kindS}, sort: keyAttribute{name: "b", kind: kindN}})
			}
		}
		chosen, err := parseProjection(&text, names)
		for _, it := range items {
			if err == nil {
				chosen.apply(it)
			}
		}
		u, err := parseUpdate(&text, names)
		for _, it := range items {
			if err != nil {
				break
			}
			if fresh, err := u.apply(it); err == nil {
				if _, err := encodeJSON(fresh); err != nil {
					t.Errorf("%q makes an item that cannot be written: %v", text, err)
				}
			}
		}
	})
}
