package model

// numbers bounds how many numbers are handed out, publishers how many publish,
// and tries how often an append takes a new number.
const (
	numbers    = 6
	publishers = 2
	drainers   = 2
	tries      = 2
)

// What can stand at a number: nothing, a void, or the message of a key.
const (
	nothing uint8 = iota
	void
	firstKey
)

// nobody holds the lease, or a run that died does; else the drainer of that
// index, plus 1.
const (
	nobody  uint8 = 0
	theDead uint8 = 9
)

// State is all that the protocol's future depends on.
type State struct {
	Seq, Delivered, Owner uint8 // the head
	Entries               [numbers + 1]uint8
	Marks                 [publishers]uint8 // by key
	Wakes                 uint8             // wake-ups on their way
	Retries               uint8             // wake-ups whose run died
	Publishers            [publishers]Publisher
	Drainers              [drainers]Drainer
	Join                  Join
	Got                   uint8 // numbers that a standing member was pushed, one bit each

	// What may still happen: crashes, voids by others, wake-ups that are
	// doubled, drainers that run out of time.
	Crashes, Voids, Doubles, HandOns uint8
}

// The steps of an append.
const (
	take uint8 = iota
	claim
	fill
	giveBack
	wake
	acked
	gaveUp
)

// Publisher is one that appends a message.
type Publisher struct {
	At              uint8
	Key             uint8
	Hand            uint8 // a number taken and not used
	Dead            uint8 // the number that the key stood for and that is void
	Place           uint8 // the number that the key stands for
	Tries           uint8
	SawLease        bool // of the head, when it took a number
	SawDelivered    uint8
	Duplicate, Woke bool
}

// The steps of a drainer.
const (
	asleep uint8 = iota
	acquire
	read
	members
	post
	release
	handOn
)

// Drainer is one run of the broadcaster.
type Drainer struct {
	At      uint8
	Retry   bool  // it repeats one that died
	Seen    uint8 // the head's number as of the last look
	Offered uint8 // up to here all is pushed
	Upto    uint8 // what it has read
	Joined  bool  // whether the joining member was there when it read the members
}

// The steps of a join.
const (
	enter uint8 = iota
	readHead
	readEntries
	joined
)

// Join is a member that joins and asks for all from the start.
type Join struct {
	At     uint8
	Head   uint8
	Member bool
	Got    uint8
}

// settle forgets what has no influence any more, so that states which differ in
// nothing else are one; the two drainers are alike, so their order is none.
func (s *State) settle() {
	for i := range s.Publishers {
		p := &s.Publishers[i]
		switch p.At {
		case acked:
			*p = Publisher{At: acked, Key: p.Key, Place: p.Place}
		case gaveUp:
			*p = Publisher{At: gaveUp, Key: p.Key}
		case take, claim:
			p.Place = 0
		}
	}
	if s.Join.At == joined {
		s.Join.Head = 0
	}
	a, b := s.Drainers[0].order(), s.Drainers[1].order()
	if a > b || (a == b && s.Owner == 2) {
		s.Drainers[0], s.Drainers[1] = s.Drainers[1], s.Drainers[0]
		switch s.Owner {
		case 1:
			s.Owner = 2
		case 2:
			s.Owner = 1
		}
	}
}

// order is a number that differs for different drainers.
func (d Drainer) order() uint64 {
	n := uint64(d.At)<<32 | uint64(d.Seen)<<24 | uint64(d.Offered)<<16 | uint64(d.Upto)<<8
	if d.Retry {
		n |= 1
	}
	if d.Joined {
		n |= 2
	}
	return n
}

// upTo is the bits of all numbers after the first and up to the second.
func upTo(after, last uint8) uint8 {
	var bits uint8
	for n := after + 1; n <= last; n++ {
		bits |= 1 << n
	}
	return bits
}

// readable is the last number before the first hole above after, at most last.
func (s *State) readable(after, last uint8) uint8 {
	for after < last && s.Entries[after+1] != nothing {
		after++
	}
	return after
}
