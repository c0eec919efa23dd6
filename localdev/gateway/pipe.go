package gateway

import (
	"context"
	"io"
	"sync"

	"github.com/gobwas/ws"
)

// pipeFrames is how many frames one direction of an in-memory connection holds
// before the writer has to wait: the counterpart of a socket's kernel buffers.
const pipeFrames = 16

// pipe is one direction of an in-memory connection: a bounded queue of frames.
// Waiting is done on channels, so that a testing/synctest bubble can tell that
// nothing moves. It is safe for concurrent use.
type pipe struct {
	mu      sync.Mutex
	frames  []frame
	ended   bool // no more frames will be written
	broken  bool // both sides fail at once
	changed chan struct{}
}

func newPipe() *pipe { return &pipe{changed: make(chan struct{})} }

// push appends f, waiting while the pipe is full. It fails with ErrCut when
// the pipe is broken, io.ErrClosedPipe when it has ended, or ctx's error.
func (p *pipe) push(ctx context.Context, f frame) error {
	for {
		full, err := p.offer(f)
		if err != nil || full == nil {
			return err
		}
		if err := wait(ctx, full); err != nil {
			return err
		}
	}
}

// offer appends f if there is room, which a close frame, the last that a side
// sends, always has. When the pipe is full it returns a channel
// that is closed once the pipe has changed; its errors are those of push.
func (p *pipe) offer(f frame) (full <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.broken:
		return nil, ErrCut
	case p.ended:
		return nil, io.ErrClosedPipe
	case len(p.frames) >= pipeFrames && f.header.OpCode != ws.OpClose:
		return p.changed, nil
	}
	p.frames = append(p.frames, f)
	p.signal()
	return nil, nil
}

// pull removes the oldest frame, waiting while the pipe is empty. It fails
// with ErrCut when the pipe is broken, io.EOF when it has ended and is empty,
// or ctx's error.
func (p *pipe) pull(ctx context.Context) (frame, error) {
	for {
		p.mu.Lock()
		switch {
		case p.broken:
			p.mu.Unlock()
			return frame{}, ErrCut
		case len(p.frames) > 0:
			f := p.frames[0]
			p.frames = p.frames[1:]
			p.signal()
			p.mu.Unlock()
			return f, nil
		case p.ended:
			p.mu.Unlock()
			return frame{}, io.EOF
		}
		changed := p.changed
		p.mu.Unlock()
		if err := wait(ctx, changed); err != nil {
			return frame{}, err
		}
	}
}

// end lets no further frame in; those inside can still be pulled.
func (p *pipe) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.signal()
}

// sever fails everything at once and drops what is inside.
func (p *pipe) sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = true
	p.frames = nil
	p.signal()
}

// signal wakes everyone who waits. The caller holds mu.
func (p *pipe) signal() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func wait(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// memory is the transport over two pipes.
type memory struct {
	in, out *pipe // as the session sees them
}

var _ transport = (*memory)(nil)

func newMemory() *memory { return &memory{in: newPipe(), out: newPipe()} }

func (m *memory) read(limit int64) (frame, error) {
	// The pipe is severed or ended when the session has to stop waiting.
	f, err := m.in.pull(context.Background())
	if err == nil && f.header.Length > limit {
		f.payload = nil
	}
	return f, err
}

func (m *memory) drain() {
	for {
		if _, err := m.in.pull(context.Background()); err != nil {
			return
		}
	}
}

func (m *memory) write(frames []frame) error {
	for _, f := range frames {
		if err := m.out.push(context.Background(), f); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) close() {
	m.out.end()
	m.in.end()
}

func (m *memory) cut() {
	m.in.sever()
	m.out.sever()
}
