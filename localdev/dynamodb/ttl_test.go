package dynamodb_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/dynamodb"
)

func TestExpiredItemsStayUntilSwept(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_763_884_800, 0)
	c := newManual(now)
	b := setup(t, dynamodb.Config{Clock: c})
	_, err := b.Client.UpdateTimeToLive(t.Context(), &sdk.UpdateTimeToLiveInput{
		TableName:               aws.String(tableName),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("expires"), Enabled: aws.Bool(true)},
	})
	b.ok(err)
	at := func(d time.Duration) attributes {
		return attributes{"expires": num(strconv.FormatInt(now.Add(d).Unix(), 10)), "owner_id": str("u")}
	}
	b.put(key("due", "1", at(time.Minute)))
	b.put(key("later", "1", at(time.Hour)))
	b.put(key("never", "1"))
	b.put(key("text", "1", attributes{"expires": str("1")}))
	b.put(key("ancient", "1", attributes{"expires": num("1")})) // more than five years ago

	if n := b.SweepExpired(); n != 0 {
		t.Errorf("swept %d items too early", n)
	}
	c.advance(2 * time.Minute)
	if b.get(key("due", "1")) == nil {
		t.Error("an expired item vanished without a sweep")
	}
	if n := b.SweepExpired(); n != 1 {
		t.Errorf("swept %d items", n)
	}
	if b.get(key("due", "1")) != nil {
		t.Error("a swept item is still there")
	}
	out, err := b.Client.Query(t.Context(), &sdk.QueryInput{
		TableName: aws.String(tableName), IndexName: aws.String("by-owner"),
		KeyConditionExpression: aws.String("owner_id = :u"), ExpressionAttributeValues: attributes{":u": str("u")},
	})
	b.ok(err)
	if out.Count != 1 {
		t.Errorf("%d items in the index after the sweep", out.Count)
	}
	if n, _ := b.Count(tableName); n != 4 {
		t.Errorf("%d items are left", n)
	}
}

// The engine, with its client in process, lives in a bubble of virtual time.
func TestInsideBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := dynamodb.New(dynamodb.Config{Clock: clock.System()})
		client := e.Client()
		if _, err := client.CreateTable(t.Context(), tableInput(tableName)); err != nil {
			t.Fatal(err)
		}
		before := describe(t, client)
		if err := clock.Sleep(t.Context(), clock.System(), 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := client.DeleteTable(t.Context(), &sdk.DeleteTableInput{TableName: aws.String(tableName)}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.CreateTable(t.Context(), tableInput(tableName)); err != nil {
			t.Fatal(err)
		}
		if got := describe(t, client).Sub(before); got != 24*time.Hour {
			t.Errorf("the tables were created %v apart", got)
		}
	})
}

func describe(t *testing.T, client *sdk.Client) time.Time {
	t.Helper()
	out, err := client.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: aws.String(tableName)})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Table.CreationDateTime
}
