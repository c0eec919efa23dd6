package dynamodb

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

type transactWriteItemsRequest struct {
	TransactItems               []transactWrite `json:"TransactItems"`
	ClientRequestToken          string          `json:"ClientRequestToken"`
	ReturnConsumedCapacity      string          `json:"ReturnConsumedCapacity"`
	ReturnItemCollectionMetrics string          `json:"ReturnItemCollectionMetrics"`
}

// transactWrite is one operation of a transaction.
type transactWrite struct {
	ConditionCheck *transactKeyed  `json:"ConditionCheck,omitempty"`
	Put            *transactPut    `json:"Put,omitempty"`
	Delete         *transactKeyed  `json:"Delete,omitempty"`
	Update         *transactUpdate `json:"Update,omitempty"`
}

type transactPut struct {
	writeRequest
	Item item `json:"Item"`
}

type transactKeyed struct {
	writeRequest
	Key item `json:"Key"`
}

type transactUpdate struct {
	writeRequest
	Key              item    `json:"Key"`
	UpdateExpression *string `json:"UpdateExpression"`
}

// base is what the operation has of every write, nil unless there is exactly
// one operation.
func (w *transactWrite) base() *writeRequest {
	var all []*writeRequest
	if w.ConditionCheck != nil {
		all = append(all, &w.ConditionCheck.writeRequest)
	}
	if w.Put != nil {
		all = append(all, &w.Put.writeRequest)
	}
	if w.Delete != nil {
		all = append(all, &w.Delete.writeRequest)
	}
	if w.Update != nil {
		all = append(all, &w.Update.writeRequest)
	}
	if len(all) != 1 {
		return nil
	}
	return all[0]
}

func (r *transactWriteItemsRequest) tableNames() []tableName {
	var names []tableName
	for _, w := range r.TransactItems {
		if base := w.base(); base != nil {
			names = append(names, base.TableName)
		}
	}
	return names
}

type transactWriteItemsAnswer struct {
	ConsumedCapacity []*consumedCapacity `json:"ConsumedCapacity,omitempty"`
}

// transactWriteItems does all of its operations or none.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
func (e *Service) transactWriteItems(r *transactWriteItemsRequest, c *call) (any, error) {
	writes, err := r.prepare()
	if err != nil {
		return nil, err
	}
	if c.fault == Conflict {
		return nil, errConflict(len(writes))
	}
	tables, done, err := e.lockAll(c.tables, true)
	if err != nil {
		return nil, err
	}
	defer done()
	x := &transaction{engine: e, tables: tables, writes: writes, usages: map[string]*usage{}}
	for _, name := range c.tables {
		x.usages[name] = c.consume(name)
	}
	if err := x.claimItems(); err != nil {
		return nil, err
	}
	if r.ClientRequestToken == "" {
		err = x.commit()
	} else {
		err = x.commitOnce(r)
	}
	if err != nil {
		return nil, err
	}
	answer := &transactWriteItemsAnswer{}
	for _, name := range c.tables {
		if report := x.usages[name].report(r.ReturnConsumedCapacity, true); report != nil {
			answer.ConsumedCapacity = append(answer.ConsumedCapacity, report)
		}
	}
	return answer, nil
}

// transaction is a TransactWriteItems under the locks of its tables.
type transaction struct {
	engine *Service
	tables map[string]*table
	writes []*write
	usages map[string]*usage
}

func (x *transaction) claimItems() error {
	taken := map[string]bool{}
	for _, w := range x.writes {
		t := x.tables[w.table]
		if t.schema.checkKey(t.schema.ofPresent(w.key)) != nil {
			continue // becomes this item's cancellation reason
		}
		if err := claim(taken, t, w.key); err != nil {
			return err
		}
	}
	return nil
}

// commitOnce commits unless the token shows that this was done before; then
// the items are merely read.
func (x *transaction) commitOnce(r *transactWriteItemsRequest) error {
	request, err := encodeJSON(r.TransactItems)
	if err != nil {
		return fmt.Errorf("fingerprint transaction: %w", err)
	}
	fingerprint := sha256.Sum256(request)
	s := &x.engine.tokens
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, err := s.seen(r.ClientRequestToken, fingerprint, x.engine.now())
	if err != nil {
		return err
	}
	if seen {
		for _, w := range x.writes {
			t := x.tables[w.table]
			x.usages[w.table].table.read += transactionFactor * readUnits(t.find(t.schema.position(w.key)).bytes(), true)
		}
		return nil
	}
	if err := x.commit(); err != nil {
		return err
	}
	s.remember(r.ClientRequestToken, fingerprint, x.engine.now())
	return nil
}

