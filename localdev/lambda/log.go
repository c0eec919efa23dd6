package lambda

import (
	"bytes"
	"fmt"
	"math"
	"sync"
	"time"
)

// LogLine is one line of a function's log.
type LogLine struct {
	Function string
	// Environment is the number of the environment that printed it.
	Environment int
	// RequestID is the invocation's; empty in the init phase.
	RequestID string
	At        time.Time
	Text      string // without the line's end
}

// environmentLog takes what one environment prints, and keeps the end of what it
// printed in the current run. It is safe for concurrent use.
type environmentLog struct {
	tell     func(LogLine) // nil for nobody
	now      func() time.Time
	function string
	number   int

	mu      sync.Mutex
	current string // request id
	partial []byte
	tail    []byte
}

// Write passes whole lines on. It never fails.
func (l *environmentLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(p)
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.emit(string(line))
		l.partial = append(l.partial[:0], rest...)
	}
}

// keep adds to the tail. The caller holds mu.
func (l *environmentLog) keep(p []byte) {
	l.tail = append(l.tail, p...)
	l.tail = l.tail[max(0, len(l.tail)-maxTail):]
}

// emit passes a line on. The caller holds mu.
func (l *environmentLog) emit(text string) {
	if l.tell != nil {
		l.tell(LogLine{l.function, l.number, l.current, l.now(), text})
	}
}

// add adds a line of the service. The caller holds mu.
func (l *environmentLog) add(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	l.keep([]byte(line + "\n"))
	l.emit(line)
}

// start begins a run with the line that Lambda begins it with
// (https://docs.aws.amazon.com/lambda/latest/dg/golang-logging.html).
func (l *environmentLog) start(inv Invocation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current, l.tail = inv.RequestID, nil
	l.add("START RequestId: %s Version: $LATEST", inv.RequestID)
}

// end ends a run and returns the end of its log. How much memory the function
// used is not known here, so that REPORT does not say it.
func (l *environmentLog) end(def Function, r Result) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.emit(string(l.partial))
		l.keep([]byte("\n"))
		l.partial = l.partial[:0]
	}
	if r.Cause != nil {
		l.add("%s %s", r.RequestID, errorMessage(r.Payload))
	}
	l.add("END RequestId: %s", r.RequestID)
	ms := float64(r.Duration) / float64(time.Millisecond)
	report := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %d MB", r.RequestID, ms, math.Ceil(ms), def.MemoryMB)
	if r.Cold {
		report += fmt.Sprintf("\tInit Duration: %.2f ms", float64(r.InitDuration)/float64(time.Millisecond))
	}
	l.add("%s", report)
	l.current = ""
	return bytes.Clone(l.tail)
}
