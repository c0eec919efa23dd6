package dynamo

import (
	"context"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/aws/fault"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

var _ connection.Store = (*Connections)(nil)

// Connections keeps connections. It is safe for concurrent use.
type Connections struct {
	client     API
	table      string
	partitions int
}

// NewConnections returns Connections over a table, spread over so many
// partitions.
func NewConnections(client API, table string, partitions int) *Connections {
	return &Connections{client, table, max(1, partitions)}
}

// leftover is how long after its connection's start an item is forgotten if
// all else failed: the two hours that a connection may last, and a day.
const leftover = 26 * time.Hour

// open is the condition of every change but MarkClosing: no change brings a
// connection back.
const open = "attribute_exists(pk) AND attribute_not_exists(cl)"

// Partitions is over how many partitions the connections are spread.
func (s *Connections) Partitions() int { return s.partitions }

func (s *Connections) key(id string) item {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return key(connectionKey(int(h.Sum32()%uint32(s.partitions))), text(id)) //nolint:gosec // a small number
}

// Put registers a connection: 1 WRU.
func (s *Connections) Put(ctx context.Context, c connection.Connection) error {
	i := s.key(c.ID)
	i["a"], i["ck"] = millis(c.ConnectedAt), millis(c.CheckAt)
	i[TTLAttribute] = seconds(c.ConnectedAt.Add(leftover))
	if c.Authenticated() {
		identity, err := identityItem(c.Identity)
		if err != nil {
			return err
		}
		for name, value := range identity {
			i[name] = value
		}
	}
	if c.Session != "" {
		i["ss"] = text(c.Session)
	}
	if len(c.Rooms) > 0 {
		i["r"] = set(c.Rooms)
	}
	if !c.JoinedAt.IsZero() {
		i["ja"] = millis(c.JoinedAt)
	}
	if c.Strikes != 0 {
		i["st"] = number(c.Strikes)
	}
	if c.Sentence != 0 {
		i["bc"] = number(c.Sentence)
	}
	if c.Closing {
		i["cl"] = yes()
	}
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: i})
	return fault.Wrap("register connection", err)
}

func set(values []string) types.AttributeValue {
	return &types.AttributeValueMemberSS{Value: slices.Compact(slices.Sorted(slices.Values(values)))}
}

// identityItem is an identity's attributes.
func identityItem(id auth.Identity) (item, error) {
	i := item{"u": text(id.User)}
	if !id.Expires.IsZero() {
		i["tx"] = millis(id.Expires)
	}
	if id.Permissions != nil {
		b, err := json.Marshal(id.Permissions, json.Deterministic(true))
		if err != nil {
			return nil, fault.Wrap("encode permissions", err)
		}
		i["p"] = text(string(b))
	}
	return i, nil
}

// connectionOf reads a connection. Permissions that cannot be understood grant
// nothing.
func connectionOf(i item) connection.Connection {
	c := connection.Connection{
		ID:       textOf(i, SortKey),
		Identity: auth.Identity{User: textOf(i, "u"), Expires: timeOf(i, "tx")},
		Session:  textOf(i, "ss"), ConnectedAt: timeOf(i, "a"), Rooms: setOf(i, "r"), JoinedAt: timeOf(i, "ja"),
		CheckAt: timeOf(i, "ck"), Strikes: int(numberOf(i, "st")), Sentence: int(numberOf(i, "bc")), Closing: yesOf(i, "cl"),
	}
	if _, limited := i["p"]; limited {
		c.Identity.Permissions = auth.Permissions{}
		if err := json.Unmarshal([]byte(textOf(i, "p")), &c.Identity.Permissions); err != nil || c.Identity.Permissions == nil {
			c.Identity.Permissions = auth.Permissions{}
		}
	}
	return c
}

// Get reads a connection: 1 RRU.
func (s *Connections) Get(ctx context.Context, id string) (connection.Connection, error) {
	i, err := get(ctx, s.client, s.table, s.key(id), "read connection")
	if err != nil {
		return connection.Connection{}, err
	}
	if len(i) == 0 {
		return connection.Connection{}, connection.ErrNotFound
	}
	return connectionOf(i), nil
}

// Authenticate sets who is behind a connection: 1 WRU.
func (s *Connections) Authenticate(ctx context.Context, p connection.AuthenticateParams) (connection.Connection, error) {
	identity, err := identityItem(p.Identity)
	if err != nil {
		return connection.Connection{}, err
	}
	var sets, removes []string
	values := item{":ck": millis(p.CheckAt)}
	sets = append(sets, "ck = :ck")
	for _, name := range []string{"u", "tx", "p"} {
		if value, ok := identity[name]; ok {
			sets = append(sets, name+" = :"+name)
			values[":"+name] = value
		} else {
			removes = append(removes, name)
		}
	}
	if p.Session != "" {
		sets = append(sets, "ss = :ss")
		values[":ss"] = text(p.Session)
	}
	var add string
	if len(p.Rooms) > 0 {
		sets = append(sets, "ja = :ja")
		values[":ja"], values[":r"] = millis(p.Now), set(p.Rooms)
		add = " ADD r :r"
	}
	expression := "SET " + strings.Join(sets, ", ") + add
	if len(removes) > 0 {
		expression += " REMOVE " + strings.Join(removes, ", ")
	}
	i, err := s.change(ctx, p.ID, "authenticate connection", expression,
		open+" AND (attribute_not_exists(u) OR u = :u)", values)
	if err != nil {
		found, err := standing(err)
		if err != nil {
			return connection.Connection{}, err
		}
		if c := connectionOf(found); len(found) > 0 && !c.Closing {
			return connection.Connection{}, connection.ErrOtherUser
		}
		return connection.Connection{}, connection.ErrNotFound
	}
	return connectionOf(i), nil
}

