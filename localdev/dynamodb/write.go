package dynamodb

// Values of ReturnValues and ReturnValuesOnConditionCheckFailure.
const (
	returnAllOld     = "ALL_OLD"
	returnAllNew     = "ALL_NEW"
	returnUpdatedOld = "UPDATED_OLD"
	returnUpdatedNew = "UPDATED_NEW"
)

// writeRequest has the members that all writes of one item share.
type writeRequest struct {
	TableName                           tableName         `json:"TableName"`
	ConditionExpression                 *string           `json:"ConditionExpression"`
	ExpressionAttributeNames            map[string]string `json:"ExpressionAttributeNames"`
	ExpressionAttributeValues           valueMap          `json:"ExpressionAttributeValues"`
	ReturnValuesOnConditionCheckFailure string            `json:"ReturnValuesOnConditionCheckFailure"`
}

func (r *writeRequest) tableNames() []tableName { return []tableName{r.TableName} }

// writeOptions has the members of a write that stands alone.
type writeOptions struct {
	ReturnValues                string `json:"ReturnValues"`
	ReturnConsumedCapacity      string `json:"ReturnConsumedCapacity"`
	ReturnItemCollectionMetrics string `json:"ReturnItemCollectionMetrics"`
}

func (r *writeRequest) check(o *writeOptions, returnValues ...string) error {
	var c checks
	c.table("tableName", r.TableName)
	c.enum("returnValues", o.ReturnValues, returnAllNew, returnUpdatedOld, returnAllOld, choiceNone, returnUpdatedNew)
	c.enum("returnValuesOnConditionCheckFailure", r.ReturnValuesOnConditionCheckFailure, returnAllOld, choiceNone)
	c.capacity(o.ReturnConsumedCapacity)
	c.metrics(o.ReturnItemCollectionMetrics)
	if err := c.err(); err != nil {
		return err
	}
	switch o.ReturnValues {
	case "", choiceNone, returnAllOld:
		return nil
	}
	if len(returnValues) == 0 {
		return invalid("Return values set to invalid value")
	}
	return nil
}

// write is a checked write of one item, ready for its turn under the lock.
type write struct {
	table     string
	key       item // the item or its key
	condition *node
	paths     []path // all document paths, which must not lead into keys
	returnOld bool   // when the condition fails
	// exactly one of these, none for a mere condition check
	put    item
	update *update
	remove bool
}

// prepare parses the expressions of a write. updateText is nil but for
// UpdateItem.
func (r *writeRequest) prepare(key item, updateText *string, isUpdate bool) (*write, error) {
	expressions := []namedExpression{{"ConditionExpression", r.ConditionExpression, true}}
	if isUpdate {
		expressions = append([]namedExpression{{"UpdateExpression", updateText, true}}, expressions...)
	}
	names, err := newPlaceholders(r.ExpressionAttributeNames, r.ExpressionAttributeValues, expressions)
	if err != nil {
		return nil, err
	}
	w := &write{table: string(r.TableName), key: key, returnOld: r.ReturnValuesOnConditionCheckFailure == returnAllOld}
	if isUpdate {
		if w.update, err = parseUpdate(updateText, names); err != nil {
			return nil, err
		}
		w.paths = append(w.paths, w.update.paths...)
	}
	if w.condition, err = parseCondition("ConditionExpression", r.ConditionExpression, names); err != nil {
		return nil, err
	}
	w.paths = append(w.paths, w.condition.paths()...)
	return w, names.checkUsed()
}

// isCheck reports whether the write only checks its condition.
func (w *write) isCheck() bool { return w.put == nil && w.update == nil && !w.remove }

// check is what can be said of the write once the table is known.
func (w *write) check(t *table) error {
	if w.put != nil {
		if err := t.checkItem(w.put); err != nil {
			return err
		}
	} else if err := t.schema.checkKey(w.key); err != nil {
		return err
	}
	if w.update != nil {
		for _, p := range w.update.paths {
			if t.schema.has(p.head()) {
				return invalidValue("Cannot update attribute %s. This attribute is part of the key", p.head())
			}
		}
	}
	return t.checkScalarPaths(w.paths)
}

// outcome is what a write found and left.
type outcome struct{ old, fresh item }

// plan computes the write without doing it. The caller holds the table's
// lock and has called check.
func (w *write) plan(t *table) (outcome, error) {
	var out outcome
	if r := t.find(t.schema.position(w.key)); r != nil {
		out.old, out.fresh = r.item, r.item
	}
	if !w.condition.holds(out.old) {
		failed := errConditionFailed(nil)
		if w.returnOld {
			failed.item = out.old
		}
		return out, failed
	}
	switch {
	case w.put != nil:
		out.fresh = w.put
	case w.remove:
		out.fresh = nil
	case w.update != nil:
		fresh, err := w.updated(t, out.old)
		if err != nil {
			return out, err
		}
		out.fresh = fresh
	}
	return out, nil
}

