package dynamodb_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
)

func transactPut(it attributes, condition string) types.TransactWriteItem {
	put := &types.Put{
		TableName: aws.String(tableName), Item: it,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if condition != "" {
		put.ConditionExpression = aws.String(condition)
	}
	return types.TransactWriteItem{Put: put}
}

func transactUpdate(k attributes, expression string, values attributes) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: aws.String(tableName), Key: k,
		UpdateExpression: aws.String(expression), ExpressionAttributeValues: values,
	}}
}

func (b *bundle) transact(token string, items ...types.TransactWriteItem) error {
	input := &sdk.TransactWriteItemsInput{TransactItems: items}
	if token != "" {
		input.ClientRequestToken = aws.String(token)
	}
	_, err := b.Client.TransactWriteItems(b.Context(), input)
	return err
}

func TestTransactionIsAllOrNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	there := key("a", "1", attributes{"title": str("old")})
	b.put(there)
	err := b.transact("",
		transactPut(key("b", "1"), ""),
		transactPut(key("a", "1"), "attribute_not_exists(pk)"),
		transactUpdate(key("a", "2"), "SET title = former", nil),
	)
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		t.Fatalf("error is %v", err)
	}
	want := []types.CancellationReason{
		{Code: aws.String("None")},
		{Code: aws.String("ConditionalCheckFailed"), Message: aws.String("The conditional request failed"), Item: there},
		{Code: aws.String("ValidationError"), Message: aws.String("The provided expression refers to an attribute that does not exist in the item")},
	}
	if diff := cmp.Diff(want, canceled.CancellationReasons, ignoreUnexported, ignoreReason); diff != "" {
		t.Error(diff)
	}
	if got := *canceled.Message; got != "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, ValidationError]" {
		t.Errorf("message is %q", got)
	}
	if n, _ := b.Count(tableName); n != 1 {
		t.Errorf("%d items after a canceled transaction", n)
	}
	b.ok(b.transact("",
		transactPut(key("b", "1"), "attribute_not_exists(pk)"),
		transactUpdate(key("a", "1"), "SET title = :t", attributes{":t": str("new")}),
		types.TransactWriteItem{Delete: &types.Delete{TableName: aws.String(tableName), Key: key("c", "1")}},
		types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: aws.String(tableName), Key: key("c", "2"), ConditionExpression: aws.String("attribute_not_exists(pk)")}},
	))
	if diff := cmp.Diff(key("a", "1", attributes{"title": str("new")}), b.get(key("a", "1")), ignoreUnexported); diff != "" {
		t.Error(diff)
	}
	if n, _ := b.Count(tableName); n != 2 {
		t.Errorf("%d items after a transaction", n)
	}
}

func TestTransactionToken(t *testing.T) {
	t.Parallel()
	clock := newManual(time.Unix(1_763_884_800, 0))
	b := setup(t, dynamodb.Config{Clock: clock})
	increment := transactUpdate(key("a", "1"), "ADD n :one", attributes{":one": num("1")})
	value := func() string { return b.get(key("a", "1"))["n"].(*types.AttributeValueMemberN).Value }

	b.ok(b.transact("token", increment))
	b.ok(b.transact("token", increment))
	b.wantRead(2)
	if value() != "1" {
		t.Errorf("a repeated token counted to %s", value())
	}
	err := b.transact("token", transactPut(key("b", "1"), ""))
	var mismatch *types.IdempotentParameterMismatchException
	if !errors.As(err, &mismatch) {
		t.Errorf("another request under the token: %v", err)
	}
	b.ok(b.transact("other", increment))
	clock.advance(10 * time.Minute)
	b.ok(b.transact("token", increment))
	if value() != "3" {
		t.Errorf("after the token's life the count is %s", value())
	}
	// A canceled transaction does not use its token up.
	fails := transactPut(key("a", "1"), "attribute_not_exists(pk)")
	wantCode(t, b.transact("failing", fails), "TransactionCanceledException")
	b.delete(key("a", "1"))
	b.ok(b.transact("failing", fails))
}

func TestTransactionLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	many := func(n int) (items []types.TransactWriteItem) {
		for i := range n {
			items = append(items, transactPut(key("a", strconv.Itoa(i)), ""))
		}
		return items
	}
	b.ok(b.transact("", many(100)...))
	wantCode(t, b.transact("", many(101)...), "ValidationException")
	same := []types.TransactWriteItem{transactPut(key("a", "1"), ""), transactPut(key("a", "1.0"), "")}
	wantCode(t, b.transact("", same...), "ValidationException")
	large := make([]types.TransactWriteItem, 11)
	for i := range large {
		large[i] = transactPut(key("a", strconv.Itoa(i), blob(399<<10)), "")
	}
	wantCode(t, b.transact("", large...), "ValidationException")
}

func TestTransactGet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(key("a", "1", attributes{"title": str("x"), "n": num("1")}))
	out, err := b.Client.TransactGetItems(t.Context(), &sdk.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: aws.String(tableName), Key: key("none", "1")}},
		{Get: &types.Get{TableName: aws.String(tableName), Key: key("a", "1"), ProjectionExpression: aws.String("title")}},
	}})
	b.ok(err)
	want := []types.ItemResponse{{}, {Item: attributes{"title": str("x")}}}
	if diff := cmp.Diff(want, out.Responses, ignoreUnexported, ignoreReason); diff != "" {
		t.Error(diff)
	}
}
