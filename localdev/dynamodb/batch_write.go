package dynamodb

import (
	"maps"
	"slices"
)

type batchWriteItemRequest struct {
	RequestItems                map[string][]batchWrite `json:"RequestItems"`
	ReturnConsumedCapacity      string                  `json:"ReturnConsumedCapacity"`
	ReturnItemCollectionMetrics string                  `json:"ReturnItemCollectionMetrics"`
}

// batchWrite is one put or one delete.
type batchWrite struct {
	PutRequest    *batchPut    `json:"PutRequest,omitempty"`
	DeleteRequest *batchDelete `json:"DeleteRequest,omitempty"`
}

type batchPut struct {
	Item item `json:"Item"`
}

type batchDelete struct {
	Key item `json:"Key"`
}

func (r *batchWriteItemRequest) tableNames() []string {
	return slices.Collect(maps.Keys(r.RequestItems))
}

type batchWriteItemAnswer struct {
	UnprocessedItems map[string][]batchWrite `json:"UnprocessedItems"`
	ConsumedCapacity []*consumedCapacity     `json:"ConsumedCapacity,omitempty"`
}

// batchWriteItem does up to 25 writes, each by itself, but none if one of
// them is malformed.
func (e *Engine) batchWriteItem(r *batchWriteItemRequest, c *call) (any, error) {
	writes, err := r.prepare()
	if err != nil {
		return nil, err
	}
	tables, done, err := e.lockAll(c.tables, true)
	if err != nil {
		return nil, err
	}
	defer done()
	for _, name := range c.tables {
		if err := checkBatch(tables[name], writes[name]); err != nil {
			return nil, err
		}
	}
	answer := &batchWriteItemAnswer{UnprocessedItems: map[string][]batchWrite{}}
	handled := 0
	for _, name := range c.tables {
		u := c.consume(name)
		for i, w := range writes[name] {
			if c.fault == Partial && handled > 0 {
				answer.UnprocessedItems[name] = r.RequestItems[name][i:]
				break
			}
			handled++
			if _, err := w.perform(tables[name], u); err != nil {
				return nil, err
			}
		}
		if report := u.report(r.ReturnConsumedCapacity, false); report != nil {
			answer.ConsumedCapacity = append(answer.ConsumedCapacity, report)
		}
	}
	return answer, nil
}

// prepare is what can be said before the tables are known.
func (r *batchWriteItemRequest) prepare() (map[string][]*write, error) {
	var c checks
	c.capacity(r.ReturnConsumedCapacity)
	c.metrics(r.ReturnItemCollectionMetrics)
	c.length("requestItems", len(r.RequestItems), 1, maxBatchWrite)
	count := 0
	for _, name := range slices.Sorted(maps.Keys(r.RequestItems)) {
		c.name("requestItems.key", name)
		c.length("requestItems."+name, len(r.RequestItems[name]), 1, maxBatchWrite)
		count += len(r.RequestItems[name])
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	if count > maxBatchWrite {
		return nil, invalid("Too many items requested for the BatchWriteItem call")
	}
	writes := map[string][]*write{}
	for name, requests := range r.RequestItems {
		for _, request := range requests {
			w, err := request.prepare(name)
			if err != nil {
				return nil, err
			}
			writes[name] = append(writes[name], w)
		}
	}
	return writes, nil
}

func (b batchWrite) prepare(table string) (*write, error) {
	if (b.PutRequest == nil) == (b.DeleteRequest == nil) {
		return nil, invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	}
	r := &writeRequest{TableName: table}
	if b.PutRequest != nil {
		return r.preparePut(b.PutRequest.Item)
	}
	return r.prepareDelete(b.DeleteRequest.Key)
}

func checkBatch(t *table, writes []*write) error {
	seen := map[string]bool{}
	for _, w := range writes {
		if err := w.check(t); err != nil {
			return err
		}
		id := t.schema.position(w.key).id()
		if seen[id] {
			return invalid("Provided list of item keys contains duplicates")
		}
		seen[id] = true
	}
	return nil
}
