// Package dynamo keeps connections, rooms and logs in DynamoDB: the adapter for
// the Stores of packages connection, room and msglog. Read schema.go for where
// everything lies, attribute.go for what it is called, then log.go.
package dynamo

import "strconv"

// Every table has a partition key "pk", a sort key "sk" and a TTL attribute
// "x". There is no secondary index: each would cost a write per write.
const (
	PartitionKey = "pk"
	SortKey      = "sk"
	TTLAttribute = "x"
)

// Table describes one table to whoever creates it: the CDK app and the local
// stack.
type Table struct {
	Name string // "connections", "rooms" or "log"
	// NumericSort says that the sort key is a number rather than a string.
	NumericSort bool
}

// Schema is all tables.
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
// A head, its entries, its marks and its members lie in partitions of their
// own, so that a busy room spreads its load over several of DynamoDB's 1,000
// writes a second. Room names contain no '#'.
//
// The connections have no index by next check or by user. The sweeper queries
// each partition and looks at all: reading 100,000 items of 250 bytes once a
// minute is about 3,100 eventually consistent read units, some 17 USD a month
// beside the 1,095 USD that API Gateway takes for their connection minutes. An
// index would cost a write more at each connect and two more at each check.
func Schema() []Table {
	return []Table{{Name: "connections"}, {Name: "rooms"}, {Name: "log", NumericSort: true}}
}

const headSort = "h"

func headKey(room string) string { return "h#" + room }

func shardKey(room string, shard int) string { return "m#" + room + "#" + strconv.Itoa(shard) }

func entryKey(room, epoch string) string { return "e#" + room + "#" + epoch }

func connectionKey(partition int) string { return "c#" + strconv.Itoa(partition) }
