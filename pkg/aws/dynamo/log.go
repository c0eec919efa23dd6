package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

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

// TakeNumber hands out a number: 1 WRU, and one more if another function, with
// other settings, has set a later end or a shorter retention. Each attempt has
// its own epoch, the given one and a number, so that a late attempt does not
// bring back the epoch that another began.
func (l *Log) TakeNumber(ctx context.Context, p msglog.TakeParams) (msglog.Head, error) {
	var stands item
	tries := 0
	for range takeTries {
		i, err := attempts(ctx, l.client, "take number", func(int) update {
			mine := p
			if tries++; tries > 1 {
				mine.FreshEpoch += "." + strconv.Itoa(tries)
			}
			return l.take(mine, stands)
		})
		if err == nil {
			return headOf(i), nil
		}
		if stands, err = existing(err); err != nil {
			return msglog.Head{}, err
		}
	}
	return msglog.Head{}, fmt.Errorf("take number: the head of %s refuses its own end or retention", p.Room)
}

// takeTries limits the attempts to take a number: before each, another function
// has changed the head's end or retention.
const takeTries = 8

// take leaves the head's end alone if it is later than ours or unreadable, and
// the retention if it is shorter, as far as these are known from the head that
// refused before.
func (l *Log) take(p msglog.TakeParams, stands item) update {
	end, retention := p.Expires.Add(time.Second-1).Unix(), p.Retention.Milliseconds()
	set := "SET e = if_not_exists(e, :fresh), sh = if_not_exists(sh, :one), q = if_not_exists(q, :now)"
	var condition string
	if stands["x"] == nil || within(stands, "x", 0, end) {
		set += ", x = :x"
		condition = "(attribute_not_exists(x) OR x <= :x)"
	} else {
		condition = "attribute_exists(x) AND NOT x <= :x"
	}
	if stands["qr"] == nil || within(stands, "qr", retention, math.MaxInt64) {
		set += ", qr = :qr"
		condition += " AND (attribute_not_exists(qr) OR qr >= :qr)"
	} else {
		condition += " AND attribute_exists(qr) AND NOT qr >= :qr"
	}
	return update{
		table: l.rooms, key: key(headKey(p.Room), text(headSort)),
		set: set + " ADD n :one", condition: condition,
		values: item{
			":fresh": text(p.FreshEpoch), ":one": number(1), ":now": millis(p.Now),
			":x": number(end), ":qr": number(retention),
		},
	}
}

// within reports whether an attribute is a whole number from low to high.
func within(i item, name string, low, high int64) bool {
	n, err := strconv.ParseInt(numeral(i, name), 10, 64)
	return err == nil && low <= n && n <= high
}

// StartOver ends an epoch of the log: 1 WRU.
func (l *Log) StartOver(ctx context.Context, p msglog.StartOverParams) error {
	_, err := l.attempt(ctx, "start over", l.head(p.Room,
		"ADD lg :one SET e = :fresh REMOVE d, lo, lu, n, q, qr", "e = :e",
		item{":fresh": text(p.FreshEpoch), ":e": text(p.Epoch), ":one": number(1)},
	))
	return err
}

func headOf(i item) msglog.Head {
	return msglog.Head{
		Epoch: textOf(i, "e"), Seq: countOf(i, "n"), Delivered: countOf(i, "d"),
		PendingSince: timeOf(i, "q"), Retention: time.Duration(numberOf(i, "qr")) * time.Millisecond,
		Lease:      msglog.Lease{Owner: textOf(i, "lo"), Until: timeOf(i, "lu")},
		Generation: countOf(i, "lg"),
		Shards:     int(numberOf(i, "sh")),
	}
}

// unreadable holds for an unreadable mark. It counts as absent, so that it does
// not keep its user from publishing.
const unreadable = "NOT attribute_type(e, :text) OR NOT attribute_type(n, :number)"

// Mark claims a key: 1 WRU, whether or not it was free.
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

// MoveMark moves a key: 1 WRU, and one more if another function, with a longer
// window, has set a later end. A missing mark is written again, because the
// number that it stood for is void. An expired mark needs no care: it still
// stands for From, or it was claimed again and is fresh.
func (l *Log) MoveMark(ctx context.Context, p msglog.MoveParams) (msglog.Position, error) {
	move := update{
		table: l.log, key: key(markKey(p.Room, p.User, p.Key), number(0)),
		set:       "SET e = :e, n = :n, x = :x",
		condition: "attribute_not_exists(pk) OR (e = :was AND n = :from AND NOT x > :x)",
		values: item{
			":e": text(p.To.Epoch), ":n": number(p.To.Seq), ":x": seconds(p.Expires),
			":was": text(p.From.Epoch), ":from": number(p.From.Seq),
		},
	}
	at, err := positionOf(move.run(ctx, l.client, "move key"))
	if err != nil || at != p.From {
		return at, err
	}
	move.set, move.condition = "SET e = :e, n = :n", "e = :was AND n = :from AND x > :x"
	return positionOf(move.run(ctx, l.client, "move key"))
}

// positionOf returns the position of a key, as written or as found.
func positionOf(i item, err error) (msglog.Position, error) {
	if err != nil {
		if i, err = existing(err); err != nil {
			return msglog.Position{}, err
		}
	}
	return msglog.Position{Epoch: textOf(i, "e"), Seq: countOf(i, "n")}, nil
}

// Fill writes an entry: 1 WRU per KB begun, whether or not the number was free.
func (l *Log) Fill(ctx context.Context, p msglog.FillParams) (msglog.Entry, bool, error) {
	_, err := l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &l.log, Item: entryItem(p),
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return p.Entry, true, nil
	}
	found, err := existing(refused("fill number", err))
	if err != nil {
		return msglog.Entry{}, false, err
	}
	e := l.entryOf(ctx, found)
	e.Seq = p.Entry.Seq
	return e, false, nil
}

// markKey hides the user and the key in a hash of fixed length. The hash includes
// the user's length, so that no two pairs are alike.
func markKey(room, user, k string) string {
	b := binary.AppendUvarint(nil, uint64(len(user)))
	sum := sha256.Sum256(append(append(b, user...), k...))
	return "k#" + room + "#" + base64.RawURLEncoding.EncodeToString(sum[:])
}
