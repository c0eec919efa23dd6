package model

import "fmt"

// successors calls f with each state that one step leads to.
func (c *DeliveryConfig) successors(s Delivery, f func(Delivery)) {
	for i := range s.Publishers {
		c.publish(s, i, f)
	}
	for i := range s.Drainers {
		c.drain(s, i, f)
		if s.Left.Crashes > 0 && s.Drainers[i].At != asleep {
			next := s
			next.Left.Crashes--
			next.Retries++
			if next.Owner == uint8(i+1) {
				next.Owner = theDead
			}
			next.Drainers[i] = Courier{}
			f(next)
		}
	}
	c.join(s, f)
	c.sweep(s, f)
	for i, w := range s.Late {
		if w.Kind != 0 {
			next := s
			next.Late[i] = MemberWrite{}
			c.apply(&next, w)
			f(next)
		}
	}
}

func (c *DeliveryConfig) publish(s Delivery, i int, f func(Delivery)) {
	p := &s.Publishers[i]
	switch p.At {
	case take:
		s.Seq++
		*p = Sender{At: fill, Number: s.Seq, SawOwner: s.Owner}
	case fill:
		p.At = wake
		if s.Filled>>p.Number&1 == 1 {
			p.At = gaveUp // somebody has voided it; the other model goes on from there
		}
		s.Filled |= 1 << p.Number
	case wake:
		p.At = acked
		if p.SawOwner != nobody && p.SawOwner != expired {
			f(s) // the lease looks live
		}
		s.Wakes++
	default:
		return
	}
	f(s)
}

// join is a step of the member's join. One that has ended may be followed by
// another at any time.
func (c *DeliveryConfig) join(s Delivery, f func(Delivery)) {
	j := &s.Client
	read := func(s *Delivery) { s.Client.Got |= upTo(0, s.readable(s.Client.Head)) }
	if s.Left.Crashes > 0 && (j.At == readHead || j.At == readEntries) && s.Left.Joins > 0 {
		next := s
		next.Left.Crashes--
		next.Client.At, next.Client.Head = joined, 0
		next.begin()
		f(next)
	}
	switch j.At {
	case enter:
		if c.ReadBeforeEnter {
			j.At, j.Head = readEntries, s.Seq
			read(&s)
			f(s)
			return
		}
		j.At = readHead
		c.write(s, MemberWrite{putMember, j.Taken}, f)
	case readHead:
		j.Head, j.At = s.Seq, readEntries
		f(s)
	case readEntries:
		j.At = joined
		if c.ReadBeforeEnter {
			c.write(s, MemberWrite{putMember, j.Taken}, f)
			return
		}
		read(&s)
		f(s)
	case joined:
		if s.Left.Joins > 0 {
			s.begin()
			f(s)
		}
	}
}

// begin has the member give another join.
func (s *Delivery) begin() {
	s.Left.Joins--
	s.Client.At = enter
	s.Client.Taken++
}

// drain is a step of a run.
func (c *DeliveryConfig) drain(s Delivery, i int, f func(Delivery)) {
	d := &s.Drainers[i]
	me := uint8(i + 1) //nolint:gosec // small
	if d.At == asleep {
		c.wakeUp(s, i, f)
		return
	}
	if d.At == handOn {
		s.Wakes++
		*d = Courier{}
		f(s)
		return
	}
	confirmed := d.confirmed(c)
	if s.Owner == me {
		if s.Delivered < confirmed { // it renews the lease
			next := s
			next.Delivered = confirmed
			f(next)
		}
		if s.Left.HandOns > 0 {
			next := s
			next.Left.HandOns--
			next.Delivered, next.Owner = max(s.Delivered, confirmed), nobody
			next.Drainers[i] = Courier{At: handOn}
			f(next)
		}
	}
	switch {
	case s.Owner != me:
		next := s
		next.Drainers[i] = Courier{}
		f(next)
	case s.Seq == confirmed && d.Gives == 0:
		next := s
		next.Delivered, next.Owner = confirmed, nobody
		next.Drainers[i] = Courier{}
		f(next)
	}
	c.offer(s, i, f)
	c.serve(s, i, f)
}

func (c *DeliveryConfig) wakeUp(s Delivery, i int, f func(Delivery)) {
	begin := func(s Delivery) {
		if s.Seq == s.Delivered || (s.Owner != nobody && s.Owner != expired) {
			f(s) // nothing to do, or the lease looks live
		}
		if s.Seq > s.Delivered {
			s.Owner = uint8(i + 1) //nolint:gosec // small
			s.Drainers[i] = Courier{At: drain, Offered: s.Delivered}
			f(s)
		}
	}
	if s.Wakes > 0 {
		next := s
		next.Wakes--
		begin(next)
	}
	if s.Retries > 0 {
		next := s
		next.Retries--
		if next.Retries == 0 && next.Owner == theDead {
			next.Owner = expired
		}
		begin(next)
	}
}

// confirmed is up to where the member has been dealt with.
func (d Courier) confirmed(c *DeliveryConfig) uint8 {
	if d.From < d.Upto && !c.PointerFirst {
		return d.From
	}
	return d.Offered
}

