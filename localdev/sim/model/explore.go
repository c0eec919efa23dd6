package model

import "fmt"

// Config says what is explored.
type Config struct {
	Bugs
	// SameKey has both publishers send one message: a retry on another
	// connection.
	SameKey bool
	// Crashes, Voids, Doubles and HandOns are how often each may happen.
	Crashes, Voids, Doubles, HandOns uint8
	// Joins leaves out the member that joins if false.
	Joins bool
	// Most bounds the states; 0: no bound.
	Most int
}

// Explore visits each state of the log's protocol.
func Explore(c Config) (Report[State], error) {
	start := State{Crashes: c.Crashes, Voids: c.Voids, Doubles: c.Doubles, HandOns: c.HandOns}
	if !c.SameKey {
		start.Publishers[1].Key = 1
	}
	if !c.Joins {
		start.Join.At = joined
		start.Join.Got = upTo(0, numbers)
	}
	return search(start, c.Most, check, func(s State, f func(State)) {
		c.successors(s, func(next State) {
			next.settle()
			f(next)
		})
	}, func(s State) string {
		if !s.resting() && s.Seq < numbers {
			return "it stands still before it is done"
		}
		return ""
	})
}

// check is the invariants.
func check(s State) string {
	var places [publishers]uint8
	for n := uint8(1); n <= numbers; n++ {
		e := s.Entries[n]
		switch {
		case n > s.Seq && e != nothing:
			return fmt.Sprintf("there is an entry at %d, above the head", n)
		case n <= s.Delivered && e == nothing:
			return fmt.Sprintf("%d counts as delivered and is empty", n)
		case e >= firstKey && places[e-firstKey] != 0:
			return fmt.Sprintf("key %d stands at %d and at %d", e-firstKey, places[e-firstKey], n)
		case e >= firstKey:
			places[e-firstKey] = n
		}
	}
	if missing := upTo(0, s.Delivered) &^ s.Got; missing != 0 {
		return fmt.Sprintf("delivered up to %d, but a member was not pushed %b", s.Delivered, missing)
	}
	for i, p := range s.Publishers {
		if p.At == acked && s.Entries[p.Place] != firstKey+p.Key {
			return fmt.Sprintf("publisher %d was told %d, where its message is not", i, p.Place)
		}
	}
	if s.Join.At == joined {
		if missing := upTo(0, s.Delivered) &^ s.Join.Got; missing != 0 && s.resting() {
			return fmt.Sprintf("whoever joined has not got %b", missing)
		}
	}
	if s.resting() {
		for i, p := range s.Publishers {
			if p.At == acked && p.Place > s.Delivered {
				return fmt.Sprintf("nothing moves any more, and %d, acknowledged to publisher %d, was never delivered", p.Place, i)
			}
		}
	}
	return ""
}

// resting reports whether nothing happens any more unless somebody publishes.
func (s *State) resting() bool {
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
	return s.Wakes == 0 && s.Retries == 0 && s.Join.At == joined
}
