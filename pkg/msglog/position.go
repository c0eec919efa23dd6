package msglog

import "time"

// Position is a place in a room's log: an epoch and a number in it.
//
// Example: a client that handled entry 44 of epoch "x" keeps {x, 44}. If the log
// expires meanwhile, the next message is {y, 1}. A plain number would make the
// client wait for 45 forever; the epoch tells it to start again.
type Position struct {
	Epoch string
	Seq   uint64
}

// Head is a room's head item: the sequencer, and the pointer to what has been
// delivered. The zero Head stands for a room that nobody has written to.
type Head struct {
	// Epoch identifies this incarnation of the log.
	Epoch string
	// Seq is the highest number handed out. Its entry may not be written yet.
	Seq uint64
	// Delivered is the number up to which every member has been served. All
	// numbers up to it are filled.
	Delivered uint64
	// PendingSince is a time before which no number above Delivered was handed
	// out. It is zero if nothing is pending.
	PendingSince time.Time
	// Retention is the shortest with which a number above Delivered was taken, as
	// functions of two deployments may have two; zero while there is none.
	Retention time.Duration
	// Lease is the drain lease; its zero value means that nobody holds it.
	Lease Lease
	// Generation counts the writes that take, renew or give back the lease. While
	// it is unchanged, so are Lease and Delivered.
	Generation uint64
	// Shards is the number of partitions that hold the room's members.
	Shards int
}

// Position returns the highest number handed out.
func (h Head) Position() Position { return Position{h.Epoch, h.Seq} }

// Pending reports whether numbers were handed out that are not delivered yet.
func (h Head) Pending() bool { return h.Seq > h.Delivered }

// Lease is the right to drain a room. It only saves work: two concurrent drainers
// do no harm, so clocks may be wrong.
type Lease struct {
	Owner string
	Until time.Time
}

// Live reports whether somebody may still hold the lease at now.
func (l Lease) Live(now time.Time) bool { return l.Owner != "" && now.Before(l.Until) }
