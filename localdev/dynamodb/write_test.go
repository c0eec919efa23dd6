package dynamodb_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
)

func TestPutGetUpdateDelete(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(key("a", "1", attributes{"n": num("5")}))

	out, err := b.Client.UpdateItem(t.Context(), &sdk.UpdateItemInput{
		TableName: aws.String(tableName), Key: key("a", "1"),
		UpdateExpression:          aws.String("SET n = n + :one, title = :t"),
		ExpressionAttributeValues: attributes{":one": num("1"), ":t": str("x")},
		ReturnValues:              types.ReturnValueAllNew,
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	})
	b.ok(err)
	want := key("a", "1", attributes{"n": num("6"), "title": str("x")})
	if diff := cmp.Diff(want, out.Attributes, ignoreUnexported); diff != "" {
		t.Error(diff)
	}
	if units := *out.ConsumedCapacity.CapacityUnits; units != 1 {
		t.Errorf("update consumed %v", units)
	}
	if diff := cmp.Diff(want, b.get(key("a", "1")), ignoreUnexported); diff != "" {
		t.Error(diff)
	}

	_, err = b.Client.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String(tableName), Key: key("a", "1")})
	b.ok(err)
	if got := b.get(key("a", "1")); got != nil {
		t.Errorf("deleted item is still %v", got)
	}
}

func TestConditionFailureCarriesItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(key("a", "1", attributes{"title": str("old")}))
	_, err := b.Client.PutItem(t.Context(), &sdk.PutItemInput{
		TableName: aws.String(tableName), Item: key("a", "1"),
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		t.Fatalf("error is %v", err)
	}
	if diff := cmp.Diff(key("a", "1", attributes{"title": str("old")}), failed.Item, ignoreUnexported); diff != "" {
		t.Error(diff)
	}
	if last := b.calls.last(); last.WriteUnits != 1 || last.Error != "ConditionalCheckFailedException" {
		t.Errorf("failed condition was reported as %+v", last)
	}
}
