package model

import "fmt"

// Report is what was explored.
type Report[S any] struct {
	States, Steps, Ends int
	// Broken says what does not hold, and Path how it comes to that, state by
	// state; empty if all holds.
	Broken string
	Path   []S
}

// search visits each state that can be reached from start, breadth first, so
// that the path to a broken one is as short as any. Most bounds the states, 0:
// no bound. Holds says what is wrong with a state, rests what is wrong with one
// from which no step leads on; both are empty if nothing is.
func search[S comparable](start S, most int, holds func(S) string, successors func(S, func(S)), rests func(S) string) (Report[S], error) {
	// Where a state was reached from, by index in order.
	order := []S{start}
	from := []int32{-1}
	seen := map[S]struct{}{start: {}}
	var r Report[S]
	for at := 0; at < len(order); at++ {
		s := order[at]
		why, ended := holds(s), true
		if why == "" {
			successors(s, func(next S) {
				r.Steps++
				ended = false
				if _, ok := seen[next]; ok {
					return
				}
				seen[next] = struct{}{}
				order = append(order, next)
				from = append(from, int32(at)) //nolint:gosec // bounded by memory
			})
			if ended {
				r.Ends++
				why = rests(s)
			}
		}
		if why != "" {
			r.Broken = why
			for i := int32(at); i >= 0; i = from[i] { //nolint:gosec // bounded by memory
				r.Path = append([]S{order[i]}, r.Path...)
			}
			break
		}
		if most > 0 && len(order) > most {
			return r, fmt.Errorf("more than %d states", most)
		}
	}
	r.States = len(order)
	return r, nil
}
