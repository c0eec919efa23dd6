package dynamo

import (
	"context"
	"hash/fnv"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/gapless-rooms/gapless/pkg/aws/fault"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

var _ connection.Store = (*Connections)(nil)

// Connections keeps connections. It is safe for concurrent use.
//
// TTL is only a fallback, a day after API Gateway must have closed the
// connection. An expired connection that still exists is returned, so that the
// sweeper removes its memberships with it.
type Connections struct {
	client     API
	table      string
	partitions int
	page       int32 // items that one read of Due reads
}

// NewConnections returns Connections over a table, spread over the given number
// of partitions, at least one. All functions must use the same number, because it
// determines, with the id, a connection's partition.
func NewConnections(client API, table string, partitions int) *Connections {
	return &Connections{client, table, max(1, partitions), duePage}
}

// WithPage returns s with that many items in a page of Due. With it, tests reach
// further pages without a large deployment.
func (s *Connections) WithPage(items int32) *Connections {
	return &Connections{s.client, s.table, s.partitions, items}
}

// open is the condition of every change except MarkClosing: no change may bring a
// connection back.
const open = "attribute_exists(pk) AND attribute_not_exists(cl)"

// unsentenced is added to changes that set the next check: a condemned connection
// stays due, or a kicked user could put off the end by authenticating again and
// again.
const unsentenced = " AND attribute_not_exists(bc)"

// Partitions returns the number of partitions that hold the connections.
func (s *Connections) Partitions() int { return s.partitions }

func (s *Connections) key(id string) item {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return key(connectionKey(int(h.Sum32()%uint32(s.partitions))), text(id)) //nolint:gosec // a small number
}

// Put registers a connection: 1 WRU, even if it is registered already.
func (s *Connections) Put(ctx context.Context, c connection.Connection) error {
	i, err := connectionItem(c)
	if err != nil {
		return err
	}
	maps.Copy(i, s.key(c.ID))
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: i, ConditionExpression: aws.String("attribute_not_exists(pk)"),
	})
	if err == nil {
		return nil
	}
	_, err = existing(refused("register connection", err))
	return err
}

// Get reads a connection: 1 RRU per 4 KB begun.
func (s *Connections) Get(ctx context.Context, id string) (connection.Connection, error) {
	return s.read(ctx, id, true)
}

// Peek reads a connection as it was a moment ago: 0.5 RRU per 4 KB begun.
func (s *Connections) Peek(ctx context.Context, id string) (connection.Connection, error) {
	return s.read(ctx, id, false)
}

func (s *Connections) read(ctx context.Context, id string, consistent bool) (connection.Connection, error) {
	i, err := get(ctx, s.client, s.table, s.key(id), consistent, "read connection")
	if err != nil {
		return connection.Connection{}, err
	}
	if len(i) == 0 {
		return connection.Connection{}, connection.ErrNotFound
	}
	return connectionOf(i), nil
}

// joinTries is more than the number of reasons to repeat AddRoom.
const joinTries = 4

// AddRoom adds a room: 1 WRU, and another if the room has a newer join, or a join
// of any room that began later was written before.
func (s *Connections) AddRoom(ctx context.Context, p connection.AddRoomParams) (connection.Connection, error) {
	newer, later := false, false
	for range joinTries {
		i, err := s.addition(p, newer, later).run(ctx, s.client, "add room")
		if err == nil {
			return connectionOf(i), nil
		}
		found, err := existing(err)
		if err != nil {
			return connection.Connection{}, err
		}
		c := connectionOf(found)
		newer, later = c.Rooms[p.Room].After(p.At), c.JoinedAt.After(p.Now)
		switch {
		case len(found) == 0 || c.Closing:
			return connection.Connection{}, connection.ErrNotFound
		case newer && later:
			return c, nil // nothing to set
		case !c.In(p.Room) && len(c.Rooms) >= p.Max:
			return connection.Connection{}, connection.ErrTooManyRooms
		}
	}
	return connection.Connection{}, connection.ErrNotFound // a time is unreadable: the client must reconnect
}

// addition is the update of AddRoom. newer and later say whether the room is
// known to have a newer join, or the connection a later one.
func (s *Connections) addition(p connection.AddRoomParams, newer, later bool) update {
	u := update{
		table: s.table, key: s.key(p.ID), condition: open,
		names: map[string]string{"#r": p.Room}, values: item{":ja": millis(p.Now), ":at": millis(p.At)},
	}
	var sets []string
	if later {
		u.condition += " AND ja > :ja"
	} else {
		u.condition += " AND NOT ja > :ja"
		sets = append(sets, "ja = :ja")
	}
	if newer {
		u.condition += " AND r.#r > :at"
	} else {
		u.condition += " AND (size(r) < :max OR attribute_exists(r.#r)) AND NOT r.#r > :at"
		u.values[":max"] = number(p.Max)
		sets = append(sets, "r.#r = :at")
	}
	u.set = "SET " + strings.Join(sets, ", ")
	return u
}

// DropRoom removes a room: 1 WRU.
func (s *Connections) DropRoom(ctx context.Context, id, room string, upto time.Time) error {
	_, err := update{
		table: s.table, key: s.key(id), set: "REMOVE r.#r",
		condition: open + " AND NOT r.#r > :upto",
		names:     map[string]string{"#r": room},
		values:    item{":upto": millis(upto)},
	}.run(ctx, s.client, "drop room")
	return unlessOpen(err) // refused though open: it has joined again
}

