package dynamo

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Attribute names are short because DynamoDB counts them into an item's size
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
// Times are ms since the Unix epoch, except x, which TTL requires in seconds.
//
//	all         x   may be forgotten from here on
//	head        e   epoch               n   highest number handed out
//	            d   delivered           q   pending since
//	            qr  shortest retention of what is pending
//	            lo  lease's owner       lu  lease's end
//	            lg  writes of lo, lu    sh  shards
//	entry       u   user                a   published at
//	            k   key                 j   data, JSON
//	            c   origin connection   v   void
//	            vl  lost
//	mark        e   epoch               n   number that the key stands for
//	member      u   user                ss  session
//	            a   joined or left at   b   behind
//	            l   has left
//	            np  sees no presence    pn  the connection's, as of np
//	connection  u   user                ss  session
//	            p   permissions, JSON   tx  token expires
//	            a   connected at        r   rooms: joined at
//	            ja  latest join began   ck  next check
//	            pn  p replaced, times   pc  of those, carried to members
//	            st  strikes             bc  sentence
//	            cl  closing             ti  token issued
//	            ta  token shown at
//	            b#<room>  behind there: j the join's time, t recorded at
//	limit       n   used in the window
//	ticket      u, p, ti, tx as above   te  valid until
//	            tc  used by connection
//	revocations v#<user>\x00<session>   revoked at
type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number[N ~int | ~int64 | ~uint64](n N) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

func yes() types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: true} }

func millis(t time.Time) types.AttributeValue { return number(t.UnixMilli()) }

// seconds rounds up, so that nothing expires early.
func seconds(t time.Time) types.AttributeValue { return number(t.Add(time.Second - 1).Unix()) }

func key(pk string, sk types.AttributeValue) item {
	return item{PartitionKey: text(pk), SortKey: sk}
}

// The readers below return the zero value for an attribute that is absent or of
// another type: a newer or a broken item must not stop its neighbours. Where the
// zero value would permit something, the reader's comment says what it returns
// instead.

func textOf(i item, name string) string {
	if s, ok := i[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// numeral returns a number as written.
func numeral(i item, name string) string {
	if n, ok := i[name].(*types.AttributeValueMemberN); ok {
		return n.Value
	}
	return ""
}

func numberOf(i item, name string) int64 {
	if n, ok := i[name].(*types.AttributeValueMemberN); ok {
		v, err := strconv.ParseInt(n.Value, 10, 64)
		if err == nil {
			return v
		}
	}
	return 0
}

func countOf(i item, name string) uint64 {
	if n, ok := i[name].(*types.AttributeValueMemberN); ok {
		v, err := strconv.ParseUint(n.Value, 10, 64)
		if err == nil {
			return v
		}
	}
	return 0
}

func yesOf(i item, name string) bool {
	b, ok := i[name].(*types.AttributeValueMemberBOOL)
	return ok && b.Value
}

func mapOf(i item, name string) item {
	if m, ok := i[name].(*types.AttributeValueMemberM); ok {
		return m.Value
	}
	return nil
}

func timeOf(i item, name string) time.Time {
	if ms := numberOf(i, name); ms != 0 {
		return time.UnixMilli(ms).UTC()
	}
	return time.Time{}
}

// expired reports whether an item has expired: TTL deletes only within days
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html).
func expired(i item, now time.Time) bool {
	x := numberOf(i, TTLAttribute)
	return x != 0 && x <= now.Unix()
}
