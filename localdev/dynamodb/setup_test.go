package dynamodb_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// attributes is an item in the SDK's form.
type attributes = map[string]types.AttributeValue

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }

// bundle is an engine with one table of key (pk S, sk N), two indexes, and a
// client.
type bundle struct {
	*testing.T
	*dynamodb.Server
	calls *callLog
}

const tableName = "items"

func setup(t *testing.T, config ...dynamodb.Config) *bundle {
	t.Helper()
	calls := &callLog{}
	c := append(config, dynamodb.Config{})[0]
	b := &bundle{T: t, Server: dynamodb.RunT(t, c), calls: calls}
	b.Observe(calls.add)
	_, err := b.Client.CreateTable(t.Context(), tableInput(tableName))
	b.ok(err)
	return b
}

func tableInput(name string) *sdk.CreateTableInput {
	attribute := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: kind}
	}
	key := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
		}
	}
	return &sdk.CreateTableInput{
		TableName:   aws.String(name),
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			attribute("pk", "S"), attribute("sk", "N"), attribute("owner_id", "S"), attribute("rank_no", "N"),
		},
		KeySchema: key("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName:  aws.String("by-owner"),
			KeySchema:  key("owner_id", "sk"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}},
		LocalSecondaryIndexes: []types.LocalSecondaryIndex{{
			IndexName:  aws.String("by-rank"),
			KeySchema:  key("pk", "rank_no"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"title"}},
		}},
	}
}

// key is the key of an item, with further attributes in pairs of maps.
func key(pk, sk string, more ...attributes) attributes {
	it := attributes{"pk": str(pk), "sk": num(sk)}
	for _, m := range more {
		for name, v := range m {
			it[name] = v
		}
	}
	return it
}

func (b *bundle) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) put(it attributes) {
	b.Helper()
	_, err := b.Client.PutItem(b.Context(), &sdk.PutItemInput{TableName: aws.String(tableName), Item: it})
	b.ok(err)
}

// get is the item with a key, nil if there is none.
func (b *bundle) get(k attributes) attributes {
	b.Helper()
	out, err := b.Client.GetItem(b.Context(), &sdk.GetItemInput{TableName: aws.String(tableName), Key: k, ConsistentRead: aws.Bool(true)})
	b.ok(err)
	return out.Item
}

// wantCode fails unless err is an API error with that code.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Fatalf("error is %v, want %s", err, code)
	}
}
