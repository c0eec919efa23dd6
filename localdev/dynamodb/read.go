package dynamodb

type getItemRequest struct {
	TableName                tableName         `json:"TableName"`
	Key                      item              `json:"Key"`
	ConsistentRead           bool              `json:"ConsistentRead"`
	ProjectionExpression     *string           `json:"ProjectionExpression"`
	ExpressionAttributeNames map[string]string `json:"ExpressionAttributeNames"`
	ReturnConsumedCapacity   string            `json:"ReturnConsumedCapacity"`
}

func (r *getItemRequest) tableNames() []tableName { return []tableName{r.TableName} }

// getItemAnswer leaves Item out when there is no such item, and answers an
// empty one when the projection selects nothing of it.
type getItemAnswer struct {
	Item             *item             `json:"Item,omitzero"`
	ConsumedCapacity *consumedCapacity `json:"ConsumedCapacity,omitempty"`
}

func (e *Service) getItem(r *getItemRequest, c *call) (any, error) {
	var v checks
	v.table("tableName", r.TableName)
	v.present("key", r.Key != nil)
	v.capacity(r.ReturnConsumedCapacity)
	if err := v.err(); err != nil {
		return nil, err
	}
	chosen, err := projectionOf(r.ProjectionExpression, r.ExpressionAttributeNames)
	if err != nil {
		return nil, err
	}
	t, done, err := e.lockForRead(string(r.TableName))
	if err != nil {
		return nil, err
	}
	defer done()
	if err := t.checkRead(r.Key, chosen); err != nil {
		return nil, err
	}
	u := c.consume(string(r.TableName))
	found := e.read(t, r.Key, c.operation, r.ConsistentRead)
	u.table.read += readUnits(found.bytes(), r.ConsistentRead)
	return &getItemAnswer{Item: found.answer(chosen), ConsumedCapacity: u.report(r.ReturnConsumedCapacity, false)}, nil
}

// projectionOf parses a projection that is a request's only expression.
func projectionOf(text *string, names map[string]string) (*projection, error) {
	p, err := newPlaceholders(names, nil, []namedExpression{{"ProjectionExpression", text, false}})
	if err != nil {
		return nil, err
	}
	chosen, err := parseProjection(text, p)
	if err != nil {
		return nil, err
	}
	return chosen, p.checkUsed()
}

func (t *table) checkRead(key item, chosen *projection) error {
	if err := t.schema.checkKey(key); err != nil {
		return err
	}
	if chosen == nil {
		return nil
	}
	return t.checkScalarPaths(chosen.paths)
}

// read finds an item by its key; the caller holds the table's lock.
func (e *Service) read(t *table, key item, operation string, consistent bool) *row {
	found, _ := e.view(t, nil, operation, consistent).Get(&row{at: t.schema.position(key)})
	return found
}

// answer is what a read of this row gives, nil for no item.
func (r *row) answer(chosen *projection) *item {
	if r == nil {
		return nil
	}
	it := chosen.apply(r.item)
	return &it
}
