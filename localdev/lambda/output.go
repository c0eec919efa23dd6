package lambda

import (
	"bytes"
	"io"
	"sync"
)

// lineWriter writes lines of several processes, none mixed with another.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// maxTail is how much of a process' last output is kept, in bytes.
const maxTail = 4 << 10

// output takes what one process prints. It is written by one goroutine at a
// time, and read once that has ended.
type output struct {
	lines   *lineWriter
	partial []byte
	tail    []byte // the last that was printed
}

// Write passes whole lines on. It never fails: a log that cannot be written
// stops no function.
func (o *output) Write(p []byte) (int, error) {
	o.tail = append(o.tail, p...)
	o.tail = o.tail[max(0, len(o.tail)-maxTail):]
	o.partial = append(o.partial, p...)
	if end := bytes.LastIndexByte(o.partial, '\n') + 1; end > 0 {
		o.write(o.partial[:end])
		o.partial = append(o.partial[:0], o.partial[end:]...)
	}
	return len(p), nil
}

// flush passes on the last line of a process that did not end it.
func (o *output) flush() {
	if len(o.partial) > 0 {
		o.write(append(o.partial, '\n'))
		o.partial = nil
	}
}

func (o *output) write(lines []byte) {
	o.lines.mu.Lock()
	defer o.lines.mu.Unlock()
	_, _ = o.lines.w.Write(lines) // see Write
}
