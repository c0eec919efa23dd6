package dynamodb

import (
	"slices"
	"strconv"
	"strings"
)

// step is one part of a document path: an attribute's or map key's name, or a
// list index.
type step struct {
	name    string
	index   int // when isIndex
	isIndex bool
	bare    bool // written as such, not through a # placeholder
}

// path is a document path. Before resolve, the names of placeholders stand in
// it with their #.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.Attributes.html
type path []step

// head is the top-level attribute that the path is in.
func (p path) head() string { return p[0].name }

// String is the form of DynamoDB's messages: [m, a, [0]].
func (p path) String() string {
	parts := make([]string, len(p))
	for i, s := range p {
		if parts[i] = s.name; s.isIndex {
			parts[i] = "[" + strconv.Itoa(s.index) + "]"
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (p path) equal(q path) bool {
	return slices.EqualFunc(p, q, func(a, b step) bool {
		return a.isIndex == b.isIndex && a.name == b.name && a.index == b.index
	})
}

// in is the value at the path, nil if there is none.
func (p path) in(it item) *value {
	v := it[p[0].name]
	for _, s := range p[1:] {
		if v == nil {
			return nil
		}
		switch {
		case s.isIndex && v.kind == kindL && s.index < len(v.list):
			v = v.list[s.index]
		case !s.isIndex && v.kind == kindM:
			v = v.m[s.name]
		default:
			return nil
		}
	}
	return v
}

// checkOverlap refuses paths of which one contains another or of which two
// treat the same value as a list and as a map.
func checkOverlap(paths []path) error {
	var conflict error
	for i, p := range paths {
		for _, earlier := range paths[:i] {
			switch relate(earlier, p) {
			case pathsOverlap:
				return invalid("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", earlier, p)
			case pathsConflict:
				if conflict == nil {
					conflict = invalid("Two document paths conflict with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", earlier, p)
				}
			}
		}
	}
	return conflict
}

const (
	pathsApart = iota
	pathsOverlap
	pathsConflict
)

func relate(p, q path) int {
	for i := range min(len(p), len(q)) {
		if p[i].isIndex != q[i].isIndex {
			return pathsConflict
		}
		if p[i].name != q[i].name || p[i].index != q[i].index {
			return pathsApart
		}
	}
	return pathsOverlap
}

// branch is a tree of document paths that share their beginnings. It is how
// projections and updates visit an item once, however many paths they have.
type branch struct {
	leaf   int // index of the path that ends here, -1 if none
	names  map[string]*branch
	places map[int]*branch
}

// newBranch is the tree of paths, which must not overlap.
func newBranch(paths []path) *branch {
	root := &branch{leaf: -1}
	for i, p := range paths {
		b := root
		for _, s := range p {
			b = b.child(s)
		}
		b.leaf = i
	}
	return root
}

func (b *branch) child(s step) *branch {
	if s.isIndex {
		if b.places == nil {
			b.places = map[int]*branch{}
		}
		if b.places[s.index] == nil {
			b.places[s.index] = &branch{leaf: -1}
		}
		return b.places[s.index]
	}
	if b.names == nil {
		b.names = map[string]*branch{}
	}
	if b.names[s.name] == nil {
		b.names[s.name] = &branch{leaf: -1}
	}
	return b.names[s.name]
}

// indexes are the list indexes below b, ascending.
func (b *branch) indexes() []int {
	all := make([]int, 0, len(b.places))
	for i := range b.places {
		all = append(all, i)
	}
	slices.Sort(all)
	return all
}

// project is what the paths select from an item; a list keeps only the chosen
// elements, in their order.
func (b *branch) project(it item) item {
	chosen := item{}
	for name, child := range b.names {
		if v := it[name]; v != nil {
			if part := child.projectValue(v); part != nil {
				chosen[name] = part
			}
		}
	}
	return chosen
}

func (b *branch) projectValue(v *value) *value {
	switch {
	case b.leaf >= 0:
		return v
	case b.names != nil && v.kind == kindM:
		if chosen := b.project(v.m); len(chosen) > 0 {
			return &value{kind: kindM, m: chosen}
		}
	case b.places != nil && v.kind == kindL:
		var chosen []*value
		for _, i := range b.indexes() {
			if i >= len(v.list) {
				break
			}
			if part := b.places[i].projectValue(v.list[i]); part != nil {
				chosen = append(chosen, part)
			}
		}
		if len(chosen) > 0 {
			return &value{kind: kindL, list: chosen}
		}
	}
	return nil
}
