package model

// Publishers that send different messages are alike but for the names of their
// keys, publishers that send one message are alike, and so are drainers. A state
// and one in which two of them have changed places have the same future, so one
// of the two is explored.

func (s *State) sortLate() {
	if s.Late[0].order() < s.Late[1].order() {
		s.Late[0], s.Late[1] = s.Late[1], s.Late[0]
	}
}

func (s *State) sortDrainers() {
	a, b := s.Drainers[0].order(), s.Drainers[1].order()
	if a < b || (a == b && s.Head.Owner != 2) {
		return
	}
	s.Drainers[0], s.Drainers[1] = s.Drainers[1], s.Drainers[0]
	switch s.Head.Owner {
	case 1:
		s.Head.Owner = 2
	case 2:
		s.Head.Owner = 1
	}
}

// sortPublishers orders the publishers of each key, and if each has its own, all
// of them together with their keys.
func (s *State) sortPublishers() {
	own := s.ownKeys()
	for i := 1; i < publishers; i++ {
		for j := i; j > 0 && (own || s.Publishers[j].Key == s.Publishers[j-1].Key) && s.before(j, j-1); j-- {
			s.Publishers[j], s.Publishers[j-1] = s.Publishers[j-1], s.Publishers[j]
		}
	}
	if own {
		s.renameKeys()
	}
}

// ownKeys reports whether no two publishers share a key.
func (s *State) ownKeys() bool {
	var seen [publishers]bool
	for _, p := range s.Publishers {
		if seen[p.Key] {
			return false
		}
		seen[p.Key] = true
	}
	return true
}

// before orders publishers by all but the names of their keys. Two that are equal
// have no mark, and so no entry either.
func (s *State) before(i, j int) bool {
	a, b := &s.Publishers[i], &s.Publishers[j]
	if x, y := a.order(), b.order(); x != y {
		return x > y
	}
	return s.Marks[a.Key].order() > s.Marks[b.Key].order()
}

// renameKeys gives the publisher at each index that key.
func (s *State) renameKeys() {
	var name [publishers]uint8
	var marks [publishers]Position
	same := true
	for i := range s.Publishers {
		p := &s.Publishers[i]
		name[p.Key] = uint8(i)
		marks[i] = s.Marks[p.Key]
		same = same && p.Key == uint8(i)
		p.Key = uint8(i)
	}
	if same {
		return
	}
	s.Marks = marks
	for e := range s.Entries {
		for n, entry := range s.Entries[e] {
			if entry >= firstKey {
				s.Entries[e][n] = firstKey + name[entry-firstKey]
			}
		}
	}
	for i := range s.Late {
		if s.Late[i].Kind != none {
			s.Late[i].Key = name[s.Late[i].Key]
		}
	}
}

func (p Position) order() uint64 { return uint64(p.Epoch)<<3 | uint64(p.Seq) }

func (h Head) order() uint64 {
	return Position{h.Epoch, h.Seq}.order()<<9 | uint64(h.Delivered)<<6 | uint64(h.Owner)<<2 | uint64(h.Life)
}

func (p *Publisher) order() uint64 {
	n := uint64(p.At)<<2 | uint64(p.Tries)
	for _, at := range []Position{p.Hand, p.Dead, p.Place} {
		n = n<<5 | at.order()
	}
	return n<<14 | p.Saw.order()
}

func (d Drainer) order() uint64 {
	n := uint64(d.At)<<8 | uint64(d.Offered)<<5 | uint64(d.Epoch)<<2
	if d.Fresh {
		n |= 1
	}
	return n
}

func (w Write) order() uint64 {
	n := uint64(w.Kind)<<2 | uint64(w.Key)
	return (n<<5|w.From.order())<<5 | w.To.order()
}
