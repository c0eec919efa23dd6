package dynamo

import (
	"context"
	"math"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapless-rooms/gapless/pkg/aws/fault"
	"github.com/gapless-rooms/gapless/pkg/msglog"
)

// Entries reads a page of a log: 1 RRU per 4 KB begun of what was read, not of
// what is returned.
func (l *Log) Entries(ctx context.Context, p msglog.RangeParams) ([]msglog.Entry, error) {
	if p.Upto <= p.After || p.Limit <= 0 {
		return nil, nil // DynamoDB refuses a BETWEEN with its bounds reversed
	}
	limit := min(p.Limit, math.MaxInt32)
	out, err := l.client.Query(ctx, &dynamodb.QueryInput{
		TableName:              &l.log,
		KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :from AND :upto"),
		// An entry without an expiry has not expired, hence the NOT.
		FilterExpression: aws.String("NOT (x <= :now)"),
		ExpressionAttributeValues: item{
			":pk": text(entryKey(p.Room, p.Epoch)), ":from": number(p.After + 1), ":upto": number(p.Upto),
			":now": number(p.Now.Unix()),
		},
		ConsistentRead:   aws.Bool(true),
		ScanIndexForward: aws.Bool(!p.Backward),
		Limit:            aws.Int32(int32(limit)),
	})
	if err != nil {
		return nil, fault.Wrap("read entries", err)
	}
	entries := l.entriesOf(ctx, out.Items, limit)
	if p.Backward {
		slices.Reverse(entries)
	}
	return entries, nil
}

func (l *Log) entriesOf(ctx context.Context, items []item, limit int) []msglog.Entry {
	entries := make([]msglog.Entry, 0, min(len(items), limit))
	for _, i := range items {
		if len(entries) == limit {
			break
		}
		if e := l.entryOf(ctx, i); e.Seq > 0 { // a number is not a fraction
			entries = append(entries, e)
		}
	}
	return entries
}

func entryItem(p msglog.FillParams) item {
	i := key(entryKey(p.Room, p.Epoch), number(p.Entry.Seq))
	i[TTLAttribute] = seconds(p.Expires)
	if p.Entry.Void {
		i["v"] = yes()
		if p.Entry.Lost {
			i["vl"] = yes()
		}
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

// entryOf reads an entry. An unreadable entry counts as void: its number is
// taken, and it must not stop the room.
func (l *Log) entryOf(ctx context.Context, i item) msglog.Entry {
	seq := countOf(i, SortKey)
	if yesOf(i, "v") {
		void := msglog.Void(seq)
		void.Lost = i["vl"] != nil
		return void
	}
	e := msglog.Entry{
		Seq: seq, User: textOf(i, "u"), At: timeOf(i, "a"), Key: textOf(i, "k"),
		Data: []byte(textOf(i, "j")), Origin: textOf(i, "c"),
	}
	if e.User == "" || e.At.IsZero() || !optionalText(i, "k") || !optionalText(i, "c") || !jsontext.Value(e.Data).IsValid() {
		l.logger.WarnContext(ctx, "an unreadable log entry counts as void", "key", textOf(i, PartitionKey), "seq", seq)
		return msglog.Void(seq)
	}
	return e
}

// optionalText reports whether an attribute is text or absent.
func optionalText(i item, name string) bool {
	value, present := i[name]
	_, isText := value.(*types.AttributeValueMemberS)
	return isText || !present
}
