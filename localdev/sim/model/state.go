package model

// Bounds of what is explored.
const (
	publishers = 3
	drainers   = 2
	numbers    = 5 // numbers of one epoch
	epochs     = 3
	tries      = 2 // how often one append takes a number
)

// What can stand at a number: nothing, a void, or the message of a key.
const (
	nothing uint8 = iota
	void
	firstKey
)

// Who holds the lease: nobody, the drainer of an index plus 1, a run that died
// and will be repeated, one that died so long ago that its lease has expired for
// everybody, or an owner that never learned of it.
const (
	nobody  uint8 = 0
	theDead uint8 = 8
	expired uint8 = 9
	ghost   uint8 = 10
)

// Position is a number of an epoch; the zero Position is none.
type Position struct{ Epoch, Seq uint8 }

// State is all that the future of the log depends on.
type State struct {
	Head    Head
	Made    uint8 // how many epochs there have been
	Entries [epochs + 1][numbers + 1]uint8
	Marks   [publishers]Position // by key
	Late    [2]Write             // requests that have yet to arrive

	Wakes      uint8 // wake-ups on their way
	Retries    uint8 // wake-ups whose run died
	Publishers [publishers]Publisher
	Drainers   [drainers]Drainer

	Left Budget
}

// free reports whether nobody can take the lease for held.
func (s *State) free() bool { return s.Head.Owner == nobody || s.Head.Owner == expired }

// Head is a room's head item; there is none if Epoch is 0.
type Head struct {
	Epoch, Seq, Delivered, Owner uint8
	// Life counts the heads that there have been: an epoch that came back has
	// another.
	Life uint8
}

// Budget is how often something may still happen.
type Budget struct {
	Crashes   uint8 // of any function, at any step
	Voids     uint8 // by somebody who is no drainer of these
	HandOns   uint8 // drainers that run out of time
	Lates     uint8 // requests whose answer is lost
	Deletions uint8 // of the head
	Losses    uint8 // of wake-ups
}

// The steps of an append.
const (
	take uint8 = iota
	claim
	fill
	startOver
	giveBack
	wake
	acked
	gaveUp
)

// Publisher is one that appends a message.
type Publisher struct {
	At    uint8
	Key   uint8
	Hand  Position // a number taken and not used
	Dead  Position // the number that the key stood for, and where its message is not
	Place Position // the number that the key stands for
	Tries uint8
	Saw   Head // the head as of the last number taken
}

// The steps of a drainer.
const (
	asleep uint8 = iota
	look
	acquire
	drain
	handOn
)

// Drainer is one run of the broadcaster.
type Drainer struct {
	At      uint8
	Fresh   bool  // the lease's generation that it read is the head's still
	Epoch   uint8 // the log that it drains
	Offered uint8 // up to here all members have been offered the entries, and are dealt with
}

// settle forgets what has no influence any more and puts what is alike in one
// order, so that states that differ in nothing else are one.
func (s *State) settle() {
	for i := range s.Publishers {
		p := &s.Publishers[i]
		switch p.At {
		case acked:
			*p = Publisher{At: acked, Key: p.Key, Place: p.Place, Saw: Head{Life: p.Saw.Life}}
		case gaveUp:
			*p = Publisher{At: gaveUp, Key: p.Key}
		case take:
			p.Place, p.Saw = Position{}, Head{}
		case claim:
			p.Place = Position{}
		}
	}
	for i := range s.Late {
		if s.Late[i].Kind != none && s.futile(s.Late[i]) {
			s.Late[i] = Write{}
		}
	}
	s.sortLate()
	s.sortDrainers()
	s.sortPublishers()
}
