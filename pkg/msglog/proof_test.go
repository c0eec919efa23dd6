package msglog_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// claims returns the rows of PROOF.md's table, each a claim and what proves it,
// and the text.
func claims(t *testing.T) (rows [][2]string, text string) {
	t.Helper()
	b, err := os.ReadFile("PROOF.md")
	if err != nil {
		t.Fatal(err)
	}
	text, table, found := strings.Cut(string(b), "\n## What proves each claim\n")
	if !found {
		t.Fatal("PROOF.md has no table of its claims")
	}
	for line := range strings.Lines(table) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "| ") {
			continue
		}
		claim, holds, _ := strings.Cut(strings.Trim(line, "|"), "|")
		rows = append(rows, [2]string{strings.TrimSpace(claim), strings.TrimSpace(holds)})
	}
	return rows[1:], text
}

// sources returns the Go files of the repository that match a pattern, by folder.
func sources(t *testing.T, pattern *regexp.Regexp) map[string]string {
	t.Helper()
	byFolder := map[string]string{}
	for _, root := range []string{"../../pkg", "../../localdev"} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !pattern.MatchString(filepath.ToSlash(path)) {
				return err
			}
			b, err := os.ReadFile(path)
			byFolder[filepath.Dir(path)] += string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return byFolder
}

var span = regexp.MustCompile("`([^`]+)`")

// Each test that PROOF.md's table names exists, each row names a test or an
// assumption with its source, and each numbered claim of the text has a row.
func TestProofNamesWhatHoldsIt(t *testing.T) {
	t.Parallel()
	tests := sources(t, regexp.MustCompile(`_test\.go$`))
	suites := sources(t, regexp.MustCompile(`pkg/storetest/[a-z_]+\.go$`))
	classes := sources(t, regexp.MustCompile(`localdev/sim/[a-z_]+\.go$`))
	exists := func(name string) bool {
		kind, rest, sub := strings.Cut(name, "/")
		contain := func(folders map[string]string, texts ...string) bool {
			for _, text := range folders {
				all := true
				for _, want := range texts {
					all = all && strings.Contains(text, want)
				}
				if all {
					return true
				}
			}
			return false
		}
		switch {
		case kind == "suite":
			return contain(suites, `{"`+rest+`", func(`)
		case kind == "class":
			return contain(classes, `Name: "`+rest+`",`)
		case kind == "mutant":
			return contain(classes, `Name: "`+rest)
		case sub:
			return contain(tests, "func "+kind+"(t ", `"`+rest+`"`)
		default:
			return contain(tests, "func "+kind+"(t ")
		}
	}
	rows, text := claims(t)
	var all strings.Builder
	for _, row := range rows {
		all.WriteString(row[0] + "\n")
		named := 0
		for _, m := range span.FindAllStringSubmatch(row[1], -1) {
			named++
			if !exists(m[1]) {
				t.Errorf("%s: there is no %s", row[0], m[1])
			}
		}
		assumed := strings.Contains(row[1], "ssumption: ") && strings.Contains(row[1], "](https://")
		if named == 0 && !assumed {
			t.Errorf("%s: held by nothing", row[0])
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^- \*\*([A-Z]\d)\*\*`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(all.String(), m[1]) {
			t.Errorf("%s has no row", m[1])
		}
	}
}
