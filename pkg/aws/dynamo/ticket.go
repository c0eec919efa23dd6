package dynamo

import (
	"context"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

var _ ticket.Store = (*Tickets)(nil)

// Tickets keeps tickets in the connections table, each in its own partition. A
// used ticket stays until TTL deletes it, because it must not come back. It is
// safe for concurrent use.
type Tickets struct {
	client API
	table  string
}

// NewTickets returns Tickets over the connections table.
func NewTickets(client API, table string) *Tickets { return &Tickets{client, table} }

func ticketKey(digest string) item { return key("t#"+digest, text("t")) }

// Put stores a ticket: 1 WRU per KB, even if it is stored already.
func (s *Tickets) Put(ctx context.Context, t ticket.Ticket) error {
	i, err := identityItem(t.Identity)
	if err != nil {
		return err
	}
	maps.Copy(i, ticketKey(t.Digest))
	i["te"], i[TTLAttribute] = millis(t.Expires), seconds(t.Expires)
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: i, ConditionExpression: aws.String("attribute_not_exists(pk)"),
	})
	if err == nil {
		return nil
	}
	_, err = existing(refused("put ticket", err))
	return err
}

// Take uses a ticket: 1 WRU per KB. The condition alone decides: of two
// concurrent connections, DynamoDB lets one through.
func (s *Tickets) Take(ctx context.Context, p ticket.TakeParams) (auth.Identity, error) {
	i, err := update{
		table: s.table, key: ticketKey(p.Digest), set: "SET tc = :c",
		condition: "te > :now AND (attribute_not_exists(tc) OR tc = :c)",
		values:    item{":c": text(p.ConnectionID), ":now": millis(p.Now)},
	}.run(ctx, s.client, "take ticket")
	if err != nil {
		if _, err = existing(err); err != nil {
			return auth.Identity{}, err
		}
		return auth.Identity{}, ticket.ErrInvalid
	}
	id := identityOf(i)
	if id.User == "" {
		return auth.Identity{}, ticket.ErrInvalid // an unreadable item lets nobody in
	}
	return id, nil
}
