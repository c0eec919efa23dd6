package dynamodb

// Sizes, in bytes.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const (
	maxItemSize         = 400 << 10
	maxPartitionKeySize = 2048
	maxSortKeySize      = 1024
	maxPageSize         = 1 << 20  // Query and Scan
	maxBatchGetSize     = 16 << 20 // BatchGetItem's answer
	maxTransactSize     = 4 << 20  // all items of a transaction
	maxExpressionSize   = 4 << 10
	maxNesting          = 32
)

// size is the stored size of a value without its name.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func (v *value) size() int {
	const collection, element = 3, 1
	switch v.kind {
	case kindS, kindB:
		return len(v.text)
	case kindN:
		return v.num.size()
	case kindSS, kindNS, kindBS:
		sum := 0
		for _, e := range v.list {
			sum += e.size()
		}
		return sum
	case kindL:
		sum := collection
		for _, e := range v.list {
			sum += e.size() + element
		}
		return sum
	case kindM:
		return collection + v.m.size() + element*len(v.m)
	}
	return 1
}

// size is the sum over the attributes of their names and values.
func (it item) size() int {
	sum := 0
	for name, v := range it {
		sum += len(name) + v.size()
	}
	return sum
}

// depth is the number of lists and maps around the innermost element, v
// itself included: 0 for a scalar or a set.
func (v *value) depth() int {
	if v.kind != kindL && v.kind != kindM {
		return 0
	}
	deepest := 0
	for _, e := range v.list {
		deepest = max(deepest, e.depth())
	}
	for _, e := range v.m {
		deepest = max(deepest, e.depth())
	}
	return 1 + deepest
}
