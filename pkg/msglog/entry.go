package msglog

import "time"

// Entry is what a number of the log holds. Once readable, it never changes.
type Entry struct {
	Seq uint64
	// Void marks a number whose writer died or turned out to be a duplicate. All
	// fields except Seq and Lost are then empty.
	Void bool
	// Lost is set on a void where an entry may have expired before it was
	// delivered. Readers may have lost a message there, so the void is not
	// pushed: members miss the number and ask.
	Lost bool
	// User is the publisher.
	User string
	// At is the time of the publish by the function's clock, to the millisecond.
	At time.Time
	// Key is the publisher's idempotency key, or empty.
	Key string
	// Data is compact JSON.
	Data []byte
	// Origin is the publishing connection. It gets the number in its reply, so
	// the push leaves it out.
	Origin string
}

// Void returns the entry that fills a hole.
func Void(seq uint64) Entry { return Entry{Seq: seq, Void: true} }
