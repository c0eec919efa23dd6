package main

import (
	"fmt"
	"strings"
)

// Mutant is one deliberate bug.
type Mutant struct {
	// ID is the mutant's number within its package; it changes with the source.
	ID      int    `json:"id"`
	Package string `json:"package"` // as pkg/limit
	File    string `json:"file"`    // as limiter.go
	Line    int    `json:"line"`
	Func    string `json:"func"` // as Limiter.TakeN; empty outside functions
	Was     string `json:"was"`
	Becomes string `json:"becomes"`
	// Nth tells apart equal mutants of one function, from 1.
	Nth int `json:"nth"`

	region *region
}

// Key names a mutant whatever its line: the list of accepted survivors and the
// results of earlier runs are found by it.
func (m *Mutant) Key() string {
	key := fmt.Sprintf("%s/%s %s: %s → %s", m.Package, m.File, m.Func, m.Was, m.Becomes)
	if m.Nth > 1 {
		key += fmt.Sprintf(" #%d", m.Nth)
	}
	return key
}

// short is source text on one line, of a length that fits a table.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 90 {
		text = string(r[:44]) + "…" + string(r[len(r)-44:])
	}
	return text
}
