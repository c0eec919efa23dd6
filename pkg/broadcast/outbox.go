package broadcast

import (
	"time"

	"github.com/gapless-rooms/gapless/pkg/room"
)

// outbox holds the messages for one member during one drain. It belongs to one
// join of the member, and a newer join empties it: its messages were read from
// the log before the members were, so before the newer join was written, and that
// join has read them itself.
//
// Its fields are guarded by courier.mu.
type outbox struct {
	connectionID string
	joinedAt     time.Time
	batches      []batch // offered and not accepted yet, in order
	sending      bool    // a goroutine serves it
	// behind is true if the member is, or is about to be, on record as behind. It
	// is sent nothing until it joins again.
	behind bool
	// refusedSince is the time of the first refused frame after the member joined
	// or last accepted one; zero if it has refused none.
	refusedSince time.Time
	// failing is true if the member did not accept its latest frame, whichever
	// join that frame was for.
	failing bool
	// waited is the total time that posts of this outbox have waited for their
	// turn.
	waited time.Duration
}

// batch holds the messages of one round.
type batch struct {
	messages []message
	offered  time.Time
	waited   time.Duration // the outbox's, at that time
	posts    tally         // the courier's, at that time
}

func newOutbox(m room.Member) *outbox {
	return &outbox{connectionID: m.ConnectionID, joinedAt: m.JoinedAt}
}

// messages returns all queued messages.
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

// lateness returns how long the oldest message has waited for the member, except
// the time for which it waited for its turn.
func (o *outbox) lateness(now time.Time) time.Duration {
	if len(o.batches) == 0 {
		return 0
	}
	first := o.batches[0]
	return now.Sub(first.offered) - (o.waited - first.waited)
}
