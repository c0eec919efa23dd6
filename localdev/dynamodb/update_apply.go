package dynamodb

import (
	"maps"
	"slices"
)

// apply is the item after the update. old is not changed; operands see it as
// it was before any action, and so do list indexes: elements that are added
// beyond the end are appended in the order of their indexes, elements that
// are removed leave no hole.
func (u *update) apply(old item) (item, error) {
	return (&updating{update: u, root: old}).inMap(u.tree, old)
}

// updating is an update at work on an item.
type updating struct {
	*update
	root item // as it was before
}

func (u *updating) inMap(b *branch, old item) (item, error) {
	changed := make(item, len(old)+len(b.names))
	maps.Copy(changed, old)
	// In order, so that of several errors it is always the same that shows.
	for _, name := range slices.Sorted(maps.Keys(b.names)) {
		v, err := u.inValue(b.names[name], old[name])
		if err != nil {
			return nil, err
		}
		if v == nil {
			delete(changed, name)
		} else {
			changed[name] = v
		}
	}
	return changed, nil
}

func (u *updating) inList(b *branch, old []*value) ([]*value, error) {
	changed := slices.Clone(old)
	for _, i := range b.indexes() {
		var before *value
		if i < len(old) {
			before = old[i]
		}
		v, err := u.inValue(b.places[i], before)
		switch {
		case err != nil:
			return nil, err
		case i < len(old):
			changed[i] = v
		case v != nil:
			changed = append(changed, v)
		}
	}
	return slices.DeleteFunc(changed, func(v *value) bool { return v == nil }), nil
}

// inValue is the value at a branch after the update, nil if it is gone.
func (u *updating) inValue(b *branch, old *value) (*value, error) {
	if b.leaf >= 0 {
		return u.act(u.actions[b.leaf], old)
	}
	switch {
	case old != nil && old.kind == kindM && b.names != nil:
		m, err := u.inMap(b, old.m)
		return &value{kind: kindM, m: m}, err
	case old != nil && old.kind == kindL && b.places != nil:
		list, err := u.inList(b, old.list)
		return &value{kind: kindL, list: list}, err
	}
	return nil, invalid("The document path provided in the update expression is invalid for update")
}

func (u *updating) act(a action, old *value) (*value, error) {
	switch a.section {
	case "SET":
		return a.operand.assigned(u.root)
	case "REMOVE":
		return nil, nil
	}
	operand := a.operand.literal
	switch {
	case old == nil && a.section == "DELETE":
		return nil, nil
	case old == nil:
		return operand, nil
	case old.kind != operand.kind:
		return nil, errOperandMismatch()
	case operand.kind == kindN:
		sum, err := old.num.plus(operand.num)
		return numberValue(sum), err
	case a.section == "ADD":
		return old.union(operand), nil
	}
	return old.without(operand), nil
}

// assigned is the value of SET's right side.
func (n *node) assigned(old item) (*value, error) {
	switch n.kind {
	case nodeValue:
		return n.literal, nil
	case nodePath:
		if v := n.path.in(old); v != nil {
			return v, nil
		}
		return nil, invalid("The provided expression refers to an attribute that does not exist in the item")
	}
	if n.op == "if_not_exists" {
		if v := n.args[0].path.in(old); v != nil {
			return v, nil
		}
		return n.args[1].assigned(old)
	}
	left, err := n.args[0].assigned(old)
	if err != nil {
		return nil, err
	}
	right, err := n.args[1].assigned(old)
	if err != nil {
		return nil, err
	}
	return combine(n.op, left, right)
}

func combine(op string, left, right *value) (*value, error) {
	if op == "list_append" {
		if left.kind != kindL || right.kind != kindL {
			return nil, errOperandMismatch()
		}
		return &value{kind: kindL, list: slices.Concat(left.list, right.list)}, nil
	}
	if left.kind != kindN || right.kind != kindN {
		return nil, errOperandMismatch()
	}
	addend := right.num
	if op == "-" {
		addend = addend.negated()
	}
	sum, err := left.num.plus(addend)
	return numberValue(sum), err
}

func errOperandMismatch() error {
	return invalid("An operand in the update expression has an incorrect data type")
}

// touched is what UPDATED_OLD and UPDATED_NEW answer: those of the update's
// paths that an item has.
func (u *update) touched(it item) item {
	if it == nil {
		return nil
	}
	return u.tree.project(it)
}
