package gateway

import (
	"encoding/base64"
	"fmt"
	"io"
	"sync"
)

// idBytes is the number of random bytes in an id. Ids of connections, requests
// and messages have 16 characters of padded URL-safe base64, as the examples
// in AWS' documentation do ("L0SM9cOFvHcCIhw=").
const idBytes = 11

// idSource makes ids from a source of randomness. It is safe for concurrent
// use, so that a seeded source gives a repeatable sequence.
type idSource struct {
	mu   sync.Mutex
	rand io.Reader
}

// next returns a fresh id. It panics when the source fails: crypto/rand never
// does, and an emulator without ids cannot go on.
func (s *idSource) next() string {
	var raw [idBytes]byte
	s.mu.Lock()
	_, err := io.ReadFull(s.rand, raw[:])
	s.mu.Unlock()
	if err != nil {
		panic(fmt.Sprintf("gateway: read randomness for an id: %v", err))
	}
	return base64.URLEncoding.EncodeToString(raw[:])
}

// validID reports whether id has the form of a connection id. The management
// API refuses others as a bad request instead of answering 410:
// https://github.com/localstack/localstack/issues/4694
func validID(id string) bool {
	raw, err := base64.URLEncoding.DecodeString(id)
	return err == nil && len(raw) == idBytes
}
