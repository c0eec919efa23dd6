package dynamodb_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
	"github.com/gapless-rooms/gapless/localdev/inproc"
)

// callLog keeps what an observer saw.
type callLog struct {
	mu    sync.Mutex
	calls []dynamodb.Call
}

func (l *callLog) add(c dynamodb.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, c)
}

func (l *callLog) last() dynamodb.Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[len(l.calls)-1]
}

// once is a Fault hook that strikes the next request of an operation.
type once struct {
	mu        sync.Mutex
	operation string
	fault     dynamodb.Fault
	tables    string
}

func (o *once) arm(operation string, fault dynamodb.Fault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.operation, o.fault = operation, fault
}

func (o *once) strike(operation, tables string) dynamodb.Fault {
	o.mu.Lock()
	defer o.mu.Unlock()
	if operation != o.operation {
		return dynamodb.NoFault
	}
	o.operation, o.tables = "", tables
	return o.fault
}

func TestFaults(t *testing.T) {
	t.Parallel()
	faults := &once{}
	b := setup(t, dynamodb.Config{Fault: faults.strike})
	for _, tt := range []struct {
		name   string
		fault  dynamodb.Fault
		code   string // of the error, empty for a dropped connection
		effect bool
	}{
		{"throttle", dynamodb.Throttle, "ProvisionedThroughputExceededException", false},
		{"fail before", dynamodb.FailBefore, "InternalServerError", false},
		{"fail after", dynamodb.FailAfter, "InternalServerError", true},
		{"conflict", dynamodb.Conflict, "TransactionConflictException", false},
		{"lose request", dynamodb.LoseRequest, "", false},
		{"lose answer", dynamodb.LoseAnswer, "", true},
	} {
		for _, transport := range []struct {
			name   string
			client *sdk.Client
		}{
			{"socket", b.Client},
			{"in process", b.Service.Client(func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })},
		} {
			t.Run(tt.name+" "+transport.name, func(t *testing.T) {
				b.delete(key("a", "1"))
				faults.arm("PutItem", tt.fault)
				_, err := transport.client.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String(tableName), Item: key("a", "1")})
				switch {
				case err == nil:
					t.Fatal("no error")
				case tt.code != "":
					wantCode(t, err, tt.code)
				case transport.client != b.Client && !errors.Is(err, inproc.ErrAborted):
					t.Errorf("error is %v", err)
				}
				if last := b.calls.last(); last.Fault != tt.fault || last.Operation != "PutItem" || faults.tables != tableName {
					t.Errorf("the observer saw %+v", last)
				}
				if got := b.get(key("a", "1")) != nil; got != tt.effect {
					t.Errorf("effect is %v", got)
				}
			})
		}
	}
}

func TestPartialBatch(t *testing.T) {
	t.Parallel()
	faults := &once{}
	b := setup(t, dynamodb.Config{Fault: faults.strike})
	requests := map[string][]types.WriteRequest{tableName: {
		{PutRequest: &types.PutRequest{Item: key("a", "1")}},
		{PutRequest: &types.PutRequest{Item: key("a", "2")}},
		{DeleteRequest: &types.DeleteRequest{Key: key("a", "3")}},
	}}
	faults.arm("BatchWriteItem", dynamodb.Partial)
	written, err := b.Client.BatchWriteItem(t.Context(), &sdk.BatchWriteItemInput{RequestItems: requests})
	b.ok(err)
	if got := len(written.UnprocessedItems[tableName]); got != 2 {
		t.Errorf("%d unprocessed writes", got)
	}
	_, err = b.Client.BatchWriteItem(t.Context(), &sdk.BatchWriteItemInput{RequestItems: written.UnprocessedItems})
	b.ok(err)
	faults.arm("BatchGetItem", dynamodb.Partial)
	keys := types.KeysAndAttributes{Keys: []map[string]types.AttributeValue{key("a", "1"), key("a", "2")}, ConsistentRead: aws.Bool(true)}
	read, err := b.Client.BatchGetItem(t.Context(), &sdk.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{tableName: keys}})
	b.ok(err)
	rest := read.UnprocessedKeys[tableName]
	if len(read.Responses[tableName]) != 1 || len(rest.Keys) != 1 || !*rest.ConsistentRead {
		t.Errorf("partial answer is %v, unprocessed %v", read.Responses, rest)
	}
}

func TestConflictOfTransactions(t *testing.T) {
	t.Parallel()
	faults := &once{}
	b := setup(t, dynamodb.Config{Fault: faults.strike})
	faults.arm("TransactWriteItems", dynamodb.Conflict)
	err := b.transact("", transactPut(key("a", "1"), ""), transactPut(key("a", "2"), ""))
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) || *canceled.CancellationReasons[0].Code != "TransactionConflict" {
		t.Errorf("error is %v", err)
	}
	if n, _ := b.Count(tableName); n != 0 {
		t.Errorf("%d items after a conflict", n)
	}
}

func TestStaleReads(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	lag, seen := 0, dynamodb.Read{}
	b := setup(t, dynamodb.Config{StaleReads: func(r dynamodb.Read) int {
		mu.Lock()
		defer mu.Unlock()
		seen = r
		return lag
	}})
	behind := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		lag = n
	}
	for _, n := range []string{"1", "2", "3"} {
		b.put(key("a", "1", attributes{"n": num(n), "owner_id": str("u" + n)}))
	}
	read := func(consistent bool) string {
		t.Helper()
		out, err := b.Client.GetItem(t.Context(), &sdk.GetItemInput{TableName: aws.String(tableName), Key: key("a", "1"), ConsistentRead: aws.Bool(consistent)})
		b.ok(err)
		if out.Item == nil {
			return ""
		}
		return out.Item["n"].(*types.AttributeValueMemberN).Value
	}
	for n, want := range []string{"3", "2", "1", "", ""} {
		behind(n)
		if got := read(false); got != want {
			t.Errorf("%d writes behind the item is %q, want %q", n, got, want)
		}
		if got := read(true); got != "3" {
			t.Errorf("a consistent read gave %q", got)
		}
	}
	behind(1)
	out, err := b.Client.Query(t.Context(), &sdk.QueryInput{
		TableName: aws.String(tableName), IndexName: aws.String("by-owner"),
		KeyConditionExpression: aws.String("owner_id = :u"), ExpressionAttributeValues: attributes{":u": str("u2")},
	})
	b.ok(err)
	if out.Count != 1 || (seen != dynamodb.Read{Operation: "Query", Table: tableName, Index: "by-owner"}) {
		t.Errorf("stale index has %d items, the hook saw %+v", out.Count, seen)
	}
}
