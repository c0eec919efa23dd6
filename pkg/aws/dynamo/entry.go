package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/aws/fault"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// Entries reads a page of a log: 1 RRU per 4 KB begun.
func (l *Log) Entries(ctx context.Context, p msglog.RangeParams) ([]msglog.Entry, error) {
	input := &dynamodb.QueryInput{
		TableName:              &l.log,
		KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :from AND :upto"),
		ExpressionAttributeValues: item{
			":pk": text(entryKey(p.Room, p.Epoch)), ":from": number(p.After + 1), ":upto": number(p.Upto),
		},
		ConsistentRead:   aws.Bool(true),
		ScanIndexForward: aws.Bool(!p.Backward),
		Limit:            aws.Int32(int32(p.Limit)), //nolint:gosec // a page is small
	}
	if p.Upto <= p.After {
		return nil, nil // DynamoDB refuses a BETWEEN with its bounds reversed
	}
	for {
		out, err := l.client.Query(ctx, input)
		if err != nil {
			return nil, fault.Wrap("read entries", err)
		}
		entries := make([]msglog.Entry, 0, len(out.Items))
		for n := range out.Items {
			i := out.Items[n]
			if p.Backward {
				i = out.Items[len(out.Items)-1-n]
			}
			if !expired(i, p.Now) {
				entries = append(entries, l.entryOf(ctx, i))
			}
		}
		if len(entries) > 0 || len(out.LastEvaluatedKey) == 0 {
			return entries, nil
		}
		input.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func entryItem(p msglog.FillParams) item {
	i := key(entryKey(p.Room, p.Epoch), number(p.Entry.Seq))
	i[TTLAttribute] = seconds(p.Expires)
	if p.Entry.Void {
		i["v"] = yes()
		return i
	}
	i["u"], i["a"], i["j"] = text(p.Entry.User), millis(p.Entry.At), text(string(p.Entry.Data))
	if p.Entry.Key != "" {
		i["k"] = text(p.Entry.Key)
	}
	if p.Entry.Origin != "" {
		i["c"] = text(p.Entry.Origin)
	}
	return i
}

// entryOf reads an entry. One that cannot be understood counts as void: its
// number is taken, and it must not stop the room.
func (l *Log) entryOf(ctx context.Context, i item) msglog.Entry {
	seq := countOf(i, SortKey)
	if yesOf(i, "v") {
		return msglog.Void(seq)
	}
	e := msglog.Entry{
		Seq: seq, User: textOf(i, "u"), At: timeOf(i, "a"), Key: textOf(i, "k"),
		Data: []byte(textOf(i, "j")), Origin: textOf(i, "c"),
	}
	if e.User == "" || !jsontext.Value(e.Data).IsValid() {
		l.logger.WarnContext(ctx, "log entry that cannot be read counts as void", "key", textOf(i, PartitionKey), "seq", seq)
		return msglog.Void(seq)
	}
	return e
}