func (w *write) updated(t *table, old item) (item, error) {
	base := old
	if base == nil {
		base = w.key
	}
	fresh, err := w.update.apply(base)
	if err != nil {
		return nil, err
	}
	if err := t.checkIndexKeys(fresh, true); err != nil {
		return nil, err
	}
	if fresh.size() > maxItemSize {
		return nil, invalid("Item size to update has exceeded the maximum allowed size")
	}
	return fresh, checkNesting(fresh)
}

// perform plans and does the write. A failed condition consumes as much as
// the write would have.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
func (w *write) perform(t *table, u *usage) (outcome, error) {
	if err := w.check(t); err != nil {
		return outcome{}, err
	}
	out, err := w.plan(t)
	if err != nil {
		if asAPIError(err).name() == "ConditionalCheckFailedException" {
			u.table.write += writeUnits(max(out.old.size(), w.attempted(t, out.old)))
		}
		return out, err
	}
	t.store(t.schema.position(w.key), out.fresh, u)
	return out, nil
}

// attempted is the size that the item would have had.
func (w *write) attempted(t *table, old item) int {
	switch {
	case w.put != nil:
		return w.put.size()
	case w.update != nil:
		if fresh, err := w.updated(t, old); err == nil {
			return fresh.size()
		}
	}
	return 0
}

// checkPut is what can be said of an item before the table is known.
func checkPut(it item) error {
	if _, ok := it[""]; ok {
		return invalidValue("Empty attribute name")
	}
	if it.size() > maxItemSize {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	return checkNesting(it)
}

func checkNesting(it item) error {
	for _, v := range it {
		// The item itself counts as the outermost level.
		if v.depth() >= maxNesting {
			return invalid("Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit")
		}
	}
	return nil
}

type putItemRequest struct {
	writeRequest
	writeOptions
	Item item `json:"Item"`
}

type updateItemRequest struct {
	writeRequest
	writeOptions
	Key              item    `json:"Key"`
	UpdateExpression *string `json:"UpdateExpression"`
}

type deleteItemRequest struct {
	writeRequest
	writeOptions
	Key item `json:"Key"`
}

// writeAnswer is the answer to PutItem, UpdateItem and DeleteItem.
type writeAnswer struct {
	Attributes       item              `json:"Attributes,omitempty"`
	ConsumedCapacity *consumedCapacity `json:"ConsumedCapacity,omitempty"`
}

func (e *Service) putItem(r *putItemRequest, c *call) (any, error) {
	if err := r.check(&r.writeOptions); err != nil {
		return nil, err
	}
	w, err := r.preparePut(r.Item)
	if err != nil {
		return nil, err
	}
	return e.write(w, &r.writeOptions, c)
}

func (r *writeRequest) preparePut(it item) (*write, error) {
	if it == nil {
		var c checks
		c.present("item", false)
		return nil, c.err()
	}
	if err := checkPut(it); err != nil {
		return nil, err
	}
	w, err := r.prepare(it, nil, false)
	if err != nil {
		return nil, err
	}
	w.put = it
	return w, nil
}

func (e *Service) updateItem(r *updateItemRequest, c *call) (any, error) {
	if err := r.check(&r.writeOptions, returnAllNew, returnUpdatedOld, returnUpdatedNew); err != nil {
		return nil, err
	}
	if err := checkKeyPresent(r.Key); err != nil {
		return nil, err
	}
	w, err := r.prepare(r.Key, r.UpdateExpression, true)
	if err != nil {
		return nil, err
	}
	return e.write(w, &r.writeOptions, c)
}

func (e *Service) deleteItem(r *deleteItemRequest, c *call) (any, error) {
	if err := r.check(&r.writeOptions); err != nil {
		return nil, err
	}
	w, err := r.prepareDelete(r.Key)
	if err != nil {
		return nil, err
	}
	return e.write(w, &r.writeOptions, c)
}

func (r *writeRequest) prepareDelete(key item) (*write, error) {
	if err := checkKeyPresent(key); err != nil {
		return nil, err
	}
	w, err := r.prepare(key, nil, false)
	if err != nil {
		return nil, err
	}
	w.remove = true
	return w, nil
}

func checkKeyPresent(key item) error {
	var c checks
	c.present("key", key != nil)
	return c.err()
}

// write does one write that stands alone and answers it.
func (e *Service) write(w *write, o *writeOptions, c *call) (any, error) {
	t, done, err := e.lockForWrite(w.table)
	if err != nil {
		return nil, err
	}
	defer done()
	u := c.consume(w.table)
	out, err := w.perform(t, u)
	if err != nil {
		return nil, err
	}
	answer := &writeAnswer{ConsumedCapacity: u.report(o.ReturnConsumedCapacity, false)}
	switch o.ReturnValues {
	case returnAllOld:
		answer.Attributes = out.old
	case returnAllNew:
		answer.Attributes = out.fresh
	case returnUpdatedOld:
		answer.Attributes = w.update.touched(out.old)
	case returnUpdatedNew:
		answer.Attributes = w.update.touched(out.fresh)
	}
	return answer, nil
}
