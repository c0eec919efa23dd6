package dynamodb_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
)

// What the engine does not have it refuses by name.
func TestRefusals(t *testing.T) {
	t.Parallel()
	e := dynamodb.New(dynamodb.Config{})
	const keys = `"TableName":"items","Key":{"pk":{"S":"a"},"sk":{"N":"1"}}`
	for _, tt := range []struct{ operation, body, names string }{
		{"PutItem", `{"TableName":"items","Item":{},"Expected":{}}`, "Expected"},
		{"PutItem", `{"TableName":"items","Item":{},"ConditionalOperator":"AND"}`, "ConditionalOperator"},
		{"UpdateItem", `{` + keys + `,"AttributeUpdates":{}}`, "AttributeUpdates"},
		{"GetItem", `{` + keys + `,"AttributesToGet":["a"]}`, "AttributesToGet"},
		{"Query", `{"TableName":"items","KeyConditions":{}}`, "KeyConditions"},
		{"Query", `{"TableName":"items","QueryFilter":{}}`, "QueryFilter"},
		{"Scan", `{"TableName":"items","ScanFilter":{}}`, "ScanFilter"},
		{"GetItem", `{` + keys + `,"tablename":"items"}`, "tablename"},
		{"PutItem", `{"TableName":"items","Item":{},"ReturnItemCollectionMetrics":"SIZE"}`, "returnItemCollectionMetrics"},
		{"UpdateTable", `{"TableName":"items","GlobalSecondaryIndexUpdates":[]}`, "GlobalSecondaryIndexUpdates"},
		{"UpdateTable", `{"TableName":"items","StreamSpecification":{}}`, "StreamSpecification"},
		{"CreateTable", `{"TableName":"items","WarmThroughput":{}}`, "WarmThroughput"},
		{"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"items","Item":{},"Expected":{}}}]}`, "Expected"},
		{"BatchGetItem", `{"RequestItems":{"items":{"Keys":[],"AttributesToGet":[]}}}`, "AttributesToGet"},
	} {
		a := send(t, e.Transport(), "http://dynamodb.local", command{operation: tt.operation, body: tt.body})
		if a.status != 400 || a.failure() != "ValidationException" || !strings.Contains(a.message(), tt.names) {
			t.Errorf("%s with %s is answered %d %v", tt.operation, tt.names, a.status, a.body)
		}
	}
}

func TestUnknownOperation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Client.CreateBackup(t.Context(), &sdk.CreateBackupInput{TableName: aws.String(tableName), BackupName: aws.String("b")})
	wantCode(t, err, "UnknownOperationException")
	if !strings.Contains(err.Error(), "CreateBackup") {
		t.Errorf("error does not name the operation: %v", err)
	}
}

func TestMalformedBodies(t *testing.T) {
	t.Parallel()
	e := dynamodb.New(dynamodb.Config{})
	for _, body := range []string{`{`, `[]`, `"x"`, `{"TableName":1}`, `{"TableName":"items","TableName":"items"}`, `{"TableName":"items","Item":{"a":{"S":1}}}`, `{"TableName":"items","Item":{"a":"x"}}`, "{\"TableName\":\"\xff\"}"} {
		a := send(t, e.Transport(), "http://dynamodb.local", command{operation: "PutItem", body: body})
		if a.status != 400 || a.failure() != "SerializationException" {
			t.Errorf("%s is answered %d %v", body, a.status, a.body)
		}
	}
}

func TestNestingLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nested := func(levels int) types.AttributeValue {
		v := str("x")
		for range levels {
			v = &types.AttributeValueMemberL{Value: []types.AttributeValue{v}}
		}
		return v
	}
	b.put(key("a", "1", attributes{"deep": nested(31)}))
	_, err := b.Client.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String(tableName), Item: key("a", "1", attributes{"deep": nested(32)})})
	wantCode(t, err, "ValidationException")
	// An update cannot get around it.
	_, err = b.Client.UpdateItem(t.Context(), &sdk.UpdateItemInput{
		TableName: aws.String(tableName), Key: key("a", "1"), UpdateExpression: aws.String("SET deep[0] = :v"),
		ExpressionAttributeValues: attributes{":v": nested(31)},
	})
	wantCode(t, err, "ValidationException")
}

func TestItemSizeLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const limit = 400 << 10
	b.put(key("a", "1", blob(limit-keySize)))
	_, err := b.Client.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String(tableName), Item: key("a", "1", blob(limit-keySize+1))})
	wantCode(t, err, "ValidationException")
	_, err = b.Client.UpdateItem(t.Context(), &sdk.UpdateItemInput{
		TableName: aws.String(tableName), Key: key("a", "1"), UpdateExpression: aws.String("SET c = :c"),
		ExpressionAttributeValues: attributes{":c": str("")},
	})
	wantCode(t, err, "ValidationException")
	_, err = b.Client.UpdateItem(t.Context(), &sdk.UpdateItemInput{
		TableName: aws.String(tableName), Key: key("a", "1"), UpdateExpression: aws.String("REMOVE b SET c = :c"),
		ExpressionAttributeValues: attributes{":c": str("")},
	})
	b.ok(err)
}
