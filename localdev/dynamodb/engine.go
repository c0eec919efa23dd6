// Package dynamodb is an embedded DynamoDB: tables in memory behind the wire
// protocol that AWS SDKs speak. What it does and what it refuses is listed in
// README.md.
package dynamodb

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gapless-rooms/gapless/localdev/clock"
	"github.com/gapless-rooms/gapless/localdev/service"
)

// Config is what a Service takes from its owner. The zero value is usable.
type Config struct {
	// Clock tells creation times, the age of transaction tokens and what has
	// expired. Default: the system's clock.
	Clock clock.Clock
	// Region and AccountID appear in ARNs. Defaults: us-east-1, 000000000000.
	Region    string
	AccountID string
	// Fault, if set, is asked before every well-formed request whether and
	// how that shall go wrong. tables are the names of the request's tables,
	// sorted and separated by commas. It may be called concurrently.
	Fault func(operation, tables string) Fault
	// StaleReads, if set, is asked before every eventually consistent read
	// how many writes of the table that read shall lag behind; 0 is the
	// present, and what exceeds HistoryLength is cut. It may be called
	// concurrently.
	StaleReads func(Read) int
}

// WithDefaults is c with its defaults filled in.
func (c Config) WithDefaults() Config {
	service.Default(&c.Clock, &c.Region, &c.AccountID)
	return c
}

// Service is an embedded DynamoDB. It is an http.Handler and safe for
// concurrent use; every operation is linearizable. It starts no goroutine and
// waits for nothing but its own short locks, so that it can be used inside a
// testing/synctest bubble.
type Service struct {
	config   Config
	requests atomic.Uint64
	front    http.Handler
	calls    service.Observers[Call]
	fault    service.Hook[func(operation, tables string) Fault]

	mu     sync.RWMutex // guards tables; taken before any table's lock
	tables map[string]*table

	tokens tokenStore
}

// New returns a Service without tables.
func New(config Config) *Service {
	e := &Service{config: config.WithDefaults(), tables: map[string]*table{}}
	e.fault.Set(config.Fault)
	e.front = newFront(e)
	return e
}

func (e *Service) now() time.Time { return e.config.Clock.Now() }

func (e *Service) lookup(name string) *table {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.tables[name]
}

// lockForRead is the table, read-locked until done is called.
func (e *Service) lockForRead(name string) (t *table, done func(), err error) {
	t = e.lookup(name)
	if t == nil {
		return nil, nil, errTableNotFound()
	}
	t.mu.RLock()
	if t.deleted {
		t.mu.RUnlock()
		return nil, nil, errTableNotFound()
	}
	return t, t.mu.RUnlock, nil
}

// lockForWrite is the table, write-locked until done is called.
func (e *Service) lockForWrite(name string) (t *table, done func(), err error) {
	tables, done, err := e.lockAll([]string{name}, true)
	return tables[name], done, err
}

// lockAll locks several tables in the order of their names.
func (e *Service) lockAll(names []string, write bool) (tables map[string]*table, done func(), err error) {
	tables = map[string]*table{}
	var unlock []func()
	done = func() {
		for _, each := range unlock {
			each()
		}
	}
	names = slices.Clone(names)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		t := e.lookup(name)
		if t == nil {
			done()
			return nil, nil, errTableNotFound()
		}
		if write {
			t.mu.Lock()
			unlock = append(unlock, t.mu.Unlock)
		} else {
			t.mu.RLock()
			unlock = append(unlock, t.mu.RUnlock)
		}
		if t.deleted {
			done()
			return nil, nil, errTableNotFound()
		}
		tables[name] = t
	}
	return tables, done, nil
}

func (e *Service) tableNames() []string {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return slices.Sorted(maps.Keys(e.tables))
}
