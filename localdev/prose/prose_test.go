package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestEachHabitIsFound(t *testing.T) {
	t.Parallel()
	for sentence, want := range map[string]string{
		"SlowAfter is for how long a member may refuse.":  "SlowAfter is for how long",
		"rest is\nwhat happened.":                         "rest is what",
		"Err is why; nil for Connected.":                  "is why;",
		"It stops. That the timers fire late is a fault.": ". That the",
		"The log begins anew.":                            "anew",
		"An entry is read for ever.":                      "for ever",
		"whosever it is":                                  "whosever",
		"a token that cannot be had":                      "cannot be had",
		"All but for one.":                                "but for",
		"Puts it in the place of another.":                "in the place of",
		"It is sent all the same.":                        "all the same",
		"The value is no string.":                         "value is no string",
		"It stops, since the room is gone.":               ", since the",
		"Works also if it is hidden.":                     "also if",
		"It sees to it that leases end.":                  "sees to it",
		"It has the room start over.":                     "has the room start",
	} {
		findings := check("a.go", 1, sentence)
		if len(findings) != 1 || findings[0].match != want {
			t.Errorf("%q: %v", sentence, findings)
		}
	}
}

func TestPlainEnglishPasses(t *testing.T) {
	t.Parallel()
	for _, sentence := range []string{
		"SlowAfter is the time a member may refuse messages.",
		"There is no index, and a key is no longer known.",
		"This is how a client comes back.",
		"Nothing has come since the last sweep.",
		"The caller ensures that the room exists; it is also used without one.",
		"Ends (told that the connection was lost).",
	} {
		if findings := check("a.go", 1, sentence); len(findings) > 0 {
			t.Errorf("%q: %v", sentence, findings)
		}
	}
}

func TestOnlyWhatPeopleReadIsChecked(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]struct {
		content string
		lines   []int
	}{
		"a.go": {"package a\n\n// a begins\n// anew.\nvar a = \"anew\" // anew\n", []int{3, 5}},
		"a.ts": {"/** One\n * anew. */\nconst a = \"anew\"; // anew\n// two\n// anew\n", []int{1, 3, 4}},
		"a.md": {
			"# Anew\n\n`anew`, [a](anew)\n\n```\nanew\n```\n\n    anew\n\nOne\nanew\n\n- two\n- anew\n" +
				"<!-- prose: off -->\nanew\n<!-- prose: on -->\nanew\n", []int{1, 11, 15, 19},
		},
		"Makefile":  {"# One\n# anew\na: ## anew\n\techo anew\n", []int{1, 3}},
		"a.txt":     {"anew", nil},
		"b/dist.md": {"anew\n", []int{1}},
	} {
		path := filepath.Join(t.TempDir(), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(file.content), 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := search(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		var lines []int
		for _, findings := range found {
			for _, f := range findings {
				lines = append(lines, f.line)
			}
		}
		if !slices.Equal(lines, file.lines) {
			t.Errorf("%s: found in the texts of lines %v, want %v", name, lines, file.lines)
		}
	}
}

func TestCountsOnlyFall(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	try := func(update, wantFailed bool) {
		t.Helper()
		if failed, err := run(false, update); err != nil || failed != wantFailed {
			t.Errorf("failed: %v, %v", failed, err)
		}
	}
	write(allowedFile, "3 a\n1 gone\n")
	write("a/README.md", "anew anew\n")
	try(true, false)
	if b, err := os.ReadFile(allowedFile); err != nil || string(b) != "2 a\n" {
		t.Errorf("counts are now %q, %v", b, err)
	}
	write("a/README.md", "anew anew anew\n")
	try(true, true)
	write("a/README.md", "anew\n")
	write("b/README.md", "anew\n")
	try(false, true)
	write(allowedFile, "many a\n")
	if _, err := run(false, false); err == nil {
		t.Error("takes counts that are not numbers")
	}
}
