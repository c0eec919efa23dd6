// Package room keeps the members of rooms, and presence.
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
	// JoinedAt is when API Gateway took the join that wrote the membership. One
	// connection's commands may run late and in any order, so their own time
	// decides, not the function's.
	JoinedAt time.Time
	// NoPresence is true if the member's token does not grant presence, so that
	// it is not told who comes and goes. After a change of token, the next sweep
	// updates it.
	NoPresence bool
	// Regrants is the connection's count for the token that NoPresence follows.
	Regrants int
	// Behind is true if live delivery has stopped until the member joins again.
	// It only saves posts: the connection holds the record that the member must
	// be told.
	Behind bool
}

// TombstoneFor is the time for which a leave's tombstone keeps older joins out. Every
// join that API Gateway took before is over by then: it waits up to 29 s for the
// function
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html),
// which runs for as long at most, and a minute is left for clocks that disagree.
const TombstoneFor = 2 * time.Minute

// Roll is one read of one shard of a room.
type Roll struct {
	Members []Member
	// Expired are the connections whose tombstones have expired. DynamoDB deletes
	// them within days; a reader that finds many should DropTombstone them, because
	// every read pays for them.
	Expired []string
}

// Shard returns which of a room's shards a connection belongs to.
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
