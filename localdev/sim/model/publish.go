package model

// publish is a step of a publisher.
func (c *Config) publish(s State, i int, f func(State)) {
	p := s.Publishers[i]
	switch p.At {
	case take:
		c.write(s, Write{Kind: takeNumber}, f, func(s *State) {
			p := &s.Publishers[i]
			p.Hand, p.Saw, p.At = Position{s.Head.Epoch, s.Head.Seq}, s.Head, claim
		})
	case claim:
		w := Write{Kind: markKey, Key: p.Key, To: p.Hand}
		if p.Dead != (Position{}) {
			w = Write{Kind: moveMark, Key: p.Key, From: p.Dead, To: p.Hand}
		}
		c.write(s, w, f, func(s *State) {
			p := &s.Publishers[i]
			p.Place, p.At = s.Marks[p.Key], fill
			if c.WakeFirst && p.Dead == (Position{}) {
				s.Wakes++
			}
		})
	case fill:
		w := Write{Kind: fillNumber, Key: p.Key, To: p.Place}
		apart := p.Place.Epoch != p.Hand.Epoch && p.Hand != (Position{})
		if apart {
			if *s.entry(p.Place) == nothing {
				*s.entry(p.Place) = void
			}
			w = Write{}
		}
		c.write(s, w, f, func(s *State) { c.filled(s, &s.Publishers[i], apart) })
	case startOver:
		c.write(s, Write{Kind: endEpoch, To: Position{Epoch: p.Place.Epoch}}, f, func(s *State) {
			p := &s.Publishers[i]
			p.At = take
			if p.Hand != (Position{}) {
				p.At = giveBack
			}
		})
	case giveBack:
		if *s.entry(p.Hand) == nothing {
			*s.entry(p.Hand) = void
		}
		next := wake
		if p.Dead == p.Place {
			next = take
		}
		s.Publishers[i].Hand, s.Publishers[i].At = Position{}, next
		f(s)
	case wake:
		c.acknowledge(s, i, f)
	}
}

// filled looks at what stands where the publisher's key stands.
func (c *Config) filled(s *State, p *Publisher, apart bool) {
	if p.Place == p.Hand {
		p.Hand = Position{}
	}
	stands := *s.entry(p.Place)
	if stands == firstKey+p.Key || (c.TrustForeign && stands != void) {
		p.At = wake
		if p.Hand != (Position{}) {
			p.At = giveBack
		}
		return
	}
	p.Dead = p.Place
	p.Tries = min(p.Tries+1, tries)
	switch {
	case stands != void: // the epoch has come back, and its numbers are handed out again
		p.At = startOver
	case p.Tries == tries:
		p.At = gaveUp
	case p.Hand == (Position{}):
		p.At = take
	case apart: // its number may be of the older log
		p.At = giveBack
	default:
		p.At = claim
	}
}

// acknowledge wakes a drainer unless somebody else must deliver the message.
func (c *Config) acknowledge(s State, i int, f func(State)) {
	p := &s.Publishers[i]
	p.At = acked
	duplicate := p.Place != Position{p.Saw.Epoch, p.Saw.Seq}
	sameLog := p.Place.Epoch == p.Saw.Epoch
	within := p.Place.Seq <= p.Saw.Seq || c.TrustAnyLease
	switch {
	case c.WakeFirst:
		f(s)
		return
	case sameLog && duplicate && p.Place.Seq <= p.Saw.Delivered:
		f(s)
		return
	case (sameLog || c.TrustOtherLog) && within && p.Saw.Owner != nobody && p.Saw.Owner != expired:
		f(s) // the lease looks live
	}
	c.write(s, Write{Kind: wakeUp}, f, func(*State) {})
}
