package dynamodb_test

import (
	"sync"

	"github.com/gapless-rooms/gapless/localdev/dynamodb"
)

// callLog keeps what OnCall saw.
type callLog struct {
	mu    sync.Mutex
	calls []dynamodb.Call
}

func (l *callLog) add(c dynamodb.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, c)
}

func (l *callLog) last() dynamodb.Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[len(l.calls)-1]
}
