package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/gapless-rooms/gapless/pkg/msglog"
)

var _ msglog.Store = (*Log)(nil)

// Log keeps heads in the rooms table, entries and marks in the log table. It
// is safe for concurrent use.
type Log struct {
	client     API
	rooms, log string
	logger     *slog.Logger
}

// NewLog returns a Log over two tables.
func NewLog(client API, roomsTable, logTable string, logger *slog.Logger) *Log {
	return &Log{client, roomsTable, logTable, logger}
}

// Head reads a head: 1 RRU.
func (l *Log) Head(ctx context.Context, room string) (msglog.Head, error) {
	i, err := get(ctx, l.client, l.rooms, key(headKey(room), text(headSort)), true, "read head")
	if err != nil {
		return msglog.Head{}, err
	}
	return headOf(i), nil
}

// TakeNumber hands out a number: 1 WRU.
func (l *Log) TakeNumber(ctx context.Context, p msglog.TakeParams) (msglog.Head, error) {
	i, err := update{
		table: l.rooms, key: key(headKey(p.Room), text(headSort)),
		set: "SET e = if_not_exists(e, :fresh), sh = if_not_exists(sh, :one), " +
			"q = if_not_exists(q, :now), x = :x ADD n :one",
		values: item{":fresh": text(p.FreshEpoch), ":one": number(1), ":now": millis(p.Now), ":x": seconds(p.Expires)},
	}.run(ctx, l.client, "take number")
	if err != nil {
		return msglog.Head{}, err
	}
	return headOf(i), nil
}

func headOf(i item) msglog.Head {
	return msglog.Head{
		Epoch: textOf(i, "e"), Seq: countOf(i, "n"), Delivered: countOf(i, "d"),
		PendingSince: timeOf(i, "q"),
		Lease:        msglog.Lease{Owner: textOf(i, "lo"), Until: timeOf(i, "lu")},
		Generation:   countOf(i, "lg"),
		Shards:       int(numberOf(i, "sh")),
	}
}

// unreadable is true of a mark that says nothing. It counts as absent: it must
// not keep its user from publishing.
const unreadable = "NOT attribute_type(e, :text) OR NOT attribute_type(n, :number)"

// Mark claims a key: 1 WRU, whether it was free or not.
func (l *Log) Mark(ctx context.Context, p msglog.MarkParams) (msglog.Position, error) {
	i, err := update{
		table: l.log, key: key(markKey(p.Room, p.User, p.Key), number(0)),
		set:       "SET e = :e, n = :n, x = :x",
		condition: "attribute_not_exists(pk) OR x <= :now OR " + unreadable,
		values: item{
			":text": text("S"), ":number": text("N"),
			":e": text(p.Position.Epoch), ":n": number(p.Position.Seq), ":x": seconds(p.Expires),
			":now": number(p.Now.Unix()),
		},
	}.run(ctx, l.client, "claim key")
	return positionOf(i, err)
}

// MoveMark moves a key: 1 WRU. A mark that is gone meanwhile is written anew:
// the number it stood for is void. One that has expired needs no care: it still
// stands for From, or another has claimed it since and it is fresh.
func (l *Log) MoveMark(ctx context.Context, p msglog.MoveParams) (msglog.Position, error) {
	i, err := update{
		table: l.log, key: key(markKey(p.Room, p.User, p.Key), number(0)),
		set:       "SET e = :e, n = :n, x = :x",
		condition: "attribute_not_exists(pk) OR (e = :was AND n = :from)",
		values: item{
			":e": text(p.To.Epoch), ":n": number(p.To.Seq), ":x": seconds(p.Expires),
			":was": text(p.From.Epoch), ":from": number(p.From.Seq),
		},
	}.run(ctx, l.client, "move key")
	return positionOf(i, err)
}

// positionOf is where the key stands: as written, or as found.
func positionOf(i item, err error) (msglog.Position, error) {
	if err != nil {
		if i, err = standing(err); err != nil {
			return msglog.Position{}, err
		}
	}
	return msglog.Position{Epoch: textOf(i, "e"), Seq: countOf(i, "n")}, nil
}

// Fill writes an entry: 1 WRU per KB begun, whether the number was free or not.
func (l *Log) Fill(ctx context.Context, p msglog.FillParams) (msglog.Entry, bool, error) {
	_, err := l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &l.log, Item: entryItem(p),
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return p.Entry, true, nil
	}
	found, err := standing(refused("fill number", err))
	if err != nil {
		return msglog.Entry{}, false, err
	}
	e := l.entryOf(ctx, found)
	e.Seq = p.Entry.Seq
	return e, false, nil
}

// markKey hides the user and the key behind a hash of fixed length. The
// user's length goes in first, so that no two pairs look alike.
func markKey(room, user, k string) string {
	b := binary.AppendUvarint(nil, uint64(len(user)))
	sum := sha256.Sum256(append(append(b, user...), k...))
	return "k#" + room + "#" + base64.RawURLEncoding.EncodeToString(sum[:])
}
