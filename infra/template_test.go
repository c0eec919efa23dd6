//go:build infra

package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "write the committed templates anew")

// committed is the context of the committed templates: what the local stack is
// provisioned from.
var committed = map[string]any{"stage": "local"}

// TestTemplateIsCommitted compares the templates with those in assembly/.
func TestTemplateIsCommitted(t *testing.T) {
	for name, raw := range synthRaw(t, committed) {
		got := normalise(t, raw)
		path := filepath.Join("assembly", name+".json")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil { //nolint:gosec // a committed file
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: `make template` writes it anew", path)
		}
	}
}

// asset is the name of a built function: a hash of its content, which says
// nothing about the template.
var asset = regexp.MustCompile(`[0-9a-f]{64}\.zip`)

// normalise encodes a template with sorted keys and masked assets.
func normalise(t *testing.T, raw any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(raw); err != nil {
		t.Fatal(err)
	}
	return asset.ReplaceAll(b.Bytes(), []byte("asset.zip"))
}
