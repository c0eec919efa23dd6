package dynamodb

import (
	"fmt"
	"maps"
	"slices"
)

type batchWriteItemRequest struct {
	RequestItems                map[tableName][]batchWrite `json:"RequestItems"`
	ReturnConsumedCapacity      string                     `json:"ReturnConsumedCapacity"`
	ReturnItemCollectionMetrics string                     `json:"ReturnItemCollectionMetrics"`
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

func (r *batchWriteItemRequest) tableNames() []tableName {
	return slices.Collect(maps.Keys(r.RequestItems))
}

type batchWriteItemAnswer struct {
	UnprocessedItems map[string][]batchWrite `json:"UnprocessedItems"`
	ConsumedCapacity []*consumedCapacity     `json:"ConsumedCapacity,omitempty"`
}

// batchWriteItem does up to 25 writes, each by itself, but none if one of
// them is malformed.
func (e *Service) batchWriteItem(r *batchWriteItemRequest, c *call) (any, error) {
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
				answer.UnprocessedItems[c.label(name)] = r.RequestItems[tableName(name)][i:]
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
	if err := requireItems("BatchWriteItem", r.RequestItems); err != nil {
		return nil, err
	}
	count := 0
	for _, name := range slices.Sorted(maps.Keys(r.RequestItems)) {
		c.table("requestItems.key", name)
		n := len(r.RequestItems[name])
		if n < 1 || n > maxBatchWrite {
			// DynamoDB shows the requests in full, in a form that changes.
			shown := fmt.Sprintf("%d requests", n)
			if n == 0 {
				shown = ""
			}
			c.fail(fmt.Sprintf("{%s=[%s]}", name, shown), "requestItems",
				"Map value must satisfy constraint: [Member must have length less than or equal to %d, Member must have length greater than or equal to 1]", maxBatchWrite)
		}
		count += n
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
			writes[string(name)] = append(writes[string(name)], w)
		}
	}
	return writes, nil
}

func (b batchWrite) prepare(table tableName) (*write, error) {
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
