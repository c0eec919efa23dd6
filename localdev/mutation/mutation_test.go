package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/sample.txt")

// TestSample judges every mutant of a small package by its own tests, and
// compares with what is known of each.
func TestSample(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	const dir = "localdev/mutation/testdata/sample"
	targets, err := load(root, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	shop, err := newWorkshop(root, t.TempDir(), targets)
	if err != nil {
		t.Fatal(err)
	}
	judged, err := shop.all(options{judges: "none"}, targets[0].mutants, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, m := range targets[0].mutants {
		fmt.Fprintf(&b, "%-11s  %s\n", judged[m].Status, strings.TrimPrefix(m.Key(), dir+"/sample.go "))
	}
	golden := filepath.Join("testdata", "sample.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s", b.String())
	}
	// What was judged is believed as long as nothing changes.
	again, err := newWorkshop(root, shop.dir, targets)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range targets[0].mutants {
		if m.Func == "Idle" {
			delete(judged, m)
		}
	}
	known, err := again.all(options{judges: "none"}, targets[0].mutants, nil)
	if err != nil {
		t.Fatal(err)
	}
	for m, v := range judged {
		if known[m] != v {
			t.Errorf("%s: %+v, was %+v", m.Key(), known[m], v)
		}
	}
}

// TestSourceKeepsItsLines: what a mutant's line says must be true of the source.
func TestSourceKeepsItsLines(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	targets, err := load(root, packages)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		if len(target.mutants) < 10 {
			t.Errorf("%s: %d mutants", target.dir, len(target.mutants))
		}
		for _, s := range target.files {
			if a, b := bytes.Count(s.text, []byte("\n")), bytes.Count(s.mutated, []byte("\n")); a != b {
				t.Errorf("%s has %d lines, its mutants %d", s.path, a, b)
			}
		}
		keys := map[string]bool{}
		for _, m := range target.mutants {
			if keys[m.Key()] {
				t.Errorf("two mutants are called %s", m.Key())
			}
			keys[m.Key()] = true
		}
	}
}

func TestOtherExpressions(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string][]string{
		"attribute_exists(pk) AND n <= :n": {
			"(attribute_exists(pk) OR NOT attribute_exists(pk)) AND n <= :n",
			"(attribute_exists(pk) AND NOT attribute_exists(pk)) AND n <= :n",
			"attribute_exists(pk) AND (n <= :n OR NOT n <= :n)",
			"attribute_exists(pk) AND (n <= :n AND NOT n <= :n)",
			"attribute_exists(pk) AND n < :n",
		},
		" AND NOT r.#r > :at": {
			" AND NOT (r.#r > :at OR NOT r.#r > :at)",
			" AND NOT (r.#r > :at AND NOT r.#r > :at)",
			" AND NOT r.#r >= :at",
		},
		"SET d = :d, r.#r = :r REMOVE lo, lu": {
			"SET nobody = :d, r.#r = :r REMOVE lo, lu",
			"SET d = :d, r.#r = :r REMOVE nobody, lu",
			"SET d = :d, r.#r = :r REMOVE lo, nobody",
		},
		"lobby": nil,
	} {
		if got := otherExpressions(expression); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s", expression, strings.Join(got, "\n"))
		}
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"# comment\na\nb\n  equivalent: it is\n\nc\n  accepted: so be it\n": true,
		"a\n":                                  false,
		"a\n  equivalent: x\na\n  accepted: y": false,
		"  equivalent: of what\n":              false,
		"a\n  because: no\n":                   false,
		"a\n  equivalent: x\n  accepted: y\n":  false,
	} {
		path := filepath.Join(t.TempDir(), "accepted.txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		known, err := readAccepted(path)
		if (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
		if good && (len(known) != 3 || known["a"] != known["b"] || known["b"] != accepted{true, "it is"} || known["c"].equivalent) {
			t.Errorf("%q: %v", text, known)
		}
	}
}
