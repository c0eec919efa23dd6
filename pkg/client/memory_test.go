package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// memory is a transport whose server is a script.
type memory struct {
	mu      sync.Mutex
	sockets []*socket
}

// socket is one connection of memory, seen from the server.
type socket struct {
	url    string
	header http.Header
	opened chan error // the answer to the handshake
	toPeer chan []byte
	ended  chan struct{}

	mu     sync.Mutex
	once   sync.Once
	why    error
	sent   []string      // frames of the client, not yet taken
	dialed bool          // taken
	closed bool          // by the client
	slow   chan struct{} // if not nil, CloseNow waits for it
	full   chan struct{} // if not nil, Write waits for it
}

var errClosedHere = errors.New("closed here")

func (m *memory) Dial(ctx context.Context, url string, header http.Header) (Conn, error) {
	s := &socket{url: url, header: header, opened: make(chan error, 1), toPeer: make(chan []byte, 1000), ended: make(chan struct{})}
	m.mu.Lock()
	m.sockets = append(m.sockets, s)
	m.mu.Unlock()
	select {
	case err := <-s.opened:
		if err != nil {
			return nil, &DialError{Err: err}
		}
		return s, nil
	case <-ctx.Done():
		s.byClient()
		return nil, ctx.Err()
	}
}

func (m *memory) socket(n int) *socket {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n < 1 || n > len(m.sockets) {
		return nil
	}
	return m.sockets[n-1]
}

func (s *socket) end(why error) {
	s.once.Do(func() {
		s.why = why
		close(s.ended)
	})
}

func (s *socket) Read(ctx context.Context) ([]byte, error) {
	select {
	case b := <-s.toPeer:
		return b, nil
	default:
	}
	select {
	case b := <-s.toPeer:
		return b, nil
	case <-s.ended:
		return nil, s.why
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *socket) Write(ctx context.Context, b []byte) error {
	if s.full != nil {
		select {
		case <-s.full:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ended:
		return errClosedHere
	default:
	}
	s.sent = append(s.sent, string(b))
	return nil
}

func (s *socket) byClient() {
	s.once.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.why = errClosedHere
		close(s.ended)
	})
}

func (s *socket) Close() error { s.byClient(); return nil }

func (s *socket) CloseNow() error {
	if s.slow != nil {
		<-s.slow
	}
	s.byClient()
	return nil
}
