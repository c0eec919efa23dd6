package dynamodb_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
)

func TestCreateTableChecks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tt := range []struct {
		name    string
		spoil   func(*sdk.CreateTableInput)
		message string
	}{
		{"exists", func(in *sdk.CreateTableInput) { in.TableName = aws.String(tableName) }, "Table already exists: items"},
		{"short name", func(in *sdk.CreateTableInput) { in.TableName = aws.String("ab") }, "length greater than or equal to 3"},
		{"undefined key", func(in *sdk.CreateTableInput) { in.AttributeDefinitions = in.AttributeDefinitions[1:] }, "not defined in AttributeDefinitions"},
		{"unused attribute", func(in *sdk.CreateTableInput) { in.GlobalSecondaryIndexes = nil }, "Number of attributes in KeySchema"},
		{"no throughput", func(in *sdk.CreateTableInput) { in.BillingMode = types.BillingModeProvisioned }, "must both be specified"},
		{"range first", func(in *sdk.CreateTableInput) { in.KeySchema[0].KeyType = types.KeyTypeRange }, "not a HASH key type"},
		{"same name twice", func(in *sdk.CreateTableInput) { in.LocalSecondaryIndexes[0].IndexName = aws.String("by-owner") }, "Duplicate index name"},
		{"local with another hash", func(in *sdk.CreateTableInput) {
			in.LocalSecondaryIndexes[0].KeySchema[0].AttributeName = aws.String("owner_id")
		}, "same leading hash key"},
		{"attributes without INCLUDE", func(in *sdk.CreateTableInput) {
			in.GlobalSecondaryIndexes[0].Projection.NonKeyAttributes = []string{"x"}
		}, "NonKeyAttributes is specified"},
		{"streams", func(in *sdk.CreateTableInput) {
			in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true)}
		}, "StreamSpecification"},
	} {
		input := tableInput("fresh")
		tt.spoil(input)
		_, err := b.Client.CreateTable(t.Context(), input)
		if err == nil || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%s: error is %v", tt.name, err)
		}
	}
}

func TestTableLife(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, table := t.Context(), aws.String(tableName)
	b.put(key("a", "1", attributes{"owner_id": str("u")}))
	_, err := b.Client.UpdateTable(ctx, &sdk.UpdateTableInput{TableName: table, DeletionProtectionEnabled: aws.Bool(true)})
	b.ok(err)
	out, err := b.Client.DescribeTable(ctx, &sdk.DescribeTableInput{TableName: table})
	b.ok(err)
	d := out.Table
	if d.TableStatus != types.TableStatusActive || *d.ItemCount != 1 || !*d.DeletionProtectionEnabled || *d.TableArn != "arn:aws:dynamodb:us-east-1:000000000000:table/items" {
		t.Errorf("description is %+v", d)
	}
	if ix := d.GlobalSecondaryIndexes[0]; *ix.ItemCount != 1 || ix.IndexStatus != types.IndexStatusActive {
		t.Errorf("index description is %+v", ix)
	}
	_, err = b.Client.DeleteTable(ctx, &sdk.DeleteTableInput{TableName: table})
	wantCode(t, err, "ValidationException")
	_, err = b.Client.UpdateTable(ctx, &sdk.UpdateTableInput{TableName: table, DeletionProtectionEnabled: aws.Bool(false)})
	b.ok(err)
	_, err = b.Client.DeleteTable(ctx, &sdk.DeleteTableInput{TableName: table})
	b.ok(err)
	_, err = b.Client.GetItem(ctx, &sdk.GetItemInput{TableName: table, Key: key("a", "1")})
	var gone *types.ResourceNotFoundException
	if !errors.As(err, &gone) {
		t.Errorf("error is %v", err)
	}
	if tables := b.Tables(); len(tables) != 0 {
		t.Errorf("tables are %v", tables)
	}
}

func TestListTables(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := []string{tableName}
	for i := range 4 {
		name := fmt.Sprintf("table-%d", i)
		_, err := b.Client.CreateTable(t.Context(), tableInput(name))
		b.ok(err)
		want = append(want, name)
	}
	var got []string
	pages := sdk.NewListTablesPaginator(b.Client, &sdk.ListTablesInput{Limit: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		b.ok(err)
		got = append(got, page.TableNames...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInspection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(key("a", "2", attributes{"title": str("x")}))
	b.put(key("a", "1"))
	raw, err := b.Dump(tableName)
	b.ok(err)
	want := "[\n{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"}},\n{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"2\"},\"title\":{\"S\":\"x\"}}\n]\n"
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Error(diff)
	}
	items, err := b.Items(tableName)
	b.ok(err)
	if len(items) != 2 || string(items[0]) != `{"pk":{"S":"a"},"sk":{"N":"1"}}` {
		t.Errorf("items are %s", items)
	}
	for name, inspect := range map[string]func() error{
		"count": func() error { _, err := b.Count("none"); return err },
		"dump":  func() error { _, err := b.Dump("none"); return err },
		"items": func() error { _, err := b.Items("none"); return err },
	} {
		if err := inspect(); !errors.Is(err, dynamodb.ErrNoTable) {
			t.Errorf("%s of no table: %v", name, err)
		}
	}
}

// Updates of one item by many clients are all counted, each with a number of
// its own, and of many conditional puts one wins.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const writers, rounds = 8, 40
	var mu sync.Mutex
	numbers, winners := map[string]bool{}, 0
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range rounds {
				out, err := b.Client.UpdateItem(t.Context(), &sdk.UpdateItemInput{
					TableName: aws.String(tableName), Key: key("head", "0"), UpdateExpression: aws.String("ADD seq :one"),
					ExpressionAttributeValues: attributes{":one": num("1")}, ReturnValues: types.ReturnValueUpdatedNew,
				})
				if err != nil {
					t.Error(err)
					return
				}
				seq := out.Attributes["seq"].(*types.AttributeValueMemberN).Value
				err = b.transact("",
					transactPut(key("entry", "1"), "attribute_not_exists(pk)"),
					transactPut(key("entry", "2"), ""),
				)
				mu.Lock()
				numbers[seq] = true
				if err == nil {
					winners++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(numbers) != writers*rounds || winners != 1 {
		t.Errorf("%d numbers were given, %d transactions won", len(numbers), winners)
	}
}
