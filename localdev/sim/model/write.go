package model

// The kinds of request that change something.
const (
	none uint8 = iota
	takeNumber
	markKey
	moveMark
	fillNumber
	endEpoch
	acquireLease
	wakeUp
)

// Write is a request that is under way. AWS may carry it out once more after the
// SDK, which lost the answer to its first attempt, has repeated it with success,
// and after anything else has happened.
//
// ReleaseLease and AbandonLease are not among them: once one of them has been
// answered, its owner has the lease no more and never gets it again, or the head
// has moved past the number that it asks for, and so a late one is refused. Nor is
// RenewLease: a late one repeats what stands, or is refused.
type Write struct {
	Kind, Key uint8
	// From is the number that MoveMark asks for. To is the number that the key is
	// to stand for, or the one that is to be filled. Of TakeNumber its Epoch is the
	// one that it has begun, if it has; of StartOver, the one that it ends.
	From, To Position
}

// write performs a request and goes on with then. Beside that, its answer may be
// lost: then the same request comes once more, at once, with whatever others do
// in between; or later, when its process has gone on.
func (c *Config) write(s State, w Write, f func(State), then func(*State)) {
	before := s
	if !c.apply(&s, &w) {
		return
	}
	if before.Left.Lates > 0 && (w.Kind == takeNumber || w.Kind == acquireLease) { // the others change nothing the second time
		again := s
		again.Left.Lates--
		f(again)
	}
	then(&s)
	f(s)
	c.late(s, w, f)
}

// late leaves a request under way that has been answered.
func (c *Config) late(s State, w Write, f func(State)) {
	if s.Left.Lates == 0 || s.futile(w) {
		return
	}
	for i := range s.Late {
		if s.Late[i].Kind == none {
			s.Left.Lates--
			s.Late[i] = w
			f(s)
			return
		}
	}
}

// arrive has each request that is late arrive.
func (c *Config) arrive(s State, f func(State)) {
	for i, w := range s.Late {
		next := s
		next.Late[i] = Write{}
		if w.Kind == none {
			continue
		}
		if w.Kind == acquireLease {
			// It says what the time was when it was sent: a lease that was live
			// then is so for it.
			if next.Head.Owner == nobody && next.pending() {
				next.Head.Owner = ghost
				c.bump(&next)
			}
			f(next)
			continue
		}
		if c.apply(&next, &w) {
			f(next)
		}
	}
}

// apply carries a request out. It returns false beyond the bounds of what is
// explored, and completes w with what was decided by then.
func (c *Config) apply(s *State, w *Write) bool {
	switch w.Kind {
	case takeNumber:
		if s.Head.Epoch == 0 {
			if w.To.Epoch == 0 {
				if s.Made == epochs {
					return false
				}
				s.Made++
				w.To.Epoch = s.Made
			}
			s.Head = Head{Epoch: w.To.Epoch, Life: s.Head.Life + 1}
		}
		if s.Head.Seq == numbers {
			return false
		}
		s.Head.Seq++
	case markKey:
		if s.Marks[w.Key] == (Position{}) || c.MarkAnyway {
			s.Marks[w.Key] = w.To
		}
	case moveMark:
		if s.Marks[w.Key] == w.From || c.MoveAnyway {
			s.Marks[w.Key] = w.To
		}
	case fillNumber:
		if *s.entry(w.To) == nothing || c.FillAnyway {
			*s.entry(w.To) = firstKey + w.Key
		}
	case endEpoch:
		if s.Head.Epoch == w.To.Epoch {
			if s.Made == epochs {
				return false
			}
			s.Made++
			s.Head = Head{Epoch: s.Made, Life: s.Head.Life + 1}
			c.bump(s)
		}
	case acquireLease:
		c.bump(s)
	case wakeUp:
		s.Wakes++
	}
	return true
}

// futile reports whether a request that arrives from now on changes nothing.
func (s *State) futile(w Write) bool {
	switch w.Kind {
	case markKey: // a mark that stands is not taken away
		return s.Marks[w.Key] != (Position{})
	case moveMark: // a key comes back to a number that it has left only if that is handed out again
		return s.Marks[w.Key] != w.From && s.lasts()
	case fillNumber: // an entry stands for good
		return *s.entry(w.To) != nothing
	case endEpoch: // likewise an epoch
		return s.Head.Epoch != w.To.Epoch && s.lasts()
	case acquireLease: // it asks for a generation that has passed
		return w.To.Seq != 0
	}
	return false
}

// lasts reports whether no epoch has come back or will.
func (s *State) lasts() bool {
	if s.Left.Deletions > 0 && s.Left.Lates > 0 {
		return false
	}
	for _, w := range s.Late {
		if w.Kind == takeNumber && w.To.Epoch != 0 {
			return false
		}
	}
	return s.Made == s.Head.Life
}

// bump gives the lease another generation. A generation is compared only, and
// never comes back: so it is enough to know who has read the head's.
func (c *Config) bump(s *State) {
	if c.NoGeneration {
		return
	}
	for i := range s.Drainers {
		s.Drainers[i].Fresh = false
	}
	for i := range s.Late {
		if s.Late[i].Kind == acquireLease {
			s.Late[i] = Write{}
		}
	}
}

// give changes who holds the lease to nobody.
func (c *Config) give(s *State) {
	s.Head.Owner = nobody
	if !c.ReleaseKeepsGeneration {
		c.bump(s)
	}
}

func (s *State) entry(p Position) *uint8 { return &s.Entries[p.Epoch][p.Seq] }

func (s *State) pending() bool { return s.Head.Seq > s.Head.Delivered }
