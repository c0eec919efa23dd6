// Package leak watches what is logged for what must never be: tokens, tickets,
// what a handshake carried, and the data of messages. Every stack of a test has
// a Watch over all that its functions and services log; `make test` holds the
// output of the tests themselves against the same patterns.
package leak

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
)

// pattern knows secrets by their look: a JWT, a ticket, a bearer token, and
// the header that would hold one.
var pattern = regexp.MustCompile(`eyJ[\w-]{6,}\.[\w-]{6,}|gtk_[\w-]{8,}|(?i:bearer[. ][\w-]{8,}|sec-websocket-(?:protocol|key))`)

// Look returns what in a line looks like a secret, but for all of it: "" if
// nothing does.
func Look(line []byte) string {
	return masked(pattern.Find(line))
}

// masked keeps enough to find the place, and not enough to use the secret.
func masked(secret []byte) string {
	if len(secret) == 0 {
		return ""
	}
	return fmt.Sprintf("%q… (%d bytes)", secret[:min(6, len(secret))], len(secret))
}

// remembered is how many events a Watch remembers.
const remembered = 256

// Watch looks through what is logged. It is safe for concurrent use.
type Watch struct {
	mu     sync.Mutex
	events [][]byte // the latest, in a ring, as long as nobody needs them taken apart
	next   int
	known  [][][]byte // what each of them holds that must not be logged
	found  []error
}

// New returns a Watch that has seen nothing.
func New() *Watch {
	return &Watch{events: make([][]byte, remembered), known: make([][][]byte, remembered)}
}

// Event tells of an event that a function was handed: what it carries must not
// be logged from now on.
func (w *Watch) Event(payload []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events[w.next], w.known[w.next] = payload, nil
	w.next = (w.next + 1) % remembered
}

// Writer passes on to next what is logged, one line a call, and looks at it.
func (w *Watch) Writer(next io.Writer) io.Writer { return writer{w, next} }

type writer struct {
	*Watch
	next io.Writer
}

func (w writer) Write(line []byte) (int, error) {
	w.look(line)
	return w.next.Write(line)
}

// tooMany is how many findings are enough.
const tooMany = 10

func (w *Watch) look(line []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.found) >= tooMany {
		return
	}
	if secret := Look(line); secret != "" {
		w.found = append(w.found, fmt.Errorf("a secret is logged: %s in %s", secret, pattern.ReplaceAll(bytes.TrimSpace(line), []byte("…"))))
		return
	}
	for i, event := range w.events {
		if event != nil { // not taken apart yet
			w.known[i], w.events[i] = confidential(event), nil
		}
		for _, secret := range w.known[i] {
			if bytes.Contains(line, secret) {
				w.found = append(w.found, fmt.Errorf("what a client sent is logged: %s in %s", masked(secret),
					bytes.ReplaceAll(bytes.TrimSpace(line), secret, []byte("…"))))
				return
			}
		}
	}
}

// Found is what was logged that must not be; nil if nothing was.
func (w *Watch) Found() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.found...)
}
