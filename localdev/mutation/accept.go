package main

import (
	"fmt"
	"os"
	"strings"
)

// accepted is why a mutant may survive.
type accepted struct {
	// equivalent: nothing that anybody could see differs.
	equivalent bool
	reason     string
}

// readAccepted reads the list of survivors that are known: lines that name
// mutants as Key does, and below them, indented, "equivalent:" or "accepted:"
// and the reason.
func readAccepted(path string) (map[string]accepted, error) {
	b, err := os.ReadFile(path) //nolint:gosec // ours
	if err != nil {
		return nil, err
	}
	known := map[string]accepted{}
	var keys []string
	given := true // whether keys have their reason
	for i, line := range strings.Split(string(b), "\n") {
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case !strings.HasPrefix(line, " "):
			if given {
				keys, given = nil, false
			}
			if _, twice := known[trimmed]; twice {
				return nil, fmt.Errorf("%s:%d: listed twice", path, i+1)
			}
			known[trimmed] = accepted{}
			keys = append(keys, trimmed)
		default:
			kind, reason, ok := strings.Cut(trimmed, ": ")
			if !ok || kind != "equivalent" && kind != "accepted" || given {
				return nil, fmt.Errorf("%s:%d: want one line of \"equivalent: …\" or \"accepted: …\" below a mutant", path, i+1)
			}
			for _, k := range keys {
				known[k] = accepted{kind == "equivalent", reason}
			}
			given = true
		}
	}
	if !given {
		return nil, fmt.Errorf("%s: no reason below %s", path, keys[0])
	}
	return known, nil
}
