package model

import "fmt"

// Config says what is explored.
type Config struct {
	Bugs
	// Keys says which message each publisher sends: two with one key are a retry
	// on another connection.
	Keys [publishers]uint8
	// Only so many of them publish; 0: all.
	Only int
	// Left is how often each fault may happen.
	Left Budget
	// Sweeps has the sweeper wake the room if something waits and nobody is awake.
	Sweeps bool
	// Most bounds the states; 0: no bound.
	Most int
}

// Bugs are mistakes that the protocol can be explored with, to see that the
// exploration would find them.
type Bugs struct {
	ReleaseAnyway          bool // without looking at the head's number
	ReleaseOfOthers        bool // without looking at the owner
	FillAnyway             bool // without looking at what stands there
	MarkAnyway             bool // without looking whether the key is claimed
	MoveAnyway             bool // without looking whether another moved the key
	WakeFirst              bool // a publisher wakes before it fills, and not after
	NeverRetried           bool // a run that dies is not repeated
	PointerFirst           bool // the pointer moves when the lease is taken
	TrustAnyLease          bool // a publisher rests on a lease that it saw before its number was handed out
	TrustOtherLog          bool // and on one of another log
	TrustForeign           bool // it takes whatever message stands at its number for its own
	NoGeneration           bool // the lease is asked for without saying which was seen
	ReleaseKeepsGeneration bool // the generation changes only when the lease is taken
}

// Explore visits each state of the log's protocol.
func Explore(c Config) (Report[State], error) {
	start := State{Left: c.Left}
	for i := range start.Publishers {
		start.Publishers[i].Key = c.Keys[i]
		if c.Only > 0 && i >= c.Only {
			start.Publishers[i].At = gaveUp
		}
	}
	start.settle()
	return search(start, c.Most, c.holds, func(s State, f func(State)) {
		c.successors(s, func(next State) {
			next.settle()
			f(next)
		})
	}, func(s State) string {
		if !s.quiet() && s.Head.Seq < numbers && s.Made < epochs {
			return "it stands still before it is done"
		}
		return ""
	})
}

// successors calls f with each state that one step leads to.
//
// Where a publisher's next step commutes with every step that anybody else may
// take before it, only that is explored: whatever comes of any order comes of
// this one.
func (c *Config) successors(s State, f func(State)) {
	for i := range s.Publishers {
		if s.alone(i) && c.Bugs == (Bugs{}) {
			c.publish(s, i, c.mayDie(i, f))
			return
		}
	}
	for i := range s.Publishers {
		c.publish(s, i, c.mayDie(i, f))
	}
	for i := range s.Drainers {
		c.drain(s, i, f)
		if s.Left.Crashes > 0 && s.Drainers[i].At != asleep {
			f(c.crash(s, i))
		}
	}
	c.arrive(s, f)
	c.void(s, f)
	if s.Left.Deletions > 0 && s.Head.Epoch != 0 {
		next := s
		next.Left.Deletions--
		next.Head = Head{Life: s.Head.Life}
		c.bump(&next)
		f(next)
	}
	if s.Left.Losses > 0 && s.Wakes > 0 {
		next := s
		next.Left.Losses--
		next.Wakes--
		f(next)
	}
	if c.Sweeps && s.quiet() && s.pending() {
		s.Wakes++
		f(s)
	}
}

// alone reports whether the next step of a publisher touches nothing that
// decides about another's: its key's mark, if nobody else sends that message; or
// the number of wake-ups, of which one more takes no step from anybody.
func (s *State) alone(i int) bool {
	p := &s.Publishers[i]
	switch p.At {
	case wake:
		return true
	case claim:
		for j := range s.Publishers {
			if o := &s.Publishers[j]; j != i && o.Key == p.Key && o.At != acked && o.At != gaveUp {
				return false
			}
		}
		return true
	}
	return false
}

// mayDie lets a publisher die after a step. Later, before its next step, would
// be the same: nobody can tell the two apart.
func (c *Config) mayDie(i int, f func(State)) func(State) {
	return func(s State) {
		f(s)
		p := s.Publishers[i]
		if s.Left.Crashes == 0 || p.At == take || p.At == acked || p.At == gaveUp {
			return
		}
		s.Left.Crashes--
		s.Publishers[i] = Publisher{Key: p.Key} // its client tries again
		f(s)
		s.Publishers[i].At = gaveUp // or is gone as well
		f(s)
	}
}

// crash has a drainer die.
func (c *Config) crash(s State, i int) State {
	s.Left.Crashes--
	if !c.NeverRetried {
		s.Retries++
	}
	if s.Head.Owner == uint8(i+1) { //nolint:gosec // small
		s.Head.Owner = theDead
	}
	s.Drainers[i] = Drainer{}
	return s
}

// void fills numbers that somebody is about to use.
func (c *Config) void(s State, f func(State)) {
	if s.Left.Voids == 0 {
		return
	}
	for _, p := range s.Publishers {
		for _, at := range []Position{p.Hand, p.Place} {
			if at != (Position{}) && (*s.entry(at) == nothing || c.FillAnyway) {
				next := s
				next.Left.Voids--
				*next.entry(at) = void
				f(next)
			}
		}
	}
}

// holds is the invariants.
func (c *Config) holds(s State) string {
	var places [publishers]Position
	for e := uint8(1); e <= s.Made; e++ {
		for n := uint8(1); n <= numbers; n++ {
			at := Position{e, n}
			switch stands := *s.entry(at); {
			case e == s.Head.Epoch && n <= s.Head.Delivered && stands == nothing:
				return fmt.Sprintf("%d counts as delivered and is empty", n)
			case e == s.Head.Epoch && n > s.Head.Seq && stands != nothing && s.Made == s.Head.Life:
				return fmt.Sprintf("there is an entry at %d, above the head", n)
			case stands >= firstKey:
				if places[stands-firstKey] != (Position{}) {
					return fmt.Sprintf("key %d stands at %v and at %v", stands-firstKey, places[stands-firstKey], at)
				}
				places[stands-firstKey] = at
			}
		}
	}
	for i, p := range s.Publishers {
		switch {
		case p.At != acked:
		case *s.entry(p.Place) != firstKey+p.Key:
			return fmt.Sprintf("publisher %d was told %v, where its message is not", i, p.Place)
		case s.quiet() && !c.Sweeps && s.owes(p):
			return fmt.Sprintf("nothing moves any more, and %v, acknowledged to publisher %d, was never delivered", p.Place, i)
		}
	}
	return ""
}

// owes reports whether somebody must deliver what was acknowledged to a
// publisher: it has a number of the log that is there, and if that is an epoch
// that has come back, one that was handed out under the head that stands.
func (s *State) owes(p Publisher) bool {
	h := s.Head
	handedOut := s.Made == h.Life || p.Saw.Life == h.Life
	return p.Place.Epoch == h.Epoch && handedOut && h.Delivered < p.Place.Seq && p.Place.Seq <= h.Seq
}

// quiet reports whether nothing happens any more unless somebody publishes.
func (s *State) quiet() bool {
	for _, p := range s.Publishers {
		if p.At != acked && p.At != gaveUp {
			return false
		}
	}
	for _, d := range s.Drainers {
		if d.At != asleep {
			return false
		}
	}
	return s.Wakes == 0 && s.Retries == 0 && s.Late == [2]Write{}
}
