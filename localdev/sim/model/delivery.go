package model

// Delivery is one member of a room, the drains that serve it, and the sweeper. It
// explores what pkg/broadcast, pkg/room and pkg/sweep do: the seam of a join, and
// what becomes of a member that refuses its messages.
//
// The log is simpler here than in State: a message has a number that nobody else
// uses, and the lease is taken in one step.
type Delivery struct {
	Seq, Delivered, Owner uint8 // the head
	Filled                uint8 // numbers with an entry or a void, one bit each
	Wakes, Retries        uint8

	Publishers [messages]Sender
	Drainers   [drainers]Courier
	Client     Client
	Sweeper    Sweeper
	Late       [2]MemberWrite

	// The items of the member. Join is when the join was taken that stands in the
	// membership; 0: there is none. Record is the join for which the connection is
	// on record as behind; 0: for none.
	Join   uint8
	Behind bool // the membership says that it gets no messages
	Record uint8

	Left Faults
}

// messages are published in Delivery.
const messages = 2

// Faults is how often something may still happen.
type Faults struct {
	Crashes  uint8 // of drains and joins
	Refusals uint8 // posts that the member does not accept
	HandOns  uint8 // drains that run out of time
	Lates    uint8 // requests that arrive once more, later
	Joins    uint8 // joins of the member
}

// Sender publishes one message.
type Sender struct {
	At       uint8 // as Publisher, without keys
	Number   uint8
	SawOwner uint8
}

// Courier is one run of the broadcaster with its outbox for the member.
type Courier struct {
	At      uint8
	Offered uint8 // up to here the members have been offered the entries

	// The outbox: it is for one join, and holds the numbers above From up to Upto.
	Join, From, Upto uint8
	Stopped          bool // the member refuses: it is offered nothing more under this join

	// What the run is about to put on record, and how far it is with that.
	Gives, GivesJoin uint8

	// What it read of the members before the entries; only by mistake.
	Read     bool
	ReadJoin uint8
}

// The steps by which a run gives a member up.
const (
	marking  uint8 = iota + 1 // MarkBehind on the connection is next
	flagging                  // SetBehind on the membership
	telling                   // the push
)

// Client is the member: how far its join is, and what it knows.
type Client struct {
	At    uint8
	Taken uint8 // when its latest join was taken
	Head  uint8 // as its join has read it
	Got   uint8 // numbers that it was pushed or has read, one bit each
	Told  uint8 // the join for which it was told that it is behind
}

// The steps of a join.
const (
	enter uint8 = iota
	readHead
	readEntries
	joined
)

// Sweeper looks at the connection.
type Sweeper struct {
	At   uint8
	Seen uint8 // the record that it read
}

// The steps of a sweep.
const (
	resting uint8 = iota
	comparing
	clearing
)

// The kinds of request that change the member's items.
const (
	putMember uint8 = iota + 1
	markBehind
	setBehind
	clearBehind
)

// MemberWrite is a request for one join.
type MemberWrite struct{ Kind, Join uint8 }

// DeliveryConfig says what is explored.
type DeliveryConfig struct {
	DeliveryBugs
	Left Faults
	Most int
}

// DeliveryBugs are mistakes in it.
type DeliveryBugs struct {
	ReadBeforeEnter bool // a join reads before its membership is written
	MembersFirst    bool // a drain reads the members before the entries
	PointerFirst    bool // the pointer does not wait for the outboxes
	EmptyFirst      bool // an outbox is emptied before the member is on record
	OfferEmpties    bool // or by the next offer
	NoRecord        bool // the connection is not marked: one push has to do
	FlagFirst       bool // the membership is written before the record
	StaysStopped    bool // an outbox that was stopped stays so for a newer join
	KeepsLine       bool // giving up an older join empties a newer one's outbox
	MarkAnyway      bool // a record is written over a newer join's
	FlagAnyway      bool // a membership is flagged whatever join stands there
	ClearAnyway     bool // a record is cleared whatever join it is for
	ClearUntold     bool // and though the member has refused to be told
	PutAnyway       bool // a join is written over a newer one
}

// ExploreDelivery visits each state of it.
func ExploreDelivery(c DeliveryConfig) (Report[Delivery], error) {
	start := Delivery{Left: c.Left, Client: Client{Taken: 1}}
	start.settle()
	return search(start, c.Most, c.holds, func(s Delivery, f func(Delivery)) {
		c.successors(s, func(next Delivery) {
			next.settle()
			f(next)
		})
	}, func(Delivery) string { return "" })
}

// apply carries out a request for a join.
func (c *DeliveryConfig) apply(s *Delivery, w MemberWrite) {
	switch w.Kind {
	case putMember: // unless a newer join stands there
		if w.Join >= s.Join || c.PutAnyway {
			s.Join, s.Behind = w.Join, false
		}
	case markBehind: // unless a record of this join or a newer one stands there
		if s.Record < w.Join || c.MarkAnyway {
			s.Record = w.Join
		}
	case setBehind: // if this join stands there
		if s.Join == w.Join || c.FlagAnyway {
			s.Behind = true
		}
	case clearBehind: // unless a record of a newer join stands there
		if s.Record <= w.Join || c.ClearAnyway {
			s.Record = 0
		}
	}
}

// write performs a request and goes on; it may arrive once more, later.
func (c *DeliveryConfig) write(s Delivery, w MemberWrite, f func(Delivery)) {
	c.apply(&s, w)
	f(s)
	if s.Left.Lates == 0 {
		return
	}
	for i := range s.Late {
		if s.Late[i].Kind == 0 {
			s.Left.Lates--
			s.Late[i] = w
			f(s)
			return
		}
	}
}

// settle puts what is alike in one order.
func (s *Delivery) settle() {
	if a, b := s.Late[0], s.Late[1]; a.Kind < b.Kind || (a.Kind == b.Kind && a.Join < b.Join) {
		s.Late[0], s.Late[1] = b, a
	}
	for i := range s.Publishers {
		if p := &s.Publishers[i]; p.At == acked {
			p.SawOwner = 0
		}
	}
	if a, b := s.Publishers[0], s.Publishers[1]; a.Number < b.Number || (a.Number == b.Number && a.At < b.At) {
		s.Publishers[0], s.Publishers[1] = b, a
	}
	for i := range s.Drainers {
		if d := &s.Drainers[i]; d.From == d.Upto {
			d.From, d.Upto = 0, 0
		}
	}
	if s.Client.At == joined {
		s.Client.Head = 0
	}
	if s.Drainers[0].order() < s.Drainers[1].order() {
		return
	}
	if s.Drainers[0] == s.Drainers[1] && s.Owner != 2 {
		return
	}
	s.Drainers[0], s.Drainers[1] = s.Drainers[1], s.Drainers[0]
	switch s.Owner {
	case 1:
		s.Owner = 2
	case 2:
		s.Owner = 1
	}
}

func (d Courier) order() uint64 {
	var n uint64
	for _, field := range []uint8{d.At, d.Offered, d.Join, d.From, d.Upto, d.Gives, d.GivesJoin, d.ReadJoin} {
		n = n<<4 | uint64(field)
	}
	for _, flag := range []bool{d.Stopped, d.Read} {
		n <<= 1
		if flag {
			n |= 1
		}
	}
	return n
}

func upTo(after, last uint8) uint8 {
	var bits uint8
	for n := after + 1; n <= last; n++ {
		bits |= 1 << n
	}
	return bits
}

// readable is the last number before the first hole, at most last.
func (s *Delivery) readable(last uint8) uint8 {
	var n uint8
	for n < last && s.Filled>>(n+1)&1 == 1 {
		n++
	}
	return n
}
