package msglog

import "time"

// Entry is one place of the log. Once readable it never changes.
type Entry struct {
	Seq uint64
	// Void marks a number whose writer died or turned out to be a duplicate.
	// All other fields but Seq are then empty.
	Void bool
	// Lost, of a void, says that an entry may have stood there and have expired
	// before anybody was served it: whoever reads over it has lost something.
	// It is not pushed, so that members miss the number and ask.
	Lost bool
	// User is who published it.
	User string
	// At is when it was published, by the publishing function's clock, to the
	// millisecond.
	At time.Time
	// Key is the publisher's idempotency key, or empty.
	Key string
	// Data is compact JSON.
	Data []byte
	// Origin is the connection that published it; it got the number as its
	// reply and is left out of the push.
	Origin string
}

// Void returns the entry that fills a hole.
func Void(seq uint64) Entry { return Entry{Seq: seq, Void: true} }
