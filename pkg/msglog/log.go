package msglog

import (
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
)

// Config tunes a Log. The zero value of a field means its default.
type Config struct {
	// Retention is the time an entry can be replayed. Default 24 h.
	Retention time.Duration
	// Window is the time a key is remembered. Default 10 min; at most Retention,
	// because a mark must not outlive its entry.
	Window time.Duration
	// HeadLifetime is the time a head is kept after it last handed out a number.
	// Then the room starts over under another epoch. Default two retentions and a
	// day; at least the retention and a minute, so that the head outlives the
	// entries that can be replayed and the functions that still work on a number.
	// DynamoDB may delete it days later.
	HeadLifetime time.Duration
	// HoleWait is the time the drainer waits for a slow writer before it fills
	// the hole. Default 1 s.
	HoleWait time.Duration
	// HolePoll is the interval at which the drainer checks a hole. Default 50 ms.
	HolePoll time.Duration
	// PageEntries is the number of entries that one read of the store asks for.
	// Default 32.
	PageEntries int
}

// WithDefaults returns c with every zero field set to its default.
func (c Config) WithDefaults() Config {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&c.Retention, 24*time.Hour)
	set(&c.Window, 10*time.Minute)
	set(&c.HeadLifetime, 2*c.Retention+24*time.Hour)
	set(&c.HoleWait, time.Second)
	set(&c.HolePoll, 50*time.Millisecond)
	if c.PageEntries == 0 {
		c.PageEntries = 32
	}
	return c
}

// longestRun bounds the time that an appending function may take (29 s behind API
// Gateway), with room for clocks that disagree.
const longestRun = time.Minute

func (c Config) validate() error {
	switch {
	case c.Retention < 0, c.Window < 0, c.HoleWait < 0, c.HolePoll <= 0, c.PageEntries < 0:
		return fmt.Errorf("log configuration has a negative value: %+v", c)
	case c.Window > c.Retention:
		return fmt.Errorf("idempotency window %v is longer than the retention %v", c.Window, c.Retention)
	case c.HeadLifetime < c.Retention+longestRun:
		return fmt.Errorf("head lifetime %v is not %v longer than the retention %v", c.HeadLifetime, longestRun, c.Retention)
	}
	return nil
}

// Log reads and appends. It holds no state and is safe for concurrent use.
type Log struct {
	store    Store
	clock    clock.Clock
	newEpoch func() string
	config   Config
}

// New returns a Log over store. newEpoch must never return an id twice.
func New(store Store, c clock.Clock, newEpoch func() string, config Config) (*Log, error) {
	config = config.WithDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	return &Log{store, c, newEpoch, config}, nil
}
