package model

// drain is a step of a drainer.
func (c *Config) drain(s State, i int, f func(State)) {
	d := &s.Drainers[i]
	me := uint8(i + 1) //nolint:gosec // small
	sleep := func() {
		next := s
		next.Drainers[i] = Drainer{}
		f(next)
	}
	switch d.At {
	case asleep:
		if s.Wakes > 0 {
			next := s
			next.Wakes--
			next.Drainers[i] = Drainer{At: look}
			f(next)
		}
		if s.Retries > 0 {
			next := s
			next.Retries--
			if next.Retries == 0 && next.Head.Owner == theDead {
				next.Head.Owner = expired // Lambda repeats a run after a minute
			}
			next.Drainers[i] = Drainer{At: look}
			f(next)
		}
	case look:
		// The wake-up carries the head as its publisher saw it, or the request for
		// the lease was refused and returned it.
		if !s.pending() || !s.free() {
			sleep()
		}
		if s.pending() {
			d.At, d.Fresh = acquire, true
			f(s)
		}
	case acquire:
		c.acquire(s, i, f)
	case drain:
		c.deliver(s, i, f)
		switch {
		case !s.held(*d, me) && !c.ReleaseOfOthers:
			sleep() // the lease is lost
		case d.Offered == s.Head.Seq || c.ReleaseAnyway:
			s.Head.Delivered = d.Offered
			c.give(&s)
			s.Drainers[i] = Drainer{}
			f(s)
		}
	case handOn: // the lease is given back, the wake-up is due
		s.Drainers[i] = Drainer{}
		c.write(s, Write{Kind: wakeUp}, f, func(*State) {})
	}
}

// acquire asks for the lease, with the generation that was read.
func (c *Config) acquire(s State, i int, f func(State)) {
	d := &s.Drainers[i]
	me := uint8(i + 1) //nolint:gosec // small
	begin := func(s *State) {
		s.Head.Owner = me
		s.Drainers[i] = Drainer{At: drain, Epoch: s.Head.Epoch, Offered: s.Head.Delivered}
		if c.PointerFirst {
			s.Head.Delivered = s.Head.Seq
		}
	}
	switch {
	case s.Head.Owner == me: // the attempt before, whose answer was lost, took it
		begin(&s)
		f(s)
		return
	case !d.Fresh, !s.pending(): // refused
		fresh := d.Fresh
		d.At, d.Fresh = look, false
		f(s)
		if fresh {
			c.late(s, Write{Kind: acquireLease}, f)
		}
		return
	}
	// It looks as it did when it was read: free, or expired.
	s.Head.Owner = me
	c.write(s, Write{Kind: acquireLease}, f, begin)
}

// deliver goes through the log: the members are offered the next entry, a hole
// becomes a void. How they are served is the other model's.
func (c *Config) deliver(s State, i int, f func(State)) {
	d := &s.Drainers[i]
	me := uint8(i + 1) //nolint:gosec // small
	held := s.held(*d, me)
	// In an epoch that came back there are entries above the head, and a run that
	// has read one cannot release the lease.
	stuck := d.Offered > s.Head.Seq
	if s.Left.HandOns > 0 || stuck {
		next := s
		if !stuck {
			next.Left.HandOns--
		}
		if held {
			next.Head.Delivered = max(next.Head.Delivered, d.Offered)
			c.give(&next)
		}
		next.Drainers[i] = Drainer{At: handOn}
		f(next)
	}
	if held && s.Head.Delivered < d.Offered { // it renews the lease
		next := s
		next.Head.Delivered = d.Offered
		c.bump(&next)
		f(next)
	}
	if d.Offered == numbers {
		return
	}
	at := Position{d.Epoch, d.Offered + 1}
	if *s.entry(at) == nothing {
		if s.Head.Epoch != d.Epoch || at.Seq > s.Head.Seq {
			return
		}
		*s.entry(at) = void
	}
	d.Offered++
	f(s)
}

// held reports whether a drainer has the lease.
func (s *State) held(d Drainer, me uint8) bool { return s.Head.Owner == me && s.Head.Epoch == d.Epoch }
