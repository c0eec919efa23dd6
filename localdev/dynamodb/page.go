package dynamodb

import (
	"math/bits"

	"github.com/tidwall/btree"
)

// Values of Select.
const (
	selectAll       = "ALL_ATTRIBUTES"
	selectProjected = "ALL_PROJECTED_ATTRIBUTES"
	selectSpecific  = "SPECIFIC_ATTRIBUTES"
	selectCount     = "COUNT"
)

// pageRequest has the members that Query and Scan share.
type pageRequest struct {
	TableName                 tableName         `json:"TableName"`
	IndexName                 *string           `json:"IndexName"`
	Select                    string            `json:"Select"`
	Limit                     *int              `json:"Limit"`
	ConsistentRead            bool              `json:"ConsistentRead"`
	ExclusiveStartKey         startKey          `json:"ExclusiveStartKey"`
	FilterExpression          *string           `json:"FilterExpression"`
	ProjectionExpression      *string           `json:"ProjectionExpression"`
	ExpressionAttributeNames  map[string]string `json:"ExpressionAttributeNames"`
	ExpressionAttributeValues valueMap          `json:"ExpressionAttributeValues"`
	ReturnConsumedCapacity    string            `json:"ReturnConsumedCapacity"`
}

func (r *pageRequest) tableNames() []tableName { return []tableName{r.TableName} }

func (r *pageRequest) constraints(c *checks) {
	c.table("tableName", r.TableName)
	if r.IndexName != nil {
		c.name("indexName", *r.IndexName)
	}
	c.enum("select", r.Select, selectSpecific, selectCount, selectAll, selectProjected)
	c.capacity(r.ReturnConsumedCapacity)
}

