package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/gapless-rooms/gapless/pkg/aws/fault"
	"github.com/gapless-rooms/gapless/pkg/room"
)

var _ room.Store = (*Rooms)(nil)

// Rooms keeps memberships. It is safe for concurrent use.
type Rooms struct {
	client API
	table  string
}

// NewRooms returns Rooms over a table.
func NewRooms(client API, table string) *Rooms { return &Rooms{client, table} }

// Put writes a membership: 1 WRU.
func (r *Rooms) Put(ctx context.Context, m room.Member, expires time.Time) error {
	i := key(shardKey(m.Room, m.Shard), text(m.ConnectionID))
	i["u"], i["a"], i[TTLAttribute] = text(m.User), millis(m.JoinedAt), seconds(expires)
	if m.Session != "" {
		i["ss"] = text(m.Session)
	}
	_, err := r.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &r.table, Item: i})
	return fault.Wrap("write membership", err)
}

// Delete ends a membership: 1 WRU.
func (r *Rooms) Delete(ctx context.Context, name, connectionID string) error {
	return remove(ctx, r.client, r.table, key(shardKey(name, 0), text(connectionID)), "delete membership")
}

// Members reads a shard: 1 RRU per 4 KB begun.
func (r *Rooms) Members(ctx context.Context, name string, shard int, now time.Time) ([]room.Member, error) {
	pages := dynamodb.NewQueryPaginator(r.client, &dynamodb.QueryInput{
		TableName:                 &r.table,
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": text(shardKey(name, shard))},
		ConsistentRead:            aws.Bool(true),
	})
	var members []room.Member
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fault.Wrap("read members", err)
		}
		for _, i := range page.Items {
			if expired(i, now) {
				continue
			}
			members = append(members, room.Member{
				Room: name, ConnectionID: textOf(i, SortKey), User: textOf(i, "u"), Session: textOf(i, "ss"),
				Shard: shard, JoinedAt: timeOf(i, "a"), Behind: room.Behind(numberOf(i, "b")),
			})
		}
	}
	return members, nil
}

// SetBehind records how far a member is behind: 1 WRU.
func (r *Rooms) SetBehind(ctx context.Context, m room.Member, state room.Behind) error {
	_, err := update{
		table: r.table, key: key(shardKey(m.Room, m.Shard), text(m.ConnectionID)),
		set: "SET b = :b", condition: "a = :a",
		values: item{":b": number(state), ":a": millis(m.JoinedAt)},
	}.run(ctx, r.client, "mark member as behind")
	var failed *refusal
	if errors.As(err, &failed) {
		return room.ErrNotMember
	}
	return err
}
