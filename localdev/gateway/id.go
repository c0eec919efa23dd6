package gateway

import (
	"encoding/base64"
	"fmt"
	"io"
	"sync"
	"time"
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
	return base64.URLEncoding.EncodeToString(s.bytes(idBytes))
}

func (s *idSource) bytes(n int) []byte {
	raw := make([]byte, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := io.ReadFull(s.rand, raw); err != nil {
		panic(fmt.Sprintf("gateway: read randomness for an id: %v", err))
	}
	return raw
}

// trace returns a value for X-Amzn-Trace-Id.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-traceids
func (s *idSource) trace(now time.Time) string {
	return fmt.Sprintf("Root=1-%08x-%x", now.Unix(), s.bytes(12))
}

// validID reports whether id has the form of a connection id. The management
// API refuses others as a bad request instead of answering 410:
// https://github.com/localstack/localstack/issues/4694
func validID(id string) bool {
	raw, err := base64.URLEncoding.DecodeString(id)
	return err == nil && len(raw) == idBytes
}
