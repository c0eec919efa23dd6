package dynamodb

import "fmt"

type transactGetItemsRequest struct {
	TransactItems          []transactRead `json:"TransactItems"`
	ReturnConsumedCapacity string         `json:"ReturnConsumedCapacity"`
}

type transactRead struct {
	Get *transactGet `json:"Get"`
}

type transactGet struct {
	TableName                tableName         `json:"TableName"`
	Key                      item              `json:"Key"`
	ProjectionExpression     *string           `json:"ProjectionExpression"`
	ExpressionAttributeNames map[string]string `json:"ExpressionAttributeNames"`
}

func (r *transactGetItemsRequest) tableNames() []tableName {
	var names []tableName
	for _, each := range r.TransactItems {
		if each.Get != nil {
			names = append(names, each.Get.TableName)
		}
	}
	return names
}

type itemResponse struct {
	Item *item `json:"Item,omitzero"`
}

type transactGetItemsAnswer struct {
	Responses        []itemResponse      `json:"Responses"`
	ConsumedCapacity []*consumedCapacity `json:"ConsumedCapacity,omitempty"`
}

// transactGetItems reads up to 100 items as they are at one moment.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactGetItems.html
func (e *Service) transactGetItems(r *transactGetItemsRequest, c *call) (any, error) {
	projections, err := r.prepare()
	if err != nil {
		return nil, err
	}
	if c.fault == Conflict {
		return nil, errConflict(len(r.TransactItems))
	}
	tables, done, err := e.lockAll(c.tables, false)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := r.checkKeys(tables, projections); err != nil {
		return nil, err
	}
	usages := map[string]*usage{}
	for _, name := range c.tables {
		usages[name] = c.consume(name)
	}
	answer := &transactGetItemsAnswer{}
	size := 0
	for i, each := range r.TransactItems {
		t := tables[string(each.Get.TableName)]
		found := t.find(t.schema.position(each.Get.Key))
		size += found.bytes()
		usages[t.name].table.read += transactionFactor * readUnits(found.bytes(), true)
		answer.Responses = append(answer.Responses, itemResponse{Item: found.answer(projections[i])})
	}
	if size > maxTransactSize {
		return nil, invalid("Transaction payload size cannot exceed 4MB. Payload Size: %d", size)
	}
	for _, name := range c.tables {
		if report := usages[name].report(r.ReturnConsumedCapacity, true); report != nil {
			answer.ConsumedCapacity = append(answer.ConsumedCapacity, report)
		}
	}
	return answer, nil
}

func (r *transactGetItemsRequest) prepare() ([]*projection, error) {
	var c checks
	c.length("transactItems", len(r.TransactItems), 1, maxTransactItems)
	c.capacity(r.ReturnConsumedCapacity)
	for i, each := range r.TransactItems {
		at := fmt.Sprintf("transactItems.%d.member.get", i+1)
		c.present(at, each.Get != nil)
		if each.Get != nil {
			c.table(at+".tableName", each.Get.TableName)
			c.present(at+".key", each.Get.Key != nil)
		}
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	projections := make([]*projection, len(r.TransactItems))
	for i, each := range r.TransactItems {
		chosen, err := projectionOf(each.Get.ProjectionExpression, each.Get.ExpressionAttributeNames)
		if err != nil {
			return nil, err
		}
		projections[i] = chosen
	}
	return projections, nil
}

func (r *transactGetItemsRequest) checkKeys(tables map[string]*table, projections []*projection) error {
	taken := map[string]bool{}
	reasons := make([]cancellationReason, len(r.TransactItems))
	for i, each := range r.TransactItems {
		t := tables[string(each.Get.TableName)]
		err := t.checkRead(each.Get.Key, projections[i])
		reasons[i] = reasonFor(err)
		if err != nil {
			continue
		}
		if err := claim(taken, t, each.Get.Key); err != nil {
			return err
		}
	}
	return errCanceled(reasons)
}
