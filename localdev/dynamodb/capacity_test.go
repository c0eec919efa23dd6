package dynamodb_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// blob is an attribute that makes an item n bytes larger.
func blob(n int) attributes { return attributes{"b": str(strings.Repeat("x", n-1))} }

// consumed is the capacity of the last call.
func (b *bundle) consumed() (read, write float64) {
	last := b.calls.last()
	return last.ReadUnits, last.WriteUnits
}

func (b *bundle) wantWrite(want float64) {
	b.Helper()
	if _, got := b.consumed(); got != want {
		b.Errorf("consumed %v write units, want %v", got, want)
	}
}

func (b *bundle) wantRead(want float64) {
	b.Helper()
	if got, _ := b.consumed(); got != want {
		b.Errorf("consumed %v read units, want %v", got, want)
	}
}

func (b *bundle) delete(k attributes) {
	b.Helper()
	_, err := b.Client.DeleteItem(b.Context(), &sdk.DeleteItemInput{TableName: aws.String(tableName), Key: k})
	b.ok(err)
}

// A key ("a", 1) takes 2+1 bytes for pk and 2+2 for sk.
const keySize = 7

func TestWriteUnitsOfTheLargerItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := key("a", "1")
	b.put(key("a", "1", blob(1024-keySize)))
	b.wantWrite(1)
	b.put(key("a", "1", blob(1025-keySize)))
	b.wantWrite(2)
	b.put(k)
	b.wantWrite(2) // the old item
	b.put(key("a", "1", blob(3000)))
	b.wantWrite(3) // the new item
	b.delete(k)
	b.wantWrite(3)
	b.delete(k)
	b.wantWrite(1) // nothing there
}

func TestFailedConditionConsumes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(key("a", "1", blob(3000)))
	for _, tt := range []struct {
		name string
		item attributes
		want float64
	}{
		{"existing item larger", key("a", "1"), 3},
		{"new item larger", key("a", "1", blob(5000)), 5},
	} {
		_, err := b.Client.PutItem(t.Context(), &sdk.PutItemInput{
			TableName: aws.String(tableName), Item: tt.item, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		})
		wantCode(t, err, "ConditionalCheckFailedException")
		if _, got := b.consumed(); got != tt.want {
			t.Errorf("%s: consumed %v, want %v", tt.name, got, tt.want)
		}
	}
	_, err := b.Client.DeleteItem(t.Context(), &sdk.DeleteItemInput{
		TableName: aws.String(tableName), Key: key("none", "1"), ConditionExpression: aws.String("attribute_exists(pk)"),
	})
	wantCode(t, err, "ConditionalCheckFailedException")
	b.wantWrite(1)
}

func TestIndexWriteUnits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := func(name string) attributes { return attributes{"owner_id": str(name)} }
	rank := func(n string) attributes { return attributes{"rank_no": num(n)} }
	for _, tt := range []struct {
		name                 string
		item                 attributes
		table, local, global float64
	}{
		{"in no index", key("a", "1"), 1, 0, 0},
		{"enters the global one", key("a", "1", owner("u")), 1, 0, 1},
		{"changes what no index has", key("a", "1", owner("u"), blob(10)), 1, 0, 0},
		{"changes the key", key("a", "1", owner("v")), 1, 0, 2},
		{"enters the local one", key("a", "1", owner("v"), rank("1")), 1, 1, 0},
		{"changes a projected attribute", key("a", "1", owner("v"), rank("1"), attributes{"title": str("x")}), 1, 1, 0},
		{"leaves both", key("a", "1"), 1, 1, 1},
	} {
		out, err := b.Client.PutItem(t.Context(), &sdk.PutItemInput{
			TableName: aws.String(tableName), Item: tt.item, ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes,
		})
		b.ok(err)
		c := out.ConsumedCapacity
		if got := *c.Table.CapacityUnits; got != tt.table {
			t.Errorf("%s: table consumed %v", tt.name, got)
		}
		if got := unitsOf(c.LocalSecondaryIndexes, "by-rank"); got != tt.local {
			t.Errorf("%s: local index consumed %v, want %v", tt.name, got, tt.local)
		}
		if got := unitsOf(c.GlobalSecondaryIndexes, "by-owner"); got != tt.global {
			t.Errorf("%s: global index consumed %v, want %v", tt.name, got, tt.global)
		}
		if got := *c.CapacityUnits; got != tt.table+tt.local+tt.global {
			t.Errorf("%s: consumed %v in all", tt.name, got)
		}
	}
}

func unitsOf(group map[string]types.Capacity, index string) float64 {
	if c, ok := group[index]; ok {
		return *c.CapacityUnits
	}
	return 0
}

func TestReadUnits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(key("a", "1", blob(4096-keySize)))
	b.put(key("a", "2", blob(4097-keySize)))
	b.put(key("a", "3"))
	for _, tt := range []struct {
		sk         string
		consistent bool
		want       float64
	}{
		{"1", true, 1}, {"1", false, 0.5}, {"2", true, 2}, {"2", false, 1}, {"9", true, 1}, {"9", false, 0.5},
	} {
		_, err := b.Client.GetItem(t.Context(), &sdk.GetItemInput{
			TableName: aws.String(tableName), Key: key("a", tt.sk), ConsistentRead: aws.Bool(tt.consistent),
		})
		b.ok(err)
		b.wantRead(tt.want)
	}
	query := func(pk string, consistent bool) {
		t.Helper()
		_, err := b.Client.Query(t.Context(), &sdk.QueryInput{
			TableName: aws.String(tableName), ConsistentRead: aws.Bool(consistent),
			KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: attributes{":pk": str(pk)},
		})
		b.ok(err)
	}
	// 4096 + 4097 + 7 bytes are 2.002 times 4 KB.
	query("a", true)
	b.wantRead(3)
	query("a", false)
	b.wantRead(1.5)
	query("none", true)
	b.wantRead(1)
}

func TestTransactionsCostTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(key("a", "1", blob(3000)))
	put := types.TransactWriteItem{Put: &types.Put{TableName: aws.String(tableName), Item: key("b", "1", attributes{"owner_id": str("u")})}}
	check := types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: aws.String(tableName), Key: key("a", "1"), ConditionExpression: aws.String("attribute_exists(pk)"),
	}}
	out, err := b.Client.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{put, check}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	b.ok(err)
	// 2 × (put 1 + index 1 + check 3)
	if got := *out.ConsumedCapacity[0].WriteCapacityUnits; got != 10 {
		t.Errorf("transaction consumed %v", got)
	}
	_, err = b.Client.TransactGetItems(t.Context(), &sdk.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: aws.String(tableName), Key: key("a", "1")}},
		{Get: &types.Get{TableName: aws.String(tableName), Key: key("none", "1")}},
	}})
	b.ok(err)
	b.wantRead(4)
}

func TestBatchUnits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Client.BatchWriteItem(t.Context(), &sdk.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{tableName: {
		{PutRequest: &types.PutRequest{Item: key("a", "1", blob(3000))}},
		{PutRequest: &types.PutRequest{Item: key("a", "2")}},
		{DeleteRequest: &types.DeleteRequest{Key: key("a", "3")}},
	}}})
	b.ok(err)
	b.wantWrite(5)
	_, err = b.Client.BatchGetItem(t.Context(), &sdk.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{tableName: {
		Keys: []map[string]types.AttributeValue{key("a", "1"), key("a", "2"), key("a", "9")},
	}}})
	b.ok(err)
	b.wantRead(1.5)
}
