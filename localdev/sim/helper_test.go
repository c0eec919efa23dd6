package sim

import (
	"fmt"
	"strings"
)

// firstDifference is where two traces part, with the lines around it.
func firstDifference(a, b string) string {
	one, two := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(one), len(two)) {
		if one[i] != two[i] {
			from := max(0, i-3)
			return fmt.Sprintf("one:\n%s\ntwo:\n%s",
				strings.Join(one[from:min(len(one), i+4)], "\n"), strings.Join(two[from:min(len(two), i+4)], "\n"))
		}
	}
	return fmt.Sprintf("one has %d lines, the other %d", len(one), len(two))
}
