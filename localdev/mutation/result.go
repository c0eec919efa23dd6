package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Result is a line of the results.
type Result struct {
	Key string `json:"key"`
	*Mutant
	Verdict
	// Source is the hash of the file that was mutated, and Judges that of the
	// judges' binaries: a kill is believed as long as the file stays as it is,
	// a survival only as long as the tests do too.
	Source string `json:"source"`
	Judges string `json:"judges"`
}

// results are kept in a file, one line each, the last of a mutant counts.
type results struct {
	mu    sync.Mutex
	file  *os.File
	known map[string]Result
}

func openResults(path string) (*results, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // no secret
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644) //nolint:gosec // no secret
	if err != nil {
		return nil, err
	}
	r := &results{file: f, known: map[string]Result{}}
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var one Result
		err := d.Decode(&one)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // cut off when it was stopped
			return r, nil
		}
		if err != nil {
			return nil, err
		}
		r.known[one.Key] = one
	}
}

func (r *results) add(one Result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[one.Key] = one
	b, err := json.Marshal(one)
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(b, '\n'))
	return err
}

// earlier returns what is known of a mutant, if it still holds.
func (r *results) earlier(m *Mutant, source, judges string) (Result, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, ok := r.known[m.Key()]
	if !ok || one.Source != source {
		return one, false
	}
	return one, one.Status == Killed || one.Status == TimedOut || one.Judges == judges
}

func hash(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
