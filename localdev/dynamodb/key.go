package dynamodb

import (
	"cmp"
	"hash/fnv"
	"strconv"
)

// keyAttribute is an attribute of a table's or an index's primary key.
type keyAttribute struct {
	name string
	kind kind
}

// keySchema is a primary key: a partition key and, unless its name is empty,
// a sort key.
type keySchema struct {
	hash, sort keyAttribute
}

func (k keySchema) hasSort() bool { return k.sort.name != "" }

func (k keySchema) attributes() []keyAttribute {
	if k.hasSort() {
		return []keyAttribute{k.hash, k.sort}
	}
	return []keyAttribute{k.hash}
}

func (k keySchema) has(name string) bool { return name == k.hash.name || name == k.sort.name }

// position is a place in a table or an index: partitions by a token of their
// key, so that a scan meets them in no meaningful order, and within one
// partition by the sort key.
type position struct {
	token uint64
	hash  *value
	sort  *value
}

// position is where an item with these key attributes belongs.
func (k keySchema) position(it item) position {
	p := position{hash: it[k.hash.name], token: partitionToken(it[k.hash.name])}
	if k.hasSort() {
		p.sort = it[k.sort.name]
	}
	return p
}

// covers reports whether an item has all attributes of the key with their
// types, that is, whether it is in an index with this key.
func (k keySchema) covers(it item) bool {
	for _, a := range k.attributes() {
		if v := it[a.name]; v == nil || v.kind != a.kind {
			return false
		}
	}
	return true
}

// of is the key alone.
func (k keySchema) of(it item) item {
	key := item{}
	for _, a := range k.attributes() {
		key[a.name] = it[a.name]
	}
	return key
}

func partitionToken(v *value) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(v.scalarText()))
	// FNV leaves the upper bits of short inputs alike; a scan's segments are
	// cut by the upper bits, so they are mixed once more.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// id tells keys of one table apart.
func (p position) id() string {
	id := strconv.Itoa(len(p.hash.text)) + ":" + p.hash.scalarText()
	if p.sort != nil {
		id += "/" + p.sort.scalarText()
	}
	return id
}

// row is an item in its place. Rows are immutable: a write replaces them.
//
// A row with an edge is a bound for searching: it lies before (-1) or after
// (1) all rows that agree with it in what it has of a position.
type row struct {
	at   position
	base *position // in an index: the item's place in the table
	item item      // in an index: the projected attributes
	size int
	full *row // in an index: the table's row
	edge int
}

// compareRows is the order of a table and of an index.
func compareRows(a, b *row) int {
	if order := cmp.Compare(a.at.token, b.at.token); order != 0 {
		return order
	}
	if order, done := compareParts(a, b, a.at.hash, b.at.hash); done {
		return order
	}
	if order, done := compareParts(a, b, a.at.sort, b.at.sort); done {
		return order
	}
	if a.edge != b.edge || a.base == nil || b.base == nil {
		return a.edge - b.edge
	}
	return compareRows(&row{at: *a.base}, &row{at: *b.base})
}

// compareParts compares one part of two positions and reports whether that
// decides. A part that a bound does not have decides by the bound's edge.
func compareParts(a, b *row, v, w *value) (order int, done bool) {
	switch {
	case v == nil && a.edge != 0, w == nil && b.edge != 0:
		return a.edge - b.edge, true
	case v == nil || w == nil:
		return 0, false
	}
	order = v.compare(w)
	return order, order != 0
}

func lessRow(a, b *row) bool { return compareRows(a, b) < 0 }

// checkKey checks a request's Key against the schema.
func (k keySchema) checkKey(key item) error {
	if len(key) != len(k.attributes()) {
		return errKeySchema()
	}
	for i, a := range k.attributes() {
		v := key[a.name]
		if v == nil || v.kind != a.kind {
			return errKeySchema()
		}
		if err := checkKeyValue(a, v, i == 0); err != nil {
			return err
		}
	}
	return nil
}

func errKeySchema() error { return invalid("The provided key element does not match the schema") }

// checkItem checks the key attributes of an item that is put.
func (k keySchema) checkItem(it item) error {
	for i, a := range k.attributes() {
		v := it[a.name]
		if v == nil {
			return invalidValue("Missing the key %s in the item", a.name)
		}
		if v.kind != a.kind {
			return invalidValue("Type mismatch for key %s expected: %s actual: %s", a.name, a.kind, v.kind)
		}
		if err := checkKeyValue(a, v, i == 0); err != nil {
			return err
		}
	}
	return nil
}

// checkKeyValue refuses an empty and an overlong key.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-partition-sort-keys
func checkKeyValue(a keyAttribute, v *value, isHash bool) error {
	if v.kind == kindN {
		return nil
	}
	if v.text == "" {
		return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", scalarWord(a.kind), a.name)
	}
	switch {
	case isHash && len(v.text) > maxPartitionKeySize:
		return invalidValue("Size of hashkey has exceeded the maximum size limit of%d bytes", maxPartitionKeySize)
	case !isHash && len(v.text) > maxSortKeySize:
		return invalidValue("Aggregated size of all range keys has exceeded the size limit of %d bytes", maxSortKeySize)
	}
	return nil
}

func scalarWord(k kind) string {
	if k == kindB {
		return "binary"
	}
	return "string"
}
