package dynamodb_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
)

func TestPageEndsAtOneMegabyte(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 12 {
		b.put(key("a", strconv.Itoa(i), blob(100_000)))
	}
	input := &sdk.QueryInput{
		TableName: aws.String(tableName), FilterExpression: aws.String("attribute_not_exists(b)"),
		KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: attributes{":pk": str("a")},
	}
	out, err := b.Client.Query(t.Context(), input)
	b.ok(err)
	// The eleventh item takes the page over 1,048,576 bytes.
	if out.ScannedCount != 11 || out.Count != 0 || out.LastEvaluatedKey["sk"].(*types.AttributeValueMemberN).Value != "10" {
		t.Errorf("page evaluated %d items, gave %d, ended at %v", out.ScannedCount, out.Count, out.LastEvaluatedKey)
	}
	input.ExclusiveStartKey = out.LastEvaluatedKey
	out, err = b.Client.Query(t.Context(), input)
	b.ok(err)
	if out.ScannedCount != 1 || out.LastEvaluatedKey != nil {
		t.Errorf("last page evaluated %d items, ended at %v", out.ScannedCount, out.LastEvaluatedKey)
	}
}

// Pages of an index go on across items that are alike in the index's key.
func TestIndexPagesAcrossEqualKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 9 {
		b.put(key(fmt.Sprint("p", i), "1", attributes{"owner_id": str("u")}))
	}
	for _, forward := range []bool{true, false} {
		seen := map[string]bool{}
		pages := sdk.NewQueryPaginator(b.Client, &sdk.QueryInput{
			TableName: aws.String(tableName), IndexName: aws.String("by-owner"), Limit: aws.Int32(2), ScanIndexForward: aws.Bool(forward),
			KeyConditionExpression: aws.String("owner_id = :u"), ExpressionAttributeValues: attributes{":u": str("u")},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			b.ok(err)
			for _, it := range page.Items {
				pk := it["pk"].(*types.AttributeValueMemberS).Value
				if seen[pk] {
					t.Errorf("%s came twice", pk)
				}
				seen[pk] = true
				if len(it) != 3 {
					t.Errorf("a keys-only index projects %v", it)
				}
			}
		}
		if len(seen) != 9 {
			t.Errorf("pages gave %d items", len(seen))
		}
	}
}

// A page goes on where the last ended though that item is gone.
func TestStartKeyOfDeletedItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 5 {
		b.put(key("a", strconv.Itoa(i)))
	}
	b.delete(key("a", "2"))
	out, err := b.Client.Query(t.Context(), &sdk.QueryInput{
		TableName: aws.String(tableName), ExclusiveStartKey: key("a", "2"),
		KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: attributes{":pk": str("a")},
	})
	b.ok(err)
	if diff := cmp.Diff([]string{"3", "4"}, sortKeys(out.Items)); diff != "" {
		t.Error(diff)
	}
}

func TestScanSegmentsMeetEveryItemOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const items = 300
	for i := range items {
		b.put(key(fmt.Sprint("p", i), "1"))
	}
	for _, total := range []int32{1, 2, 7, 1_000_000} {
		segments := total
		if total > 100 {
			segments = 0 // too many to visit; any one of them must answer
		}
		seen, largest := map[string]bool{}, 0
		for segment := range max(segments, 1) {
			count := 0
			pages := sdk.NewScanPaginator(b.Client, &sdk.ScanInput{
				TableName: aws.String(tableName), Limit: aws.Int32(11), Segment: aws.Int32(segment), TotalSegments: aws.Int32(total),
			})
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				b.ok(err)
				for _, it := range page.Items {
					seen[it["pk"].(*types.AttributeValueMemberS).Value] = true
					count++
				}
			}
			largest = max(largest, count)
		}
		if segments > 0 && len(seen) != items {
			t.Errorf("%d segments gave %d items", total, len(seen))
		}
		if segments > 1 && largest > 2*items/int(total) {
			t.Errorf("one of %d segments has %d items", total, largest)
		}
	}
}

