package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// place names a value on the board.
type place struct {
	Topic string `json:"topic"`
	Key   string `json:"key,omitempty"`
}

// update is what a page is told: the value that is now in a place, null if it
// was taken away.
type update struct {
	place
	Value json.RawMessage `json:"value"`
}

// board holds the latest value of each place. A page that is slow misses
// values in between, never the latest one, and nothing piles up for it.
type board struct {
	mu      sync.Mutex
	closed  bool
	values  map[place]json.RawMessage
	viewers map[*viewer]struct{}
}

// viewer is one page that looks.
type viewer struct {
	stale map[place]struct{} // guarded by the board's mu
	wake  chan struct{}      // closed at the end
}

func newBoard() *board {
	return &board{values: map[place]json.RawMessage{}, viewers: map[*viewer]struct{}{}}
}

// watched reports whether anybody looks.
func (b *board) watched() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.viewers) > 0
}

// put sets a value, which is encoded as JSON.
func (b *board) put(topic, key string, value any) {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("console: encode %s: %v", topic, err)) // our own types
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := place{topic, key}
	if bytes.Equal(b.values[at], encoded) {
		return
	}
	b.values[at] = encoded
	b.tell(at)
}

// keep takes away the values of a topic whose keys are not among those given.
func (b *board) keep(topic string, keys map[string]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for at := range b.values {
		if at.Topic == topic && !keys[at.Key] {
			delete(b.values, at)
			b.tell(at)
		}
	}
}

// tell marks a place as changed for every viewer. The caller holds mu.
func (b *board) tell(at place) {
	for v := range b.viewers {
		v.stale[at] = struct{}{}
		select {
		case v.wake <- struct{}{}:
		default:
		}
	}
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Key, b.Key))
}

func (b *board) join() (*viewer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, false
	}
	v := &viewer{stale: map[place]struct{}{}, wake: make(chan struct{}, 1)}
	for at := range b.values {
		v.stale[at] = struct{}{}
	}
	b.viewers[v] = struct{}{}
	return v, true
}

func (b *board) leave(v *viewer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.viewers, v)
}

// take returns what is new for a viewer, ordered by place.
func (b *board) take(v *viewer) []update {
	b.mu.Lock()
	defer b.mu.Unlock()
	updates := make([]update, 0, len(v.stale))
	for _, at := range slices.SortedFunc(maps.Keys(v.stale), comparePlaces) {
		value := b.values[at]
		if value == nil {
			value = json.RawMessage("null")
		}
		updates = append(updates, update{at, value})
	}
	clear(v.stale)
	return updates
}

// close ends every stream.
func (b *board) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for v := range b.viewers {
		close(v.wake)
	}
	b.viewers = map[*viewer]struct{}{}
}

// serve streams the board as server-sent events, one array of updates each
// (https://html.spec.whatwg.org/multipage/server-sent-events.html).
func (b *board) serve(w http.ResponseWriter, r *http.Request, refresh func()) {
	v, ok := b.join()
	if !ok {
		http.Error(w, "the console is shutting down", http.StatusServiceUnavailable)
		return
	}
	defer b.leave(v)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	refresh()
	for {
		if updates := b.take(v); len(updates) > 0 {
			encoded, err := json.Marshal(updates)
			if err != nil {
				panic(fmt.Sprintf("console: encode updates: %v", err)) // made of JSON
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", encoded); err != nil {
				return
			}
		}
		if out.Flush() != nil {
			return
		}
		select {
		case _, open := <-v.wake:
			if !open {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
