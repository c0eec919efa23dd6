package dynamodb

import (
	"fmt"
	"maps"
	"slices"
)

// Limits of batches.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
const (
	maxBatchGet   = 100
	maxBatchWrite = 25
)

type batchGetItemRequest struct {
	RequestItems           map[tableName]*keysAndAttributes `json:"RequestItems"`
	ReturnConsumedCapacity string                           `json:"ReturnConsumedCapacity"`
}

type keysAndAttributes struct {
	Keys                     []item            `json:"Keys"`
	ConsistentRead           bool              `json:"ConsistentRead,omitempty"`
	ProjectionExpression     *string           `json:"ProjectionExpression,omitempty"`
	ExpressionAttributeNames map[string]string `json:"ExpressionAttributeNames,omitempty"`
}

func (r *batchGetItemRequest) tableNames() []tableName {
	return slices.Collect(maps.Keys(r.RequestItems))
}

type batchGetItemAnswer struct {
	Responses        map[string][]item             `json:"Responses"`
	UnprocessedKeys  map[string]*keysAndAttributes `json:"UnprocessedKeys"`
	ConsumedCapacity []*consumedCapacity           `json:"ConsumedCapacity,omitempty"`
}

// batchGetItem reads up to 100 items, each by itself. What would make the
// answer larger than 16 MB is handed back as unprocessed.
func (e *Service) batchGetItem(r *batchGetItemRequest, c *call) (any, error) {
	projections, err := r.check()
	if err != nil {
		return nil, err
	}
	tables, done, err := e.lockAll(c.tables, false)
	if err != nil {
		return nil, err
	}
	defer done()
	for _, name := range c.tables {
		if err := r.checkKeys(tables[name], projections[name]); err != nil {
			return nil, err
		}
	}
	answer := &batchGetItemAnswer{Responses: map[string][]item{}, UnprocessedKeys: map[string]*keysAndAttributes{}}
	size, handled := 0, 0
	for _, name := range c.tables {
		wanted := r.RequestItems[tableName(name)]
		u, label := c.consume(name), c.label(name)
		answer.Responses[label] = []item{}
		for i, key := range wanted.Keys {
			found := e.read(tables[name], key, c.operation, wanted.ConsistentRead)
			if size += found.bytes(); size > maxBatchGetSize || c.fault == Partial && handled > 0 {
				rest := *wanted
				rest.Keys = wanted.Keys[i:]
				answer.UnprocessedKeys[label] = &rest
				break
			}
			handled++
			u.table.read += readUnits(found.bytes(), wanted.ConsistentRead)
			if it := found.answer(projections[name]); it != nil {
				answer.Responses[label] = append(answer.Responses[label], *it)
			}
		}
		if report := u.report(r.ReturnConsumedCapacity, false); report != nil {
			answer.ConsumedCapacity = append(answer.ConsumedCapacity, report)
		}
	}
	return answer, nil
}

// requireItems refuses a batch of nothing.
func requireItems[V any](operation string, items map[tableName]V) error {
	if len(items) == 0 {
		return invalid("The requestItems parameter is required for %s", operation)
	}
	return nil
}

// check is what can be said before the tables are known; it returns the
// tables' projections.
func (r *batchGetItemRequest) check() (map[string]*projection, error) {
	var c checks
	c.capacity(r.ReturnConsumedCapacity)
	if err := requireItems("BatchGetItem", r.RequestItems); err != nil {
		return nil, err
	}
	count := 0
	for _, name := range slices.Sorted(maps.Keys(r.RequestItems)) {
		wanted := r.RequestItems[name]
		c.table("requestItems.key", name)
		if wanted == nil {
			wanted = &keysAndAttributes{}
			r.RequestItems[name] = wanted
		}
		if len(wanted.Keys) == 0 {
			c.length("requestItems."+string(name)+".member.keys", 0, 1, maxBatchGet)
		} else if len(wanted.Keys) > maxBatchGet {
			c.failed = append(c.failed, fmt.Sprintf("Value at 'RequestItems.%s.member.Keys' failed to satisfy constraint: Member must have length less than or equal to %d", name, maxBatchGet))
		}
		count += len(wanted.Keys)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	if count > maxBatchGet {
		return nil, invalid("Too many items requested for the BatchGetItem call")
	}
	projections := map[string]*projection{}
	for name, wanted := range r.RequestItems {
		chosen, err := projectionOf(wanted.ProjectionExpression, wanted.ExpressionAttributeNames)
		if err != nil {
			return nil, err
		}
		projections[string(name)] = chosen
	}
	return projections, nil
}

func (r *batchGetItemRequest) checkKeys(t *table, chosen *projection) error {
	seen := map[string]bool{}
	for _, key := range r.RequestItems[tableName(t.name)].Keys {
		if err := t.checkRead(key, chosen); err != nil {
			return err
		}
		id := t.schema.position(key).id()
		if seen[id] {
			return invalid("Provided list of item keys contains duplicates")
		}
		seen[id] = true
	}
	return nil
}
