package protocol

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var update = flag.Bool("update", false, "rewrite the results in testdata")

// readVectors decodes a file of testdata. An unknown field is an error, so that
// every part of a vector has an effect.
func readVectors[T any](t *testing.T, name string) T {
	t.Helper()
	var vectors T
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &vectors, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return vectors
}

// compareVectors writes the file with -update, and otherwise compares it.
func compareVectors(t *testing.T, name string, got any) {
	t.Helper()
	b, err := json.Marshal(got, json.Deterministic(true), jsontext.EscapeForJS(true), jsontext.WithIndent("  "))
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, b) {
		t.Errorf("%s differs from what the code does; see the failures above, or run with -update and read the diff", path)
	}
}

// frameSource is a client frame in one of the forms that testdata/README.md
// describes.
type frameSource struct {
	Frame       *string     `json:"frame,omitzero"`
	FrameBase64 []byte      `json:"frameBase64,omitzero"`
	FrameParts  []framePart `json:"frameParts,omitzero"`
}

type framePart struct {
	Text  string `json:"text"`
	Times int    `json:"times"`
}

// build returns the frame's bytes; a vector without a source is an empty frame.
func (s frameSource) build() []byte {
	switch {
	case s.Frame != nil:
		return []byte(*s.Frame)
	case s.FrameBase64 != nil:
		return s.FrameBase64
	}
	var b bytes.Buffer
	for _, part := range s.FrameParts {
		b.WriteString(strings.Repeat(part.Text, part.Times))
	}
	return b.Bytes()
}
