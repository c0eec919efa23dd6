// Command prose looks for the habits of CONTRIBUTING.md, section English, in
// comments and Markdown, and fails if a folder has more of them than its count
// in allowed.txt. A folder without a line may have none.
//
//	go run ./localdev/prose            # what make lint runs
//	go run ./localdev/prose -all       # print every finding
//	go run ./localdev/prose -update    # lower the counts of improved folders
//
// A Markdown file can exclude lines, such as bad examples, between
// <!-- prose: off --> and <!-- prose: on -->.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// allowedFile holds one line for each folder: a count and the folder.
const allowedFile = "localdev/prose/allowed.txt"

func main() {
	all := flag.Bool("all", false, "print every finding")
	update := flag.Bool("update", false, "lower the counts of improved folders")
	flag.Parse()
	failed, err := run(*all, *update)
	if err != nil {
		fmt.Fprintln(os.Stderr, "prose:", err)
	}
	if failed || err != nil {
		os.Exit(1)
	}
}

func run(all, update bool) (failed bool, err error) {
	found, err := search(".")
	if err != nil {
		return false, err
	}
	allowed, err := readAllowed(allowedFile)
	if err != nil {
		return false, err
	}
	for _, folder := range folders(found) {
		findings := found[folder]
		worse := len(findings) > allowed[folder]
		if worse {
			failed = true
			fmt.Printf("%s: %d findings, %d are allowed\n", folder, len(findings), allowed[folder])
		}
		if worse || all {
			for _, f := range findings {
				fmt.Println("  " + f.String())
			}
		}
	}
	if update {
		return failed, writeAllowed(allowedFile, lower(allowed, found))
	}
	return failed, nil
}

// lower returns the counts that are found where they are below those allowed.
func lower(allowed map[string]int, found map[string][]finding) map[string]int {
	lowered := map[string]int{}
	for folder, count := range allowed {
		if n := min(count, len(found[folder])); n > 0 {
			lowered[folder] = n
		}
	}
	return lowered
}

func folders(found map[string][]finding) []string { return slices.Sorted(maps.Keys(found)) }

// finding is a habit in a file.
type finding struct {
	file  string
	line  int // of the comment or paragraph
	match string
	plain string
}

func (f finding) String() string {
	return fmt.Sprintf("%s:%d: %q: %s", filepath.ToSlash(f.file), f.line, f.match, f.plain)
}