// commit plans all writes, and does them if nothing speaks against any. The
// items are distinct, so no plan depends on another.
func (x *transaction) commit() error {
	outcomes := make([]outcome, len(x.writes))
	reasons := make([]cancellationReason, len(x.writes))
	for i, w := range x.writes {
		t := x.tables[w.table]
		err := w.check(t)
		if err == nil {
			outcomes[i], err = w.plan(t)
		}
		reasons[i] = reasonFor(err)
	}
	if err := errCanceled(reasons); err != nil {
		for i, w := range x.writes {
			size := max(outcomes[i].old.size(), outcomes[i].fresh.size())
			x.usages[w.table].table.write += transactionFactor * writeUnits(size)
		}
		return err
	}
	for i, w := range x.writes {
		t := x.tables[w.table]
		if w.isCheck() {
			x.usages[w.table].table.write += transactionFactor * writeUnits(outcomes[i].old.size())
			continue
		}
		single := newUsage(w.table)
		t.store(t.schema.position(w.key), outcomes[i].fresh, single)
		x.usages[w.table].add(single, transactionFactor)
	}
	return nil
}

// prepare is what can be said before the tables are known.
func (r *transactWriteItemsRequest) prepare() ([]*write, error) {
	var c checks
	c.length("transactItems", len(r.TransactItems), 1, maxTransactItems)
	if len(r.ClientRequestToken) > 36 {
		c.fail(r.ClientRequestToken, "clientRequestToken", "Member must have length less than or equal to 36")
	}
	c.capacity(r.ReturnConsumedCapacity)
	c.metrics(r.ReturnItemCollectionMetrics)
	for i := range r.TransactItems {
		r.TransactItems[i].constraints(&c, fmt.Sprintf("transactItems.%d.member.", i+1))
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	size := 0
	var writes []*write
	for i := range r.TransactItems {
		w, err := r.TransactItems[i].prepare()
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
		size += w.key.size()
		for _, v := range r.TransactItems[i].base().ExpressionAttributeValues {
			size += v.size()
		}
	}
	if size > maxTransactSize {
		return nil, invalid("Transaction payload size cannot exceed 4MB. Payload Size: %d", size)
	}
	return writes, nil
}

func (w *transactWrite) constraints(c *checks, at string) {
	base := w.base()
	if base == nil {
		return // told apart in prepare
	}
	switch {
	case w.ConditionCheck != nil:
		at += "conditionCheck."
		c.present(at+"key", w.ConditionCheck.Key != nil)
		c.present(at+"conditionExpression", base.ConditionExpression != nil)
	case w.Put != nil:
		at += "put."
		c.present(at+"item", w.Put.Item != nil)
	case w.Delete != nil:
		at += "delete."
		c.present(at+"key", w.Delete.Key != nil)
	default:
		at += "update."
		c.present(at+"key", w.Update.Key != nil)
		c.present(at+"updateExpression", w.Update.UpdateExpression != nil)
	}
	c.table(at+"tableName", base.TableName)
	c.enum(at+"returnValuesOnConditionCheckFailure", base.ReturnValuesOnConditionCheckFailure, returnAllOld, choiceNone)
}

func (w *transactWrite) prepare() (*write, error) {
	switch {
	case w.base() == nil && slices.Contains([]bool{w.ConditionCheck != nil, w.Put != nil, w.Delete != nil, w.Update != nil}, true):
		return nil, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
	case w.base() == nil:
		return nil, invalid("Invalid Request: TransactWriteRequest should contain Delete or Put or Update request")
	case w.ConditionCheck != nil:
		return w.ConditionCheck.prepare(w.ConditionCheck.Key, nil, false)
	case w.Put != nil:
		return w.Put.preparePut(w.Put.Item)
	case w.Delete != nil:
		return w.Delete.prepareDelete(w.Delete.Key)
	}
	return w.Update.prepare(w.Update.Key, w.Update.UpdateExpression, true)
}
