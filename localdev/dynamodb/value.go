package dynamodb

import (
	"bytes"
	"slices"
	"strings"
)

// kind is one of the ten types of an attribute value, zero for none.
type kind uint8

const (
	kindS kind = iota + 1
	kindN
	kindB
	kindBOOL
	kindNULL
	kindL
	kindM
	kindSS
	kindNS
	kindBS
)

// kindNames are the type descriptors of the wire protocol, by kind.
var kindNames = [...]string{"", "S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}

func (k kind) String() string { return kindNames[k] }

// kindOf is the kind whose descriptor is name.
func kindOf(name string) (kind, bool) {
	i := slices.Index(kindNames[1:], name)
	return kind(i + 1), i >= 0 //nolint:gosec // one of ten
}

// element is the kind of a set's elements, zero for what is no set.
func (k kind) element() kind {
	switch k {
	case kindSS:
		return kindS
	case kindNS:
		return kindN
	case kindBS:
		return kindB
	}
	return 0
}

// value is one attribute value. A value is immutable once it was decoded or
// computed: items share values freely, and an update builds new ones along
// the path that it changes.
type value struct {
	kind kind
	flag bool     // BOOL
	text string   // S: UTF-8; B: the raw bytes
	num  number   // N
	list []*value // L in order; SS, NS and BS as given
	m    item     // M
}

// item is an item or the content of a map: attribute values by name.
type item map[string]*value

func stringValue(s string) *value { return &value{kind: kindS, text: s} }
func numberValue(n number) *value { return &value{kind: kindN, num: n} }

// equal reports whether two values are the same: sets as sets, numbers by
// value, everything else by type and content.
func (v *value) equal(w *value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case kindS, kindB:
		return v.text == w.text
	case kindN:
		return v.num == w.num
	case kindBOOL:
		return v.flag == w.flag
	case kindL:
		return slices.EqualFunc(v.list, w.list, (*value).equal)
	case kindM:
		return v.m.equal(w.m)
	case kindSS, kindNS, kindBS:
		return len(v.list) == len(w.list) && !slices.ContainsFunc(v.list, func(e *value) bool { return !w.has(e) })
	}
	return true
}

func (it item) equal(other item) bool {
	if len(it) != len(other) {
		return false
	}
	for name, v := range it {
		w, ok := other[name]
		if !ok || !v.equal(w) {
			return false
		}
	}
	return true
}

// has reports whether a list or set has an element equal to e.
func (v *value) has(e *value) bool { return slices.ContainsFunc(v.list, e.equal) }

// compare orders two values of one scalar type S, N or B: strings by their
// UTF-8 bytes, numbers by value, binaries as unsigned bytes.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
func (v *value) compare(w *value) int {
	if v.kind == kindN {
		return v.num.compare(w.num)
	}
	return strings.Compare(v.text, w.text)
}

func (v *value) ordered() bool { return v.kind == kindS || v.kind == kindN || v.kind == kindB }

// hasPrefix is begins_with for two strings or two binaries.
func (v *value) hasPrefix(w *value) bool {
	return v.kind == w.kind && (v.kind == kindS || v.kind == kindB) && strings.HasPrefix(v.text, w.text)
}

// contains is the function contains: a substring of a string or binary, an
// element of a set or a list.
func (v *value) contains(w *value) bool {
	switch v.kind {
	case kindS, kindB:
		return v.kind == w.kind && strings.Contains(v.text, w.text)
	case kindSS, kindNS, kindBS:
		return w.kind == v.kind.element() && v.has(w)
	case kindL:
		return v.has(w)
	}
	return false
}

// union is v and those elements of w that v lacks; both are sets of one kind.
func (v *value) union(w *value) *value {
	sum := slices.Clip(v.list)
	for _, e := range w.list {
		if !v.has(e) {
			sum = append(sum, e)
		}
	}
	return &value{kind: v.kind, list: sum}
}

// without is v less the elements of w, nil when none is left, since a set is
// never empty.
func (v *value) without(w *value) *value {
	var rest []*value
	for _, e := range v.list {
		if !w.has(e) {
			rest = append(rest, e)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return &value{kind: v.kind, list: rest}
}

// literal prints a value as DynamoDB's messages do: the bare scalar.
func (v *value) literal() string {
	switch v.kind {
	case kindN:
		return v.num.String()
	case kindS, kindB:
		return v.text
	}
	raw, err := encodeJSON(v)
	if err != nil {
		return v.kind.String()
	}
	return string(bytes.TrimSpace(raw))
}
