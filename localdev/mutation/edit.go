package main

import (
	"fmt"
	"sort"
	"strings"
)

// region is a stretch of source that mutants share: a call of a helper around
// it decides which of them is on.
type region struct {
	from, to int // offsets in the source
	mutants  []*Mutant
	edits    []edit
	dropped  bool // it does not compile
}

// edit replaces the source between two offsets. All edits are within a line, so
// that lines stay where they are.
type edit struct {
	at, until int
	text      string // each %d is the number of the region's first mutant
	closing   bool   // comes before what begins at the same offset
}

func (r *region) insert(at int, text string) {
	r.edits = append(r.edits, edit{at: at, until: at, text: text})
}

func (r *region) closeAt(at int, text string) {
	r.edits = append(r.edits, edit{at: at, until: at, text: text, closing: true})
}

func (r *region) replace(at, until int, text string) {
	r.edits = append(r.edits, edit{at: at, until: until, text: text})
}

// apply returns the source with the edits of all regions that compile. Regions
// are in the order of a walk: outer ones come first. Origins gives for each
// offset of the result the offset in the source that it came from.
func apply(source []byte, regions []*region) (text []byte, origins []int) {
	type placed struct {
		edit
		order int
	}
	var all []placed
	for i, r := range regions {
		if r.dropped {
			continue
		}
		for _, e := range r.edits {
			e.text = strings.ReplaceAll(e.text, "%d", fmt.Sprint(r.mutants[0].ID))
			all = append(all, placed{e, i})
		}
	}
	sort.SliceStable(all, func(i, j int) bool {
		a, b := all[i], all[j]
		switch {
		case a.at != b.at:
			return a.at < b.at
		case a.closing != b.closing:
			return a.closing
		case a.closing:
			return a.order > b.order // inner ends first
		}
		return a.order < b.order // outer begins first
	})
	last := 0
	add := func(b []byte, from int, step int) {
		for i, c := range b {
			text, origins = append(text, c), append(origins, from+i*step)
		}
	}
	for _, e := range all {
		if e.at > last {
			add(source[last:e.at], last, 1)
			last = e.at
		}
		add([]byte(e.text), e.at, 0)
		last = max(last, e.until)
	}
	add(source[last:], last, 1)
	return text, origins
}