// AddRoom adds a room: 1 WRU.
func (s *Connections) AddRoom(ctx context.Context, p connection.AddRoomParams) error {
	_, err := s.change(ctx, p.ID, "add room", "SET ja = :ja ADD r :r",
		open+" AND (attribute_not_exists(r) OR size(r) < :max OR contains(r, :room))",
		item{":ja": millis(p.Now), ":r": set([]string{p.Room}), ":room": text(p.Room), ":max": number(p.Max)})
	if err == nil {
		return nil
	}
	found, err := standing(err)
	if err != nil {
		return err
	}
	if c := connectionOf(found); len(found) > 0 && !c.Closing {
		return connection.ErrTooManyRooms
	}
	return connection.ErrNotFound
}

// DropRoom removes a room: 1 WRU.
func (s *Connections) DropRoom(ctx context.Context, id, room string) error {
	return s.changeOpen(ctx, id, "drop room", "DELETE r :r", item{":r": set([]string{room})})
}

// Check records a look: 1 WRU.
func (s *Connections) Check(ctx context.Context, id string, strikes int, next time.Time) error {
	return s.changeOpen(ctx, id, "record check", "SET st = :st, ck = :ck", item{":st": number(strikes), ":ck": millis(next)})
}

// Condemn makes a connection due: 1 WRU.
func (s *Connections) Condemn(ctx context.Context, id string, code int, now time.Time) error {
	if code == 0 {
		return s.changeOpen(ctx, id, "make connection due", "SET ck = :ck", item{":ck": millis(now)})
	}
	return s.changeOpen(ctx, id, "condemn connection", "SET ck = :ck, bc = :bc",
		item{":ck": millis(now), ":bc": number(code)})
}

// MarkClosing ends a connection but for its traces: 1 WRU.
func (s *Connections) MarkClosing(ctx context.Context, id string, next time.Time) error {
	_, err := s.change(ctx, id, "mark connection as closing", "SET cl = :yes, ck = :ck", "attribute_exists(pk)",
		item{":yes": yes(), ":ck": millis(next)})
	return notFound(err)
}

// Delete forgets a connection: 1 WRU.
func (s *Connections) Delete(ctx context.Context, id string, joinedAt time.Time) (bool, error) {
	input := &dynamodb.DeleteItemInput{
		TableName: &s.table, Key: s.key(id),
		ConditionExpression: aws.String("attribute_not_exists(ja)"),
	}
	if !joinedAt.IsZero() {
		input.ConditionExpression = aws.String("attribute_not_exists(pk) OR ja = :ja")
		input.ExpressionAttributeValues = item{":ja": millis(joinedAt)}
	}
	_, err := s.client.DeleteItem(ctx, input)
	if err == nil {
		return true, nil
	}
	if _, err = standing(refused("delete connection", err)); err != nil {
		return false, err
	}
	return false, nil
}

// duePage is how many items of a partition are looked at in one read.
const duePage = 1000

// Due reads connections to look at: 0.5 RRU per 4 KB of all items passed over.
func (s *Connections) Due(ctx context.Context, p connection.DueParams) ([]connection.Connection, string, error) {
	pk := connectionKey(p.Partition)
	input := &dynamodb.QueryInput{
		TableName:                 &s.table,
		KeyConditionExpression:    aws.String("pk = :pk"),
		FilterExpression:          aws.String("ck <= :now"),
		ExpressionAttributeValues: item{":pk": text(pk), ":now": millis(p.Now)},
		Limit:                     aws.Int32(duePage),
	}
	if p.Cursor != "" {
		input.ExclusiveStartKey = key(pk, text(p.Cursor))
	}
	out, err := s.client.Query(ctx, input)
	if err != nil {
		return nil, "", fault.Wrap("read due connections", err)
	}
	due := make([]connection.Connection, 0, len(out.Items))
	for _, i := range out.Items {
		due = append(due, connectionOf(i))
	}
	return due, textOf(out.LastEvaluatedKey, SortKey), nil
}

// change updates a connection under a condition.
func (s *Connections) change(ctx context.Context, id, operation, expression, condition string, values item) (item, error) {
	return update{table: s.table, key: s.key(id), set: expression, condition: condition, values: values}.run(ctx, s.client, operation)
}

// changeOpen updates a connection that is not over.
func (s *Connections) changeOpen(ctx context.Context, id, operation, expression string, values item) error {
	_, err := s.change(ctx, id, operation, expression, open, values)
	return notFound(err)
}

// notFound turns a failed condition into ErrNotFound.
func notFound(err error) error {
	if err == nil {
		return nil
	}
	if _, err = standing(err); err != nil {
		return err
	}
	return connection.ErrNotFound
}
