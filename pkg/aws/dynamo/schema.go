// Package dynamo keeps connections, rooms and logs in DynamoDB: it implements the
// Stores of packages msglog, connection, room, limit, revocation and ticket. Read
// schema.go for the keys, attribute.go for the attributes' names, then log.go.
package dynamo

import "strconv"

// Every table has a partition key "pk", a sort key "sk" and a TTL attribute "x".
// There is no secondary index, because each costs a write per write.
const (
	PartitionKey = "pk"
	SortKey      = "sk"
	TTLAttribute = "x"
)

// Table describes a table to the CDK app and the local stack, which create it.
type Table struct {
	Name string // "connections", "rooms" or "log"
	// NumericSort is true if the sort key is a number rather than a string.
	NumericSort bool
}

// Schema returns all tables.
//
//	connections  pk c#<partition>          sk <connection>  a connection
//	             pk v#<shard>              sk v             revocations of a sixteenth of the users
//	             pk l#<name>/<key>         sk <start>       what a limit has given in a window
//	             pk t#<digest>             sk t             a ticket
//	rooms        pk h#<room>               sk h             the room's head
//	             pk m#<room>#<shard>       sk <connection>  a membership
//	log          pk e#<room>#<epoch>       sk <number>      an entry
//	             pk k#<room>#<hash>        sk 0             an idempotency mark
//
// A head, its entries, its marks and its members are in separate partitions, so
// that a busy room spreads its load over several times DynamoDB's 1,000 writes a
// second. Room names contain no '#'.
//
// The connections have no index by next check or by user. The sweeper queries
// each partition and reads everything: reading 100,000 items of 250 bytes once a
// minute is about 3,100 eventually consistent read units, about 17 USD a month,
// compared with the 1,095 USD that API Gateway charges for their connection
// minutes. An index would cost one more write per connect and two more per check.
func Schema() []Table {
	return []Table{{Name: "connections"}, {Name: "rooms"}, {Name: "log", NumericSort: true}}
}

const headSort = "h"

func headKey(room string) string { return "h#" + room }

func shardKey(room string, shard int) string { return "m#" + room + "#" + strconv.Itoa(shard) }

func entryKey(room, epoch string) string { return "e#" + room + "#" + epoch }

func connectionKey(partition int) string { return "c#" + strconv.Itoa(partition) }
