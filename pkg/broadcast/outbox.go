package broadcast

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/room"
)

// outbox holds what one member is to be sent during one drain. It belongs to one
// join of the member. When a newer join stands in the room, what was queued for
// the older one is dropped: it was read from the log before the members were, so
// before the newer join was written, and that join has read it itself.
//
// Its fields are guarded by courier.mu.
type outbox struct {
	connectionID string
	joinedAt     time.Time
	batches      []batch // what was offered and is not accepted yet, in order
	sending      bool    // a goroutine serves it
	// behind says that the member is on record as behind, or about to be: it is
	// sent nothing until it joins again.
	behind bool
	// refusedSince is when the member first refused a frame since it joined or last
	// accepted one; zero if it has not.
	refusedSince time.Time
	// failing says that the member did not accept its latest frame, whatever join
	// that was for.
	failing bool
	// waited is the time that posts of this outbox have waited for their turn.
	waited time.Duration
}

// batch is what one round of the drain offered.
type batch struct {
	messages []message
	offered  time.Time
	waited   time.Duration // the outbox's, at that time
	posts    tally         // the courier's, at that time
}

// newOutbox returns an empty outbox for a membership.
func newOutbox(m room.Member) *outbox {
	return &outbox{connectionID: m.ConnectionID, joinedAt: m.JoinedAt}
}

// messages returns all that is queued.
func (o *outbox) messages() []message {
	if len(o.batches) == 1 {
		return o.batches[0].messages
	}
	var all []message
	for _, b := range o.batches {
		all = append(all, b.messages...)
	}
	return all
}

// drop removes the messages up to a number from the front.
func (o *outbox) drop(upto uint64) {
	for len(o.batches) > 0 {
		first := &o.batches[0]
		n := 0
		for n < len(first.messages) && first.messages[n].seq <= upto {
			n++
		}
		if first.messages = first.messages[n:]; len(first.messages) > 0 {
			return
		}
		o.batches = o.batches[1:]
	}
}

// lateness is how long the oldest message has waited for the member, without the
// time in which it waited for its turn.
func (o *outbox) lateness(now time.Time) time.Duration {
	if len(o.batches) == 0 {
		return 0
	}
	first := o.batches[0]
	return now.Sub(first.offered) - (o.waited - first.waited)
}
