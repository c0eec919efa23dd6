package dynamodb_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
)

func Example() {
	ctx := context.Background()
	s := dynamodb.New(dynamodb.Config{}) // in a test: dynamodb.RunT(t, dynamodb.Config{})
	client := s.Client()
	_, err := client.CreateTable(ctx, &sdk.CreateTableInput{
		TableName: aws.String("rooms"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("name"), AttributeType: "S"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("name"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		panic(err)
	}
	s.Observe(func(c dynamodb.Call) { fmt.Println(c.Operation, c.WriteUnits, "units") })
	_, err = client.PutItem(ctx, &sdk.PutItemInput{
		TableName: aws.String("rooms"), Item: map[string]types.AttributeValue{"name": &types.AttributeValueMemberS{Value: "lobby"}},
	})
	if err != nil {
		panic(err)
	}
	items, err := s.Items("rooms")
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", items)
	// Output:
	// PutItem 1 units
	// [{"name":{"S":"lobby"}}]
}