// Carry records that memberships follow the permissions: 1 WRU.
func (s *Connections) Carry(ctx context.Context, id string, upto int) error {
	_, err := s.change(ctx, id, "record permissions as carried over", "SET pc = :pc", open+" AND NOT pc > :pc", item{":pc": number(upto)})
	return unlessOpen(err)
}

// Check records a check: 1 WRU.
func (s *Connections) Check(ctx context.Context, p connection.CheckParams) error {
	values := item{":st": number(p.Strikes), ":ck": millis(p.Next)}
	condition := open + unsentenced
	if !p.Seen.IsZero() { // an unreadable date is replaced unconditionally
		condition += " AND ck = :seen"
		values[":seen"] = millis(p.Seen)
	}
	_, err := s.change(ctx, p.ID, "record check", "SET st = :st, ck = :ck", condition, values)
	return unlessOpen(err)
}

// MarkBehind records that a connection is behind in a room: 1 WRU. A late
// repetition finds a record of the same join or a newer one and changes nothing.
// If the sweeper has cleared the record, the connection is told once more.
func (s *Connections) MarkBehind(ctx context.Context, id, room string, joinedAt, now time.Time) error {
	_, err := update{
		table: s.table, key: s.key(id), set: "SET #b = :b",
		condition: open + " AND (attribute_not_exists(#b) OR #b.j < :j OR " + unreadableBehind + ")",
		names:     map[string]string{"#b": behindPrefix + room},
		values: item{
			":b": behindItem(connection.Behind{JoinedAt: joinedAt, At: now}), ":j": millis(joinedAt), ":number": text("N"),
		},
	}.run(ctx, s.client, "mark connection as behind")
	return unlessOpen(err)
}

// unreadableBehind holds for an unreadable record.
const unreadableBehind = "NOT attribute_type(#b.j, :number)"

// ClearBehind removes the record that a connection is behind: 1 WRU.
func (s *Connections) ClearBehind(ctx context.Context, id, room string, upto time.Time) error {
	_, err := update{
		table: s.table, key: s.key(id), set: "REMOVE #b",
		condition: open + " AND (NOT #b.j > :j OR " + unreadableBehind + ")",
		names:     map[string]string{"#b": behindPrefix + room},
		values:    item{":j": millis(upto), ":number": text("N")},
	}.run(ctx, s.client, "clear record of a connection that is behind")
	return unlessOpen(err)
}

// Condemn makes a connection due: 1 WRU. An unreadable sentence stays.
func (s *Connections) Condemn(ctx context.Context, id string, code int, now time.Time) error {
	_, err := s.change(ctx, id, "condemn connection", "SET ck = :ck, bc = :bc",
		open+" AND (attribute_not_exists(bc) OR bc < :bc)", item{":ck": millis(now), ":bc": number(code)})
	return unlessOpen(err)
}

// MarkClosing marks a connection as over: 1 WRU.
func (s *Connections) MarkClosing(ctx context.Context, id string, next time.Time) error {
	_, err := s.change(ctx, id, "mark connection as closing", "SET cl = :yes, ck = :ck", "attribute_exists(pk)",
		item{":yes": yes(), ":ck": millis(next)})
	return notFound(err)
}

// unreadableJoin holds for an unreadable time of the latest join: without it,
// nobody could ever delete its connection.
const unreadableJoin = "NOT attribute_type(ja, :number) OR ja > :max"

// Delete deletes a connection: 1 WRU.
func (s *Connections) Delete(ctx context.Context, id string, joinedAt time.Time) (bool, error) {
	input := &dynamodb.DeleteItemInput{
		TableName: &s.table, Key: s.key(id),
		ConditionExpression:       aws.String("attribute_not_exists(ja) OR " + unreadableJoin),
		ExpressionAttributeValues: item{":number": text("N"), ":max": number(int64(math.MaxInt64))},
	}
	if !joinedAt.IsZero() {
		input.ConditionExpression = aws.String("attribute_not_exists(pk) OR ja = :ja")
		input.ExpressionAttributeValues = item{":ja": millis(joinedAt)}
	}
	_, err := s.client.DeleteItem(ctx, input)
	if err == nil {
		return true, nil
	}
	if _, err = existing(refused("delete connection", err)); err != nil {
		return false, err
	}
	return false, nil
}

// duePage is the default number of items that one read of a partition reads.
const duePage = 1000

// Due reads connections to check: 0.5 RRU per 4 KB of all items read.
func (s *Connections) Due(ctx context.Context, p connection.DueParams) ([]connection.Connection, string, error) {
	pk := connectionKey(p.Partition)
	input := &dynamodb.QueryInput{
		TableName:              &s.table,
		KeyConditionExpression: aws.String("pk = :pk"),
		// A connection without a readable date is due, hence the NOT.
		FilterExpression:          aws.String("NOT (ck > :now) OR ck > :max"),
		ExpressionAttributeValues: item{":pk": text(pk), ":now": millis(p.Now), ":max": number(int64(math.MaxInt64))},
		Limit:                     &s.page,
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

// unlessOpen turns a failed condition into ErrNotFound if the connection is over.
// Otherwise what is stored is newer than the change, which counts as done.
func unlessOpen(err error) error {
	if err == nil {
		return nil
	}
	found, err := existing(err)
	if err == nil && (len(found) == 0 || found["cl"] != nil) {
		return connection.ErrNotFound
	}
	return err
}

// notFound turns a failed condition into ErrNotFound.
func notFound(err error) error {
	if err == nil {
		return nil
	}
	if _, err = existing(err); err != nil {
		return err
	}
	return connection.ErrNotFound
}
