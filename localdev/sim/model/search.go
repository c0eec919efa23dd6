package model

import (
	"fmt"
	"hash/maphash"
)

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
	v := newVisited(start)
	var r Report[S]
	for at := 0; at < v.len(); at++ {
		s := v.state(at)
		why, ended := holds(s), true
		if why == "" {
			successors(s, func(next S) {
				r.Steps++
				ended = false
				v.add(next, at)
			})
			if ended {
				r.Ends++
				why = rests(s)
			}
		}
		if why != "" {
			r.Broken, r.Path = why, v.path(at)
			break
		}
		if most > 0 && v.len() > most {
			return r, fmt.Errorf("more than %d states", most)
		}
	}
	r.States = v.len()
	return r, nil
}

// visited is the set of states that were reached, in order, each with the state
// that it was first reached from. It keeps each state once: a hash table holds
// indices only.
type visited[S comparable] struct {
	pages [][]S // in pages, so that growth copies none
	from  []int32
	table []int32 // indices, plus 1; 0: empty
	seed  maphash.Seed
}

const pageSize = 1 << 12

func newVisited[S comparable](start S) *visited[S] {
	v := &visited[S]{table: make([]int32, 1<<12), seed: maphash.MakeSeed()}
	v.add(start, -1)
	return v
}

func (v *visited[S]) len() int { return len(v.from) }

func (v *visited[S]) state(i int) S { return v.pages[i/pageSize][i%pageSize] }

// add adds a state unless it is there.
func (v *visited[S]) add(s S, from int) {
	slot := v.find(s)
	if v.table[slot] != 0 {
		return
	}
	if v.len()%pageSize == 0 {
		v.pages = append(v.pages, make([]S, 0, pageSize))
	}
	last := &v.pages[len(v.pages)-1]
	*last = append(*last, s)
	v.from = append(v.from, int32(from)) //nolint:gosec // bounded by memory
	v.table[slot] = int32(v.len())       //nolint:gosec // bounded by memory
	if 4*v.len() > 3*len(v.table) {
		v.grow()
	}
}

// find returns the slot that holds a state, or the one where it belongs.
func (v *visited[S]) find(s S) uint64 {
	mask := uint64(len(v.table) - 1) //nolint:gosec // a table has places
	slot := maphash.Comparable(v.seed, s) & mask
	for v.table[slot] != 0 && v.state(int(v.table[slot]-1)) != s {
		slot = (slot + 1) & mask
	}
	return slot
}

func (v *visited[S]) grow() {
	v.table = make([]int32, 2*len(v.table))
	for i := range v.len() {
		v.table[v.find(v.state(i))] = int32(i + 1)
	}
}

// path is how a state was reached.
func (v *visited[S]) path(at int) []S {
	if at < 0 {
		return nil
	}
	return append(v.path(int(v.from[at])), v.state(at))
}
