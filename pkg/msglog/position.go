package msglog

import "time"

// Position is a place in a room's log: the epoch says in which incarnation,
// Seq where.
//
// Example: a client that handled entry 44 of epoch "x" keeps {x, 44}. If the
// log of its room has expired meanwhile, the next message is {y, 1}: a plain
// number would make the client wait for 45 for ever, the epoch tells it to
// start anew.
type Position struct {
	Epoch string
	Seq   uint64
}

// Head is a room's head item: the sequencer, and the mailbox pointer of the
// room as actor. The zero Head stands for a room that nobody ever wrote to.
type Head struct {
	// Epoch identifies this incarnation of the log.
	Epoch string
	// Seq is the highest number handed out. The entry behind it may still be
	// on its way.
	Seq uint64
	// Delivered is the number up to which every member has been served. All
	// numbers up to it are filled.
	Delivered uint64
	// PendingSince is a time before which no number above Delivered was handed
	// out; zero while there is none.
	PendingSince time.Time
	// Lease is the drain lease; its zero value means that nobody holds it.
	Lease Lease
	// Generation counts the writes of the lease: taking, renewing and giving it
	// back each raise it. While it stands still, nobody has moved Lease or
	// Delivered.
	Generation uint64
	// Shards is over how many partitions the room's members are spread.
	Shards int
}

// Position is the highest number handed out.
func (h Head) Position() Position { return Position{h.Epoch, h.Seq} }

// Pending reports whether numbers were handed out that are not delivered yet.
func (h Head) Pending() bool { return h.Seq > h.Delivered }

// Lease is the right to drain a room. It only saves work: two drainers at once
// do no harm, so its clock may be wrong.
type Lease struct {
	Owner string
	Until time.Time
}

// Live reports whether somebody may be holding the lease at now.
func (l Lease) Live(now time.Time) bool { return l.Owner != "" && now.Before(l.Until) }
