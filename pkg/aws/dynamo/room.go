package dynamo

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/pkg/aws/fault"
	"github.com/gapless-rooms/gapless/pkg/room"
)

var _ room.Store = (*Rooms)(nil)

// Rooms keeps memberships. It is safe for concurrent use.
type Rooms struct {
	client API
	table  string
	page   *int32 // items in a page of Members; nil: 1 MB
}

// NewRooms returns Rooms over a table.
func NewRooms(client API, table string) *Rooms { return &Rooms{client, table, nil} }

// WithPage returns r with that many items in a page of Members. With it, tests
// reach further pages without a large room.
func (r *Rooms) WithPage(items int32) *Rooms { return &Rooms{r.client, r.table, &items} }

// onlyShard is the shard of every member: a room has one. The keys contain the
// shard, so that more shards need no migration; but Delete knows only this one,
// so a membership in another would outlive its connection.
const onlyShard = 0

// Put writes a membership: 1 WRU.
func (r *Rooms) Put(ctx context.Context, m room.Member, expires time.Time) error {
	if m.Shard != onlyShard {
		return fmt.Errorf("write membership: shard %d: a room has one shard", m.Shard)
	}
	i := key(shardKey(m.Room, m.Shard), text(m.ConnectionID))
	i["u"], i["a"], i[TTLAttribute] = text(m.User), millis(m.JoinedAt), seconds(expires)
	if m.Session != "" {
		i["ss"] = text(m.Session)
	}
	if m.NoPresence {
		i["np"] = yes()
	}
	if m.Regrants != 0 {
		i["pn"] = number(m.Regrants)
	}
	_, err := r.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &r.table, Item: i,
		ConditionExpression:                 aws.String("attribute_not_exists(pk) OR a < :a"),
		ExpressionAttributeValues:           item{":a": i["a"]},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return nil
	}
	found, err := existing(refused("write membership", err))
	switch {
	case err != nil:
		return err
	case found["l"] != nil || numberOf(found, "a") != m.JoinedAt.UnixMilli():
		return room.ErrOvertaken
	case found["b"] != nil:
		return room.ErrBehind
	}
	return nil // an earlier attempt of the same join
}

// Leave turns a membership into a tombstone: 1 WRU, even if nothing changes.
func (r *Rooms) Leave(ctx context.Context, name, connectionID string, at, expires time.Time) (bool, error) {
	out, err := r.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &r.table, Key: key(shardKey(name, onlyShard), text(connectionID)),
		UpdateExpression:          aws.String("SET a = :a, l = :yes, x = :x REMOVE u, ss, b, np, pn"),
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR a <= :a"),
		ExpressionAttributeValues: item{":a": millis(at), ":yes": yes(), ":x": seconds(expires)},
		ReturnValues:              types.ReturnValueAllOld,
	})
	if err != nil {
		_, err := existing(refused("leave", err))
		return false, err
	}
	return len(out.Attributes) > 0 && out.Attributes["l"] == nil, nil
}

// Delete deletes a membership: 1 WRU, even if there is none.
func (r *Rooms) Delete(ctx context.Context, name, connectionID string) error {
	return r.delete(ctx, name, connectionID, "attribute_not_exists(l)", nil, "delete membership")
}

// DropTombstone deletes a tombstone: 1 WRU, even if there is none.
func (r *Rooms) DropTombstone(ctx context.Context, name, connectionID string, now time.Time) error {
	return r.delete(ctx, name, connectionID, "attribute_exists(l) AND x <= :now", item{":now": number(now.Unix())},
		"delete mark of a leave")
}

// delete deletes an item under a condition.
func (r *Rooms) delete(ctx context.Context, name, connectionID, condition string, values item, operation string) error {
	_, err := r.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &r.table, Key: key(shardKey(name, onlyShard), text(connectionID)),
		ConditionExpression: &condition, ExpressionAttributeValues: values,
	})
	if err == nil {
		return nil
	}
	_, err = existing(refused(operation, err))
	return err
}

// Members reads a shard: 1 RRU per 4 KB begun.
func (r *Rooms) Members(ctx context.Context, name string, shard int, now time.Time) (room.Roll, error) {
	pages := dynamodb.NewQueryPaginator(r.client, &dynamodb.QueryInput{
		TableName:                 &r.table,
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": text(shardKey(name, shard))},
		ConsistentRead:            aws.Bool(true),
		Limit:                     r.page,
	})
	var roll room.Roll
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return room.Roll{}, fault.Wrap("read members", err)
		}
		for _, i := range page.Items {
			switch past, mark := expired(i, now), i["l"] != nil; {
			case past && mark:
				roll.Expired = append(roll.Expired, textOf(i, SortKey))
			case !past && !mark:
				roll.Members = append(roll.Members, memberOf(name, shard, i))
			}
		}
	}
	return roll, nil
}

func memberOf(name string, shard int, i item) room.Member {
	return room.Member{
		Room: name, ConnectionID: textOf(i, SortKey), User: textOf(i, "u"), Session: textOf(i, "ss"),
		Shard: shard, JoinedAt: timeOf(i, "a"), NoPresence: i["np"] != nil, Regrants: int(numberOf(i, "pn")),
		Behind: i["b"] != nil,
	}
}

// SetPresence sets whether a member is told who comes and goes: 1 WRU, even if
// nothing changes.
func (r *Rooms) SetPresence(ctx context.Context, m room.Member) error {
	u := update{
		table: r.table, key: key(shardKey(m.Room, m.Shard), text(m.ConnectionID)),
		set: "SET pn = :pn REMOVE np", condition: "attribute_exists(pk) AND attribute_not_exists(l) AND NOT pn > :pn",
		values: item{":pn": number(m.Regrants)},
	}
	if m.NoPresence {
		u.set, u.values[":yes"] = "SET pn = :pn, np = :yes", yes()
	}
	_, err := u.run(ctx, r.client, "set whether a member sees presence")
	if err == nil {
		return nil
	}
	_, err = existing(err)
	return err
}

// Member reads a membership: 1 RRU.
func (r *Rooms) Member(ctx context.Context, name, connectionID string, now time.Time) (room.Member, error) {
	i, err := get(ctx, r.client, r.table, key(shardKey(name, onlyShard), text(connectionID)), true, "read membership")
	if err != nil {
		return room.Member{}, err
	}
	if len(i) == 0 || i["l"] != nil || expired(i, now) {
		return room.Member{}, room.ErrNotMember
	}
	return memberOf(name, onlyShard, i), nil
}

// SetBehind records that a member is behind: 1 WRU.
func (r *Rooms) SetBehind(ctx context.Context, m room.Member) error {
	u := update{
		table: r.table, key: key(shardKey(m.Room, m.Shard), text(m.ConnectionID)),
		set: "SET b = :b", condition: "a = :a AND attribute_not_exists(l)", // so the member exists
		values: item{":b": yes(), ":a": millis(m.JoinedAt)},
	}
	if m.JoinedAt.IsZero() {
		// This matches an unreadable join: otherwise it would be newer than any
		// join read, and the room would be drained for it again and again.
		u.condition = "attribute_exists(pk) AND attribute_not_exists(l) AND (attribute_not_exists(a) OR NOT attribute_type(a, :number) OR a > :max)"
		u.values = item{":b": yes(), ":number": text("N"), ":max": number(int64(math.MaxInt64))}
	}
	_, err := u.run(ctx, r.client, "mark member as behind")
	if err == nil {
		return nil
	}
	found, err := existing(err)
	switch {
	case err != nil:
		return err
	case len(found) == 0 || found["l"] != nil:
		return room.ErrNotMember
	}
	return room.ErrOvertaken
}
