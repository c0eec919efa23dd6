package dynamodb

import (
	"net/http"
	"slices"

	"github.com/tidwall/btree"

	"github.com/gapless-rooms/gapless/localdev/service"
)

// Call is one answered request, as Observe shows it.
type Call struct {
	Operation string
	Tables    []string // sorted
	// ReadUnits and WriteUnits are the capacity consumed, indexes included,
	// whether or not the request asked for the figure. A failed conditional
	// write consumes, too.
	ReadUnits  float64
	WriteUnits float64
	// Error is the answer's error, such as ConditionalCheckFailedException,
	// empty on success. Fault is what Config.Fault chose.
	Error string
	Fault Fault
}

// Fault is a way in which a request goes wrong.
type Fault = service.Fault

// The faults. Each is all or nothing: the request either has its whole effect
// or none, except with Partial.
const (
	// NoFault lets the request run.
	NoFault = service.NoFault
	// Throttle answers ProvisionedThroughputExceededException; no effect.
	Throttle = service.Throttle
	// FailBefore answers InternalServerError; no effect.
	FailBefore = service.FailBefore
	// FailAfter has its effect and answers InternalServerError.
	FailAfter = service.FailAfter
	// LoseRequest drops the connection without answer; no effect.
	LoseRequest = service.LoseRequest
	// LoseAnswer has its effect and drops the connection without answer.
	LoseAnswer = service.LoseAnswer
	// Partial makes BatchGetItem and BatchWriteItem handle the first of their
	// items only and hand back the others as unprocessed. Other operations
	// run as usual.
	Partial = service.Further
	// Conflict answers as if a transaction on one of the items were under
	// way: TransactionConflictException to PutItem, UpdateItem and DeleteItem,
	// TransactionCanceledException with TransactionConflict as the first
	// item's reason to transactions. Other operations run as usual. No effect.
	Conflict = service.Further + 1
)

var failures = service.Failures{
	Throttled: func() error {
		return serviceError("ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.")
	},
	Internal: func() error {
		e := serviceError("InternalServerError", "Internal server error")
		e.Status = http.StatusInternalServerError
		return e
	},
}

// before is the error that prevents the operation's effect.
func before(f Fault, operation string) error {
	if f == Conflict && slices.Contains([]string{"PutItem", "UpdateItem", "DeleteItem"}, operation) {
		return serviceError("TransactionConflictException", "Transaction is ongoing for the item")
	}
	return f.Before(failures)
}

// HistoryLength is the number of writes of a table that a stale read can lag
// behind.
const HistoryLength = 16

// Read is an eventually consistent read, as Config.StaleReads sees it.
type Read struct {
	Operation string
	Table     string
	Index     string // empty for the table itself
}

// history holds a table's latest states, oldest first. A state costs little:
// trees share what they have in common.
type history struct {
	states []state
}

type state struct {
	rows    *btree.BTreeG[*row]
	indexes map[string]*btree.BTreeG[*row]
}

// remember keeps the table's state ahead of a write. The caller holds the
// table's write lock.
func (h *history) remember(t *table) {
	if h == nil {
		return
	}
	if len(h.states) == HistoryLength {
		h.states = slices.Delete(h.states, 0, 1)
	}
	s := state{rows: t.rows.Copy(), indexes: map[string]*btree.BTreeG[*row]{}}
	for _, ix := range t.indexes {
		s.indexes[ix.name] = ix.rows.Copy()
	}
	h.states = append(h.states, s)
}

// view is the tree that a read is served from. The caller holds the table's
// lock for reading.
func (e *Service) view(t *table, ix *index, operation string, consistent bool) *btree.BTreeG[*row] {
	r := Read{Operation: operation, Table: t.name}
	present := t.rows
	if ix != nil {
		r.Index, present = ix.name, ix.rows
	}
	if consistent || t.history == nil {
		return present
	}
	lag := min(e.config.StaleReads(r), len(t.history.states))
	if lag <= 0 {
		return present
	}
	past := t.history.states[len(t.history.states)-lag]
	if ix == nil {
		return past.rows
	}
	if rows := past.indexes[ix.name]; rows != nil {
		return rows
	}
	return present
}
