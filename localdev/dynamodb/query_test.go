package dynamodb_test

import (
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

var ignoreUnexported = cmpopts.IgnoreUnexported(
	types.AttributeValueMemberS{}, types.AttributeValueMemberN{}, types.AttributeValueMemberB{},
	types.AttributeValueMemberBOOL{}, types.AttributeValueMemberNULL{}, types.AttributeValueMemberL{},
	types.AttributeValueMemberM{}, types.AttributeValueMemberSS{}, types.AttributeValueMemberNS{},
	types.AttributeValueMemberBS{})

var ignoreReason = cmpopts.IgnoreUnexported(types.CancellationReason{}, types.ItemResponse{})

// sortKeys are the numbers under a name, in the order of the items.
func sortKeys(items []map[string]types.AttributeValue) []string {
	keys := []string{}
	for _, it := range items {
		keys = append(keys, it["sk"].(*types.AttributeValueMemberN).Value)
	}
	return keys
}

func TestQueryPagesInNumericOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, sk := range []string{"10", "9", "-1", "2.5", "1e2"} {
		b.put(key("a", sk))
		b.put(key("b", sk))
	}
	for _, tt := range []struct {
		forward bool
		want    []string
	}{
		{true, []string{"-1", "2.5", "9", "10", "100"}},
		{false, []string{"100", "10", "9", "2.5", "-1"}},
	} {
		for limit := range int32(6) {
			t.Run(strconv.FormatBool(tt.forward)+strconv.Itoa(int(limit)), func(t *testing.T) {
				input := &sdk.QueryInput{
					TableName: aws.String(tableName), ScanIndexForward: aws.Bool(tt.forward),
					KeyConditionExpression:    aws.String("pk = :pk"),
					ExpressionAttributeValues: attributes{":pk": str("a")},
				}
				if limit > 0 {
					input.Limit = aws.Int32(limit)
				}
				var got []string
				pages := sdk.NewQueryPaginator(b.Client, input)
				for pages.HasMorePages() {
					page, err := pages.NextPage(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, sortKeys(page.Items)...)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
