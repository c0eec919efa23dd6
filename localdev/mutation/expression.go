package main

import (
	"regexp"
	"strings"
)

var (
	clause = regexp.MustCompile(`attribute_(?:not_)?exists\([^)]*\)|attribute_type\([^)]*\)|(?:size\([^)]*\)|[\w.#:]+) (?:=|<>|<=|>=|<|>) [\w.#:]+`)
	order  = regexp.MustCompile(` (<=|>=|<|>) `)
	action = regexp.MustCompile(`\b(SET|REMOVE|ADD|DELETE) `)
)

// otherExpressions returns mutants of a DynamoDB expression that DynamoDB takes:
// each names all that the expression named, as DynamoDB refuses values that are
// not used.
func otherExpressions(s string) []string {
	if action.MatchString(s) {
		return otherUpdates(s)
	}
	var others []string
	for _, at := range clause.FindAllStringIndex(s, -1) {
		c := s[at[0]:at[1]]
		for _, with := range []string{"(" + c + " OR NOT " + c + ")", "(" + c + " AND NOT " + c + ")"} {
			others = append(others, s[:at[0]]+with+s[at[1]:])
		}
	}
	for _, at := range order.FindAllStringSubmatchIndex(s, -1) {
		to := map[string]string{"<": "<=", "<=": "<", ">": ">=", ">=": ">"}[s[at[2]:at[3]]]
		others = append(others, s[:at[2]]+to+s[at[3]:])
	}
	return others
}

// otherUpdates has each write of an update go to an attribute that nobody reads.
func otherUpdates(s string) []string {
	var others []string
	parts := action.FindAllStringSubmatchIndex(s, -1)
	for i, at := range parts {
		end := len(s)
		if i+1 < len(parts) {
			end = parts[i+1][0]
		}
		offset := at[1]
		for _, one := range strings.SplitAfter(s[offset:end], ",") {
			trimmed := strings.TrimLeft(one, " ")
			start := offset + len(one) - len(trimmed)
			name := regexp.MustCompile(`^[\w.#]+`).FindString(trimmed)
			if name != "" && !strings.Contains(name, "#") {
				others = append(others, s[:start]+"nobody"+s[start+len(name):])
			}
			offset += len(one)
		}
	}
	return others
}
