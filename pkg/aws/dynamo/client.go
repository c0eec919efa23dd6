package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/pkg/aws/fault"
)

// API is the part of DynamoDB that we use: conditional writes of one item,
// consistent reads, queries. No scan, no transaction, no batch.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// NewClient returns a DynamoDB client with the SDK's standard retries.
func NewClient(cfg aws.Config) *dynamodb.Client { return dynamodb.NewFromConfig(cfg) }

// update is one conditional UpdateItem.
type update struct {
	table     string
	key       item
	set       string // the update expression
	condition string // empty: none
	names     map[string]string
	values    item
}

// refusal is returned when a condition failed, with the item that was there, nil
// if there was none.
type refusal struct{ existing item }

func (*refusal) Error() string { return "condition failed" }

// run performs the update and returns the item after it, or a *refusal.
func (u update) run(ctx context.Context, client API, operation string, options ...func(*dynamodb.Options)) (item, error) {
	input := &dynamodb.UpdateItemInput{
		TableName: &u.table, Key: u.key, UpdateExpression: &u.set,
		ExpressionAttributeNames:  u.names,
		ExpressionAttributeValues: u.values,
		ReturnValues:              types.ReturnValueAllNew,
	}
	if u.condition != "" {
		input.ConditionExpression = &u.condition
		input.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	out, err := client.UpdateItem(ctx, input, options...)
	if err != nil {
		return nil, refused(operation, err)
	}
	return out.Attributes, nil
}

// refused returns a *refusal for a failed condition and a *fault.Error for any
// other error.
func refused(operation string, err error) error {
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return &refusal{failed.Item}
	}
	return fault.Wrap(operation, err)
}

// existing returns the item of a refusal, or err if it is not a refusal.
func existing(err error) (item, error) {
	var r *refusal
	if errors.As(err, &r) {
		return r.existing, nil
	}
	return nil, err
}

func get(ctx context.Context, client API, table string, k item, consistent bool, operation string) (item, error) {
	out, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: k, ConsistentRead: &consistent})
	if err != nil {
		return nil, fault.Wrap(operation, err)
	}
	return out.Item, nil
}
