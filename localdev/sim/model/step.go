package model

// Bugs are mistakes that the protocol can be explored with, to see that the
// exploration would find them.
type Bugs struct {
	ReleaseAnyway   bool // without looking at the head's number
	ReleaseOfOthers bool // without looking at the owner
	FillAnyway      bool // without looking at what stands there
	MarkAnyway      bool // without looking whether the key is claimed
	MoveAnyway      bool // without looking whether another moved the key
	ReadBeforeEnter bool // a join reads before its membership is written
	MembersFirst    bool // a drainer reads the members before the entries
	WakeFirst       bool // a publisher wakes before it fills, and not after
	NeverRetried    bool // a run that dies is not repeated
	ForgetOnRelease bool // the pointer moves when the lease is taken
}

// successors calls f with each state that one step leads to.
func (b Bugs) successors(s State, f func(State)) {
	for i := range s.Publishers {
		b.publish(s, i, f)
		if p := s.Publishers[i]; s.Crashes > 0 && p.At != acked && p.At != gaveUp && p.At != take {
			next := s
			next.Crashes--
			next.Publishers[i] = Publisher{Key: p.Key} // its client tries again
			f(next)
		}
	}
	for i := range s.Drainers {
		b.drain(s, i, f)
		if s.Crashes > 0 && s.Drainers[i].At != asleep {
			next := s
			next.Crashes--
			if !b.NeverRetried {
				next.Retries++
			}
			if next.Owner == uint8(i+1) {
				next.Owner = theDead
			}
			next.Drainers[i] = Drainer{}
			f(next)
		}
	}
	b.join(s, f)
	if s.Voids > 0 {
		for n := uint8(1); n <= s.Seq; n++ {
			if s.Entries[n] == nothing || b.FillAnyway {
				next := s
				next.Voids--
				next.Entries[n] = void
				f(next)
			}
		}
	}
	if s.Doubles > 0 && s.Wakes > 0 {
		next := s
		next.Doubles--
		next.Wakes++
		f(next)
	}
}

func (b Bugs) publish(s State, i int, f func(State)) {
	p := &s.Publishers[i]
	switch p.At {
	case take:
		if s.Seq == numbers {
			return
		}
		s.Seq++
		p.Hand, p.SawLease, p.SawDelivered, p.At = s.Seq, s.Owner != nobody, s.Delivered, claim
	case claim:
		mark := &s.Marks[p.Key]
		switch {
		case p.Dead == 0 && (*mark == 0 || b.MarkAnyway), p.Dead != 0 && (*mark == p.Dead || b.MoveAnyway):
			*mark = p.Hand
		}
		p.Place, p.At = *mark, fill
		if b.WakeFirst && !p.Woke {
			s.Wakes++
			p.Woke = true
		}
	case fill:
		if s.Entries[p.Place] == nothing || b.FillAnyway {
			s.Entries[p.Place] = firstKey + p.Key
		}
		p.Duplicate = p.Place != p.Hand
		if !p.Duplicate {
			p.Hand = 0
		}
		switch {
		case s.Entries[p.Place] != void && p.Hand != 0:
			p.At = giveBack
		case s.Entries[p.Place] != void:
			p.At = wake
		case p.Tries+1 == tries:
			p.At = gaveUp
		default:
			p.Dead, p.At = p.Place, claim
			p.Tries++
			if p.Hand == 0 {
				p.At = take
			}
		}
	case giveBack:
		if s.Entries[p.Hand] == nothing {
			s.Entries[p.Hand] = void
		}
		p.Hand, p.At = 0, wake
	case wake:
		p.At = acked
		delivered := p.Duplicate && p.Place <= p.SawDelivered
		if p.SawLease || delivered || b.WakeFirst {
			f(s) // the lease looks live
			if delivered || b.WakeFirst {
				return
			}
		}
		s.Wakes++
	default:
		return
	}
	f(s)
}

func (b Bugs) drain(s State, i int, f func(State)) {
	d := &s.Drainers[i]
	me := uint8(i + 1) //nolint:gosec // small
	switch d.At {
	case asleep:
		if s.Wakes > 0 {
			next := s
			next.Wakes--
			next.Drainers[i] = Drainer{At: acquire}
			f(next)
		}
		if s.Retries > 0 {
			next := s
			next.Retries--
			next.Drainers[i] = Drainer{At: acquire, Retry: true}
			f(next)
		}
		return
	case acquire:
		pending := s.Seq > s.Delivered
		free := s.Owner == nobody || s.Owner == me || (d.Retry && s.Owner == theDead)
		if !pending || !free {
			next := s
			next.Drainers[i] = Drainer{}
			f(next)
		}
		if !pending {
			return
		}
		s.Owner = me // a lease that another holds may have expired
		*d = Drainer{At: read, Seen: s.Seq, Offered: s.Delivered, Upto: s.Delivered}
		if b.ForgetOnRelease {
			s.Delivered = s.Seq
		}
		if b.MembersFirst {
			d.At = members
		}
	case read:
		b.read(s, i, f)
		return
	case members:
		d.Joined, d.At = s.Join.Member, post
		if b.MembersFirst {
			d.At = read
		}
	case post:
		s.Got |= upTo(d.Offered, d.Upto)
		if d.Joined {
			s.Join.Got |= upTo(d.Offered, d.Upto)
		}
		d.Offered, d.At = d.Upto, read
		if d.Offered >= d.Seen {
			d.At = release
		} else if b.MembersFirst {
			d.At = members
		}
	case release:
		switch {
		case s.Owner != me && !b.ReleaseOfOthers:
			*d = Drainer{}
		case s.Seq != d.Offered && !b.ReleaseAnyway:
			d.Seen, d.At = s.Seq, read
			if b.MembersFirst {
				d.At = members
			}
		default:
			s.Delivered, s.Owner = d.Offered, nobody
			*d = Drainer{}
		}
	case handOn: // the lease is given back, the wake-up is due
		s.Wakes++
		*d = Drainer{}
	}
	f(s)
}

// read is a drainer's look at the log: what can be read without a hole, up to
// the number that it knows or beyond it; a hole, if it has waited for long
// enough, becomes a void.
func (b Bugs) read(s State, i int, f func(State)) {
	d := &s.Drainers[i]
	me := uint8(i + 1) //nolint:gosec // small
	if s.HandOns > 0 {
		next := s
		next.HandOns--
		if next.Owner == me {
			next.Owner = nobody
			next.Delivered = max(next.Delivered, d.Offered)
		}
		next.Drainers[i].At = handOn
		f(next)
	}
	after := members
	if b.MembersFirst {
		after = post
	}
	if s.Entries[d.Offered+1] == nothing {
		s.Entries[d.Offered+1] = void
		d.Upto, d.At = d.Offered+1, after
		f(s)
		return
	}
	for _, last := range []uint8{d.Seen, s.Seq} {
		next := s
		next.Drainers[i].Upto, next.Drainers[i].At = s.readable(d.Offered, last), after
		f(next)
	}
}

func (b Bugs) join(s State, f func(State)) {
	j := &s.Join
	switch j.At {
	case enter:
		j.Member, j.At = true, readHead
		if b.ReadBeforeEnter {
			j.Member = false
		}
	case readHead:
		j.Head, j.At = s.Seq, readEntries
	case readEntries:
		j.Got |= upTo(0, s.readable(0, j.Head))
		j.Member, j.At = true, joined
	default:
		return
	}
	f(s)
}