func TestQuerySortKeyConditions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	create := &sdk.CreateTableInput{
		TableName: aws.String("binary"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: "S"}, {AttributeName: aws.String("code"), AttributeType: "B"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: "HASH"}, {AttributeName: aws.String("code"), KeyType: "RANGE"}},
	}
	_, err := b.Client.CreateTable(t.Context(), create)
	b.ok(err)
	bin := func(s string) types.AttributeValue { return &types.AttributeValueMemberB{Value: []byte(s)} }
	all := []string{"\x00", "a", "a\x00", "a\xfe", "a\xff", "a\xff\xffz", "b", "\xff", "\xff\xff"}
	for _, code := range all {
		_, err := b.Client.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("binary"), Item: attributes{"pk": str("p"), "code": bin(code)}})
		b.ok(err)
	}
	for _, tt := range []struct {
		condition string
		x, y      string
		want      []string
	}{
		{"begins_with(code, :x)", "a", "", []string{"a", "a\x00", "a\xfe", "a\xff", "a\xff\xffz"}},
		{"begins_with(code, :x)", "a\xff", "", []string{"a\xff", "a\xff\xffz"}},
		{"begins_with(code, :x)", "\xff", "", []string{"\xff", "\xff\xff"}},
		{"begins_with(code, :x)", "c", "", nil},
		{"code = :x", "a", "", []string{"a"}},
		{"code < :x", "a\x00", "", []string{"\x00", "a"}},
		{"code <= :x", "a\x00", "", []string{"\x00", "a", "a\x00"}},
		{"code > :x", "b", "", []string{"\xff", "\xff\xff"}},
		{":x <= code", "b", "", []string{"b", "\xff", "\xff\xff"}},
		{"code BETWEEN :x AND :y", "a\x01", "b", []string{"a\xfe", "a\xff", "a\xff\xffz", "b"}},
	} {
		for _, forward := range []bool{true, false} {
			values := attributes{":pk": str("p"), ":x": bin(tt.x)}
			if tt.y != "" {
				values[":y"] = bin(tt.y)
			}
			out, err := b.Client.Query(t.Context(), &sdk.QueryInput{
				TableName: aws.String("binary"), ScanIndexForward: aws.Bool(forward),
				KeyConditionExpression: aws.String("pk = :pk AND " + tt.condition), ExpressionAttributeValues: values,
			})
			b.ok(err)
			var got []string
			for _, it := range out.Items {
				got = append(got, string(it["code"].(*types.AttributeValueMemberB).Value))
			}
			want := slices.Clone(tt.want)
			if !forward {
				slices.Reverse(want)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s with %q, forward %v: %s", tt.condition, tt.x, forward, diff)
			}
		}
	}
}

// BenchmarkQueryPage shows that a page costs what it reads, whatever the size
// of the table.
func BenchmarkQueryPage(b *testing.B) {
	for _, items := range []int{1_000, 50_000} {
		b.Run(strconv.Itoa(items), func(b *testing.B) {
			e := dynamodb.New(dynamodb.Config{})
			client := e.Client()
			if _, err := client.CreateTable(b.Context(), tableInput(tableName)); err != nil {
				b.Fatal(err)
			}
			for i := 0; i < items; i += 25 {
				var writes []types.WriteRequest
				for j := range 25 {
					writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: key("a", strconv.Itoa(i+j))}})
				}
				if _, err := client.BatchWriteItem(b.Context(), &sdk.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{tableName: writes}}); err != nil {
					b.Fatal(err)
				}
			}
			input := &sdk.QueryInput{
				TableName: aws.String(tableName), Limit: aws.Int32(10), KeyConditionExpression: aws.String("pk = :pk AND sk > :sk"),
				ExpressionAttributeValues: attributes{":pk": str("a"), ":sk": num(strconv.Itoa(items / 2))},
			}
			for b.Loop() {
				if _, err := client.Query(b.Context(), input); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
