package dynamodb

import (
	"slices"
	"sync"
	"time"

	"github.com/tidwall/btree"
)

// table is one table with its items and indexes.
//
// mu guards everything below it. Whoever holds several tables' locks took
// them in the order of the tables' names.
type table struct {
	name    string
	created time.Time
	schema  keySchema

	mu      sync.RWMutex
	spec    createTableRequest // as created and updated, for descriptions
	indexes []*index
	rows    *btree.BTreeG[*row]
	bytes   int
	ttl     string // attribute, empty when disabled
	deleted bool
	history *history // nil unless stale reads are simulated
}

// index is a secondary index.
type index struct {
	name   string
	global bool
	schema keySchema
	spec   indexSpec
	rows   *btree.BTreeG[*row]
	bytes  int
	keeps  map[string]bool // projected attributes; nil for all
}

func newRows() *btree.BTreeG[*row] {
	return btree.NewBTreeGOptions(lessRow, btree.Options{NoLocks: true})
}

// find is the row at a position, nil if there is none.
func (t *table) find(at position) *row {
	found, _ := t.rows.Get(&row{at: at})
	return found
}

func (t *table) index(name string) *index {
	i := slices.IndexFunc(t.indexes, func(ix *index) bool { return ix.name == name })
	if i < 0 {
		return nil
	}
	return t.indexes[i]
}

// entry is the index's row for a row of the table, nil if the item is not in
// the index.
func (ix *index) entry(r *row) *row {
	if r == nil || !ix.schema.covers(r.item) {
		return nil
	}
	projected := r.item
	if ix.keeps != nil {
		projected = item{}
		for name := range ix.keeps {
			if v := r.item[name]; v != nil {
				projected[name] = v
			}
		}
	}
	return &row{at: ix.schema.position(r.item), base: &r.at, item: projected, size: projected.size(), full: r}
}

// store puts an item at a position, or removes what is there when it is nil,
// keeps the indexes in step, and counts the write units. The caller holds the
// write lock.
func (t *table) store(at position, it item, u *usage) {
	t.history.remember(t)
	old := t.find(at)
	var fresh *row
	if it != nil {
		fresh = &row{at: at, item: it, size: it.size()}
	}
	u.table.write += writeUnits(max(old.bytes(), fresh.bytes()))
	if fresh != nil {
		t.rows.Set(fresh)
	} else if old != nil {
		t.rows.Delete(old)
	}
	t.bytes += fresh.bytes() - old.bytes()
	for _, ix := range t.indexes {
		ix.replace(old, fresh, u)
	}
}

// replace moves an item's entry, counting write units: one write for a new, a
// vanished or a changed entry, two where the key changed, none where the
// index shows no difference.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
func (ix *index) replace(oldBase, freshBase *row, u *usage) {
	old, fresh := ix.entry(oldBase), ix.entry(freshBase)
	moved := old != nil && fresh != nil && compareRows(old, fresh) != 0
	switch {
	case moved:
		u.index(ix).write += writeUnits(old.size) + writeUnits(fresh.size)
	case old != nil && fresh != nil && old.item.equal(fresh.item):
	case old != nil || fresh != nil:
		u.index(ix).write += writeUnits(max(old.bytes(), fresh.bytes()))
	}
	if old != nil && (fresh == nil || moved) {
		ix.rows.Delete(old)
	}
	if fresh != nil {
		ix.rows.Set(fresh)
	}
	ix.bytes += fresh.bytes() - old.bytes()
}

// bytes is the size of a row's item, 0 for none.
func (r *row) bytes() int {
	if r == nil {
		return 0
	}
	return r.size
}

// checkItem checks an item against the keys of the table and of its indexes.
func (t *table) checkItem(it item) error {
	if err := t.schema.checkItem(it); err != nil {
		return err
	}
	return t.checkIndexKeys(it, false)
}

// checkIndexKeys checks those attributes of an item that are keys of indexes;
// updated tells that the item comes of an UpdateExpression.
func (t *table) checkIndexKeys(it item, updated bool) error {
	for _, ix := range t.indexes {
		for i, a := range ix.schema.attributes() {
			v := it[a.name]
			if v == nil || t.schema.has(a.name) {
				continue
			}
			if v.kind != a.kind {
				return invalidValue("Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s", a.name, a.kind, v.kind, ix.name)
			}
			if a.kind == kindN {
				continue
			}
			if v.text == "" && updated {
				return invalid("One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty %s value.", scalarWord(a.kind))
			}
			if v.text == "" {
				return invalid("One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty %s value. IndexName: %s, IndexKey: %s", scalarWord(a.kind), ix.name, a.name)
			}
			if limit := keyLimit(i == 0); len(v.text) > limit {
				return invalidValue("Size of the value of index key %s has exceeded the maximum size limit of %d bytes. IndexName: %s", a.name, limit, ix.name)
			}
		}
	}
	return nil
}

func keyLimit(isHash bool) int {
	if isHash {
		return maxPartitionKeySize
	}
	return maxSortKeySize
}

// checkScalarPaths refuses paths into key attributes, which are scalars.
func (t *table) checkScalarPaths(paths []path) error {
	nested := func(schema keySchema) string {
		for _, p := range paths {
			if len(p) > 1 && schema.has(p.head()) {
				return p.head()
			}
		}
		return ""
	}
	if name := nested(t.schema); name != "" {
		return errScalarKey("Key", name)
	}
	for _, ix := range t.indexes {
		if name := nested(ix.schema); name != "" {
			return errScalarKey("IndexKey", name)
		}
	}
	return nil
}

func errScalarKey(what, name string) error {
	return invalid("Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: %s: %s", what, name)
}

// paths are all document paths in a condition; none for nil.
func (n *node) paths() []path {
	var all []path
	if n != nil {
		_ = n.walk(func(n *node) error {
			if n.kind == nodePath {
				all = append(all, n.path)
			}
			return nil
		})
	}
	return all
}
