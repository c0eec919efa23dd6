// Package room knows who is a member of which room, and presence.
package room

import "time"

// Member is one connection's membership in a room.
type Member struct {
	Room         string
	ConnectionID string
	User         string
	Session      string
	// Shard is the partition of the room that the member belongs to.
	Shard int
	// JoinedAt is when API Gateway took the join that the membership was last
	// written for: commands of one connection may run late and in any order, so
	// their own time decides, not the function's.
	JoinedAt time.Time
	// NoPresence says that its token does not grant presence: it is not told
	// who comes and goes. A token that replaces that one counts from the next
	// sweep on.
	NoPresence bool
	// Regrants is the connection's, as of the token that NoPresence follows.
	Regrants int
	// Behind says that live delivery to this member has stopped until it joins
	// again. It only saves posts: that the member must be told is on record in its
	// connection.
	Behind bool
}

// MarkFor is for how long a leave keeps older joins of its room out. One that
// API Gateway took before is over by then: it waits up to 29 s for the function
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html),
// which runs as long at most, and a minute is left for clocks that disagree.
const MarkFor = 2 * time.Minute

// Roll is one shard of a room as it was read.
type Roll struct {
	Members []Member
	// Expired are the connections whose leave has left a mark that has
	// expired. DynamoDB deletes them within days; a reader that meets many
	// does better to Unmark them, since every read pays for them.
	Expired []string
}

// Shard is the partition of a room with so many of them that a connection
// belongs to.
func Shard(connectionID string, shards int) int {
	if shards <= 1 {
		return 0
	}
	var h uint32 = 2166136261 // FNV-1a
	for i := range len(connectionID) {
		h = (h ^ uint32(connectionID[i])) * 16777619
	}
	return int(h % uint32(shards)) //nolint:gosec // more than one, and few
}
