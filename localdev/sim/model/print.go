package model

import (
	"fmt"
	"strings"
)

// Steps tells how a path goes: what of each state differs from the one before.
func Steps[S any](path []S) []string {
	var lines []string
	var before []string
	for _, s := range path {
		now := strings.Fields(strings.NewReplacer("[", " [ ", "]", " ] ", "{", " { ", "}", " } ").Replace(fmt.Sprintf("%+v", s)))
		lines = append(lines, difference(before, now))
		before = now
	}
	return lines
}

// difference names the fields whose values differ, each with where it stands.
func difference(before, now []string) string {
	var changed []string
	var stack []string
	index := []int{0}
	name := ""
	for i, word := range now {
		field, value, isField := strings.Cut(word, ":")
		switch {
		case word == "{" || word == "[":
			if name == "" {
				name = fmt.Sprint(index[len(index)-1])
				index[len(index)-1]++
			}
			stack, index, name = append(stack, name), append(index, 0), ""
		case word == "}" || word == "]":
			stack, index = stack[:len(stack)-1], index[:len(index)-1]
			name = ""
		case isField && value == "":
			name = field
		default:
			at := field
			if !isField {
				at, value = fmt.Sprint(index[len(index)-1]), word
				index[len(index)-1]++
			}
			name = ""
			if i >= len(before) || before[i] != word {
				changed = append(changed, strings.Join(append(stack[1:len(stack):len(stack)], at), ".")+"="+value)
			}
		}
	}
	return strings.Join(changed, " ")
}