// offer reads the next entry, or voids a hole, and then the members. The two are
// one step here: what can be read once can be read later, so the read of the
// entry might as well come at the moment of the other.
func (c *DeliveryConfig) offer(s Delivery, i int, f func(Delivery)) {
	d := &s.Drainers[i]
	if d.Offered == s.Seq {
		return
	}
	join, behind := s.Join, s.Behind
	if c.MembersFirst {
		if !d.Read {
			d.Read, d.ReadJoin = true, s.Join
			f(s)
			return
		}
		join = d.ReadJoin
		d.Read, d.ReadJoin = false, 0
	}
	n := d.Offered + 1
	s.Filled |= 1 << n
	d.Offered = n
	if join > d.Join { // what was offered to an older one, the newer has read itself
		d.Join, d.From, d.Upto = join, 0, 0
		d.Stopped = d.Stopped && c.StaysStopped
	}
	switch {
	case join == 0:
	case behind: // so it is on record
		d.From, d.Upto = 0, 0
	case d.Stopped:
		if c.OfferEmpties {
			d.From, d.Upto = 0, 0
		}
	default:
		if d.From == d.Upto {
			d.From = n - 1
		}
		d.Upto = n
	}
	f(s)
}

// serve posts to the member, or goes on giving it up.
func (c *DeliveryConfig) serve(s Delivery, i int, f func(Delivery)) {
	d := &s.Drainers[i]
	empty := func(d *Courier) {
		if d.Join == d.GivesJoin || c.KeepsLine {
			d.From, d.Upto = 0, 0
		}
	}
	steps := []uint8{marking, flagging, telling, 0}
	if c.FlagFirst {
		steps = []uint8{flagging, marking, telling, 0}
	}
	next := func(now uint8) uint8 {
		for i, step := range steps {
			if step == now {
				return steps[i+1]
			}
		}
		return steps[0]
	}
	switch step := d.Gives; step {
	case 0:
		if d.From == d.Upto || d.Stopped {
			return
		}
		if s.Left.Refusals > 0 {
			refused := s
			refused.Left.Refusals--
			r := &refused.Drainers[i]
			r.Gives, r.GivesJoin, r.Stopped = steps[0], r.Join, true
			if c.EmptyFirst {
				empty(r)
			}
			f(refused)
		}
		d.From++
		s.Client.Got |= 1 << d.From
		f(s)
	case marking, flagging:
		d.Gives = next(step)
		if d.Gives == telling {
			empty(d)
		}
		w := MemberWrite{markBehind, d.GivesJoin}
		if step == flagging {
			w.Kind = setBehind
		}
		if step == marking && c.NoRecord {
			f(s)
			return
		}
		c.write(s, w, f)
	case telling: // best effort
		join := d.GivesJoin
		d.Gives, d.GivesJoin = 0, 0
		f(s)
		s.Client.Told = max(s.Client.Told, join)
		f(s)
	}
}

// sweep is a step of the sweeper, which looks at a connection with a record.
func (c *DeliveryConfig) sweep(s Delivery, f func(Delivery)) {
	w := &s.Sweeper
	switch w.At {
	case resting:
		if s.Record > 0 {
			*w = Sweeper{At: comparing, Seen: s.Record}
			f(s)
		}
	case comparing:
		w.At = clearing
		if s.Join > w.Seen {
			f(s) // it has joined again
			return
		}
		if s.Left.Refusals > 0 {
			refused := s
			refused.Left.Refusals--
			if !c.ClearUntold {
				refused.Sweeper = Sweeper{}
			}
			f(refused)
		}
		s.Client.Told = max(s.Client.Told, w.Seen)
		f(s)
	case clearing:
		seen := w.Seen
		*w = Sweeper{}
		c.write(s, MemberWrite{clearBehind, seen}, f)
	}
}

// holds is the invariants.
func (c *DeliveryConfig) holds(s Delivery) string {
	if s.Client.At != joined {
		return ""
	}
	missing := upTo(0, s.Delivered) &^ s.Client.Got
	if missing != 0 && s.Record != s.Join && s.Client.Told != s.Join {
		return fmt.Sprintf("delivered up to %d; the member has not got %b, is not on record and not told", s.Delivered, missing)
	}
	if !s.quiet() {
		return ""
	}
	for _, p := range s.Publishers {
		if p.At != acked {
			continue
		}
		if p.Number > s.Delivered {
			return fmt.Sprintf("nothing moves any more, and %d, acknowledged, was never delivered", p.Number)
		}
		if s.Client.Got>>p.Number&1 == 0 && s.Client.Told != s.Join {
			return fmt.Sprintf("nothing moves any more, and the member has not got %d and does not know", p.Number)
		}
	}
	return ""
}

// quiet reports whether nothing happens any more unless somebody publishes or
// joins.
func (s *Delivery) quiet() bool {
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
	return s.Wakes == 0 && s.Retries == 0 && s.Late == [2]MemberWrite{} && s.Client.At == joined && s.Sweeper.At == resting && s.Record == 0
}
