package gateway

import (
	"bufio"
	"io"
	"net"
	"sync"

	"github.com/gobwas/ws"
)

// frame is one WebSocket frame. The payload is unmasked; it is nil when the
// frame was longer than the reader allowed, with header telling its length.
type frame struct {
	header  ws.Header
	payload []byte
}

func newFrame(op ws.OpCode, fin bool, payload []byte) frame {
	return frame{
		header:  ws.Header{Fin: fin, OpCode: op, Length: int64(len(payload))},
		payload: payload,
	}
}

// transport carries frames between one client and its session. One goroutine
// reads and one writes; cut and close may be called from any goroutine and
// more than once.
type transport interface {
	// read returns the client's next frame. A frame longer than limit comes
	// without its payload, and nothing can be read after it.
	read(limit int64) (frame, error)
	// drain reads and forgets what still comes, until the transport fails or
	// the client ends it.
	drain()
	// write sends frames and returns when the peer's buffer has taken them.
	// It blocks while the client does not read.
	write(frames []frame) error
	// close ends the transport in order: what was written can still be read.
	close()
	// cut drops the transport: reads and writes of both sides fail at once.
	cut()
}

// socket is the transport over a hijacked TCP or TLS connection.
type socket struct {
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
	once sync.Once
}

var _ transport = (*socket)(nil)

// newSocket takes over conn, whose bytes already read are in in. sendBuffer
// bounds the kernel's send buffer where the connection has one.
func newSocket(conn net.Conn, in *bufio.Reader, sendBuffer int) *socket {
	if c, ok := conn.(interface{ SetWriteBuffer(int) error }); ok {
		// A refusal only makes the emulated client-side buffer larger.
		_ = c.SetWriteBuffer(sendBuffer)
	}
	return &socket{conn: conn, in: in, out: bufio.NewWriterSize(conn, 4096)}
}

func (s *socket) read(limit int64) (frame, error) {
	header, err := ws.ReadHeader(s.in)
	if err != nil {
		return frame{}, err
	}
	if header.Length > limit {
		return frame{header: header}, nil
	}
	payload := make([]byte, header.Length)
	if _, err := io.ReadFull(s.in, payload); err != nil {
		return frame{}, err
	}
	if header.Masked {
		ws.Cipher(payload, header.Mask, 0)
	}
	return frame{header: header, payload: payload}, nil
}

func (s *socket) drain() { _, _ = io.Copy(io.Discard, s.in) }

func (s *socket) write(frames []frame) error {
	for _, f := range frames {
		if err := ws.WriteHeader(s.out, f.header); err != nil {
			return err
		}
		if _, err := s.out.Write(f.payload); err != nil {
			return err
		}
	}
	return s.out.Flush()
}

func (s *socket) close() {
	s.once.Do(func() { _ = s.conn.Close() })
}

// cut resets the connection, so that the client sees an error and no orderly
// end.
func (s *socket) cut() {
	s.once.Do(func() {
		if c, ok := s.conn.(interface{ SetLinger(int) error }); ok {
			_ = c.SetLinger(0)
		}
		_ = s.conn.Close()
	})
}
