package dynamodb

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// maxTransactItems is the number of items of a transaction.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
const maxTransactItems = 100

// Codes of cancellation reasons.
const (
	reasonNone      = "None"
	reasonCondition = "ConditionalCheckFailed"
	reasonInvalid   = "ValidationError"
	reasonConflict  = "TransactionConflict"
)

// cancellationReason tells for one item of a transaction, in the order of the
// request, what spoke against it.
type cancellationReason struct {
	Code    string `json:"Code"`
	Message string `json:"Message,omitempty"`
	Item    item   `json:"Item,omitempty"`
}

// reasonFor is the reason that an item's error gives; nil for none.
func reasonFor(err error) cancellationReason {
	if err == nil {
		return cancellationReason{Code: reasonNone}
	}
	failure := asAPIError(err)
	reason := cancellationReason{Code: reasonInvalid, Message: failure.Message, Item: failure.item}
	if failure.name() == "ConditionalCheckFailedException" {
		reason.Code = reasonCondition
	}
	return reason
}

// errCanceled is TransactionCanceledException if any reason speaks against
// the transaction.
func errCanceled(reasons []cancellationReason) error {
	canceled := false
	codes := make([]string, len(reasons))
	for i, reason := range reasons {
		codes[i] = reason.Code
		canceled = canceled || reason.Code != reasonNone
	}
	if !canceled {
		return nil
	}
	e := serviceError("TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(codes, ", "))
	e.reasons = reasons
	return e
}

// errConflict is the answer of a simulated conflict on the first of n items.
func errConflict(n int) error {
	reasons := make([]cancellationReason, n)
	for i := range reasons {
		reasons[i].Code = reasonNone
	}
	reasons[0] = cancellationReason{Code: reasonConflict, Message: "Transaction is ongoing for the item"}
	return errCanceled(reasons)
}

// claim refuses a second operation on one item.
func claim(taken map[string]bool, t *table, key item) error {
	id := fmt.Sprintf("%s/%s", t.name, t.schema.position(key).id())
	if taken[id] {
		return invalid("Transaction request cannot include multiple operations on one item")
	}
	taken[id] = true
	return nil
}

// tokenLifetime is how long a ClientRequestToken stands for its request after
// that was first done.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-apis-txwriteitems
const tokenLifetime = 10 * time.Minute

// tokenStore remembers the transactions that were done under a token. mu is
// taken after the tables' locks and held while such a transaction is done, so
// that a token's second use always sees its first.
type tokenStore struct {
	mu   sync.Mutex
	done map[string]tokenUse
}

type tokenUse struct {
	request [32]byte // hash of the items
	until   time.Time
}

// seen reports whether the token stands for this very request; it is an error
// if it stands for another. The caller holds mu.
func (s *tokenStore) seen(token string, request [32]byte, now time.Time) (bool, error) {
	use, ok := s.done[token]
	if !ok || !now.Before(use.until) {
		return false, nil
	}
	if use.request != request {
		return false, serviceError("IdempotentParameterMismatchException", "DynamoDB rejected the request because you retried a request with a different payload but with an idempotent token that was already used.")
	}
	return true, nil
}

// remember notes that a request was done, and forgets what is too old. The
// caller holds mu.
func (s *tokenStore) remember(token string, request [32]byte, now time.Time) {
	if s.done == nil {
		s.done = map[string]tokenUse{}
	}
	for old, use := range s.done {
		if !now.Before(use.until) {
			delete(s.done, old)
		}
	}
	s.done[token] = tokenUse{request: request, until: now.Add(tokenLifetime)}
}