// checkSelect refuses combinations of Select with other members.
func (r *pageRequest) checkSelect(verb string) error {
	projected := r.ProjectionExpression != nil
	switch {
	case r.Select == selectSpecific && !projected:
		return invalid("Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	case r.Select == selectCount && projected:
		return invalid("Cannot specify the ProjectionExpression when choosing to get only the Count")
	case (r.Select == selectAll || r.Select == selectProjected) && projected:
		return invalid("Cannot specify the ProjectionExpression when choosing to get %s", r.Select)
	case r.Select == selectProjected && r.IndexName == nil:
		return invalid("ALL_PROJECTED_ATTRIBUTES can be used only when %s using an IndexName", verb)
	}
	return nil
}

// pageAnswer is the answer to Query and Scan.
type pageAnswer struct {
	Items            *[]item           `json:"Items,omitzero"` // nil for COUNT
	Count            int               `json:"Count"`
	ScannedCount     int               `json:"ScannedCount"`
	LastEvaluatedKey item              `json:"LastEvaluatedKey,omitempty"`
	ConsumedCapacity *consumedCapacity `json:"ConsumedCapacity,omitempty"`
}

// pager reads one page of a table or an index.
type pager struct {
	*pageRequest
	table    *table
	index    *index // nil for the table
	schema   keySchema
	filter   *node
	chosen   *projection
	backward bool
}

// open finds the index and checks what depends on the table. The caller holds
// the table's lock.
func (p *pager) open(t *table) error {
	p.table, p.schema = t, t.schema
	if p.IndexName != nil {
		if p.index = t.index(*p.IndexName); p.index == nil {
			return invalid("The table does not have the specified index: %s", *p.IndexName)
		}
		p.schema = p.index.schema
	}
	if p.index != nil && p.index.global && p.ConsistentRead {
		return invalid("Consistent reads are not supported on global secondary indexes")
	}
	if p.chosen != nil {
		if err := t.checkScalarPaths(p.chosen.paths); err != nil {
			return err
		}
	}
	if err := t.checkScalarPaths(p.filter.paths()); err != nil {
		return err
	}
	return p.checkProjected()
}

// checkProjected refuses to ask an index for what it does not have; only a
// local one can fetch it from the table.
func (p *pager) checkProjected() error {
	if p.index == nil || p.index.keeps == nil {
		return nil
	}
	missing := p.missing(p.filter.paths())
	if len(missing) > 0 && (p.index.global || !p.fetches()) {
		return invalidValue("Secondary index %s does not project one or more filter attributes: %v", p.index.name, missing)
	}
	if !p.index.global {
		return nil
	}
	if p.Select == selectAll {
		return invalidValue("Select type ALL_ATTRIBUTES is not supported for global secondary index %s because its projection type is not ALL", p.index.name)
	}
	if p.chosen != nil {
		if missing := p.missing(p.chosen.paths); len(missing) > 0 {
			return invalidValue("Global secondary index %s does not project %v", p.index.name, missing)
		}
	}
	return nil
}

func (p *pager) missing(paths []path) []string {
	var names []string
	for _, each := range paths {
		if !p.index.keeps[each.head()] {
			names = append(names, each.head())
		}
	}
	return names
}

// fetches reports whether items come from the table though a local index is
// read, since more is wanted than the index has.
func (p *pager) fetches() bool {
	if p.index == nil || p.index.global || p.index.keeps == nil {
		return false
	}
	return p.Select == selectAll || p.chosen != nil && len(p.missing(p.chosen.paths)) > 0
}

// read walks over a span from the start key on, as far as a page reaches.
func (p *pager) read(e *Service, s span, c *call) *pageAnswer {
	rows := e.view(p.table, p.index, c.operation, p.ConsistentRead)
	u := c.consume(string(p.TableName))
	answer := &pageAnswer{}
	items := []item{}
	size, fetched := 0, 0.0
	var last *row
	visit := func(r *row) bool {
		if answer.ScannedCount == p.limit() || size >= maxPageSize {
			return false
		}
		last = r
		answer.ScannedCount++
		size += r.size
		it := r.item
		if p.fetches() {
			it = r.full.item
			fetched += readUnits(r.full.size, p.ConsistentRead)
		}
		if p.filter.holds(it) {
			items = append(items, p.chosen.apply(it))
		}
		return true
	}
	walk(rows, s, p.start(), p.backward, visit)
	answer.Count = len(items)
	if p.Select != selectCount {
		answer.Items = &items
	}
	if last != nil && (answer.ScannedCount == p.limit() || size >= maxPageSize) {
		answer.LastEvaluatedKey = p.keyOf(last.item)
	}
	p.account(u, readUnits(size, p.ConsistentRead), fetched)
	answer.ConsumedCapacity = u.report(p.ReturnConsumedCapacity, false)
	return answer
}

// account books what the page consumed: the sizes of its items together,
// rounded up once, and each fetch from the table by itself.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html#LSI.ThroughputConsiderations.Reads
func (p *pager) account(u *usage, page, fetched float64) {
	if p.index == nil {
		u.table.read += page
		return
	}
	u.index(p.index).read += page
	u.table.read += fetched
}

// limit is the number of items to evaluate, -1 for no limit.
func (p *pager) limit() int {
	if p.Limit == nil {
		return -1
	}
	return *p.Limit
}

// keyOf is an item's place in what is read: the key of the table, and that
// of the index.
func (p *pager) keyOf(it item) item {
	key := p.table.schema.of(it)
	for _, a := range p.schema.attributes() {
		key[a.name] = it[a.name]
	}
	return key
}

// start is the row after which the page begins, nil for the beginning.
func (p *pager) start() *row {
	if p.ExclusiveStartKey == nil {
		return nil
	}
	key := item(p.ExclusiveStartKey)
	r := &row{at: p.schema.position(key)}
	if p.index != nil {
		base := p.table.schema.position(key)
		r.base = &base
	}
	return r
}

// walk visits the rows of a span in order until visit returns false.
func walk(rows *btree.BTreeG[*row], s span, start *row, backward bool, visit func(*row) bool) {
	inside := func(r *row) bool {
		if start != nil && compareRows(r, start) == 0 {
			return true
		}
		return s.has(r) && visit(r)
	}
	from := s.low
	if backward {
		from = s.high
	}
	if start != nil {
		from = start
	}
	switch {
	case from == nil && backward:
		rows.Reverse(inside)
	case from == nil:
		rows.Scan(inside)
	case backward:
		rows.Descend(from, inside)
	default:
		rows.Ascend(from, inside)
	}
}

// segmentSpan is one of total segments, which divide the tokens evenly.
func segmentSpan(segment, total int) span {
	if total <= 1 {
		return span{}
	}
	bound := func(i int) *row {
		token, _ := bits.Div64(uint64(i), 0, uint64(total)) //nolint:gosec // both are small and positive
		return &row{at: position{token: token}, edge: -1}
	}
	s := span{low: bound(segment)}
	if segment+1 < total {
		s.high = bound(segment + 1)
	}
	return s
}
