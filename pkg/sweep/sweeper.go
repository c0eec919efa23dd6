// Package sweep is the reaper: once a minute it looks at the connections that
// are due, ends those that must not stay, forgets those that are gone, and puts
// dead-lettered wake-ups back.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/hook"
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/revocation"
)

// Config tunes a Sweeper. The zero value of a field means its default.
type Config struct {
	// CheckEvery is after how long a live connection is looked at again.
	// Default 10 min, which is 6 GetConnection and 6 writes an hour.
	CheckEvery time.Duration
	// IdleAfter is for how long a connection may show no sign of life.
	// Default 10 min, which is when API Gateway closes one that neither side
	// uses.
	IdleAfter time.Duration
	// Margin is how long before its deadline a sweep begins nothing any more. What
	// is under way ends at half of it. Default 5 s.
	Margin time.Duration
	// CallTimeout bounds a call of the gateway. Default 3 s.
	CallTimeout time.Duration
	// Width bounds how many connections are looked at at once. Default 32.
	Width int
	// MaxConnections is how many live connections one user may have. Default 100;
	// negative means any number.
	MaxConnections int
	// SpreadMs bounds the pause after which clients that are told to come back
	// do so; each gets a random one. Default 2,000 ms.
	SpreadMs int64
	// RestartSpreadMs does so for those that are ended for no fault of theirs,
	// and many at once. Default 15,000 ms: see connection.Rebalance.
	RestartSpreadMs int64
}

// WithDefaults returns c with every zero field set to its default.
func (c Config) WithDefaults() Config {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&c.CheckEvery, 10*time.Minute)
	set(&c.IdleAfter, 10*time.Minute)
	set(&c.Margin, 5*time.Second)
	set(&c.CallTimeout, 3*time.Second)
	if c.Width == 0 {
		c.Width = 32
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = 100
	}
	if c.SpreadMs == 0 {
		c.SpreadMs = 2000
	}
	if c.RestartSpreadMs == 0 {
		c.RestartSpreadMs = 15_000
	}
	return c
}

// Parts are what a Sweeper works with; all are required but Hooks.
type Parts struct {
	Connections connection.Store
	Revocations *revocation.Guard
	Gateway     connection.Gateway
	Remover     *connection.Remover
	Leaver      *connection.Leaver
	Members     Members
	Heads       Heads
	Hooks       *hook.Runner // nil without
	// Policy says what tokens grant. Its zero value grants nothing to those that
	// say nothing of rooms.
	Policy      auth.Policy
	Waker       broadcast.Waker
	DeadLetters DeadLetters
	Clock       clock.Clock
	Random      func(n int64) int64 // uniform in [0, n)
	Logger      *slog.Logger
}

// Sweeper sweeps. It is safe for concurrent use: two sweeps at once do the same
// work twice and no harm.
type Sweeper struct {
	Parts
	config Config
}

// New returns a Sweeper.
func New(parts Parts, config Config) *Sweeper {
	config = config.WithDefaults()
	parts.Gateway = bounded{parts.Gateway, config.CallTimeout}
	return &Sweeper{parts, config}
}

// Report counts what a sweep did.
type Report struct {
	Checked, Ended, Removed, Redriven int64
	// Woken counts the rooms in which messages waited and nobody delivered them.
	Woken int64
	// Open is how many connections were there when they were read, those
	// included that this sweep has ended. It means nothing unless Counted.
	Open int64
	// Counted says that all of them were read.
	Counted bool
	// Unasked are the memberships about which the application was to be asked
	// and was not, for want of time or because its hooks failed.
	Unasked int64
	// Unfinished says that time ran out; what is still due waits for the next
	// sweep.
	Unfinished bool
}

// Sweep looks at everything that is due. A connection that cannot be handled
// now stays due and stops no other.
func (s *Sweeper) Sweep(ctx context.Context) (Report, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-s.config.Margin/2))
		defer cancel()
	}
	var t tally
	err := errors.Join(s.redrive(ctx, &t), s.sweepConnections(ctx, &t))
	report := t.report()
	s.Logger.InfoContext(ctx, "swept", "checked", report.Checked, "ended", report.Ended,
		"removed", report.Removed, "redriven", report.Redriven, "woken", report.Woken, "unasked", report.Unasked,
		"unfinished", report.Unfinished)
	return report, err
}

type tally struct {
	checked, ended, removed, redriven, unasked atomic.Int64
	woken                                      atomic.Int64
	heads                                      sync.Map     // rooms whose heads were read
	failures                                   atomic.Int64 // of hooks
	asks                                       atomic.Int64 // for connections that are not due
	open                                       atomic.Int64
	unfinished, uncounted                      atomic.Bool
	revoked                                    revocation.List // set before the first look

	mu    sync.Mutex
	alive []connection.Connection // due, and to stay
}

// found notes a connection that was due and stays.
func (t *tally) found(c connection.Connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.alive = append(t.alive, c)
}

func (t *tally) report() Report {
	return Report{
		Checked: t.checked.Load(), Ended: t.ended.Load(), Removed: t.removed.Load(), Redriven: t.redriven.Load(),
		Woken: t.woken.Load(),
		Open:  t.open.Load(), Counted: !t.uncounted.Load(),
		Unasked: t.unasked.Load(), Unfinished: t.unfinished.Load(),
	}
}

// partitionWidth bounds how many partitions are read at once.
const partitionWidth = 4

// everything is later than any next check: a sweep reads all connections, to
// find the revoked and to count each user's. That costs what reading those that
// are due would cost, since DynamoDB filters after it has counted.
var everything = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *Sweeper) sweepConnections(ctx context.Context, t *tally) error {
	if s.outOfTime(ctx) {
		t.unfinished.Store(true)
		t.uncounted.Store(true)
		return nil
	}
	now := s.Clock.Now()
	revoked, unread := s.Revocations.Read(ctx)
	t.revoked = revoked
	var everybody crowd
	// Without the list, those that were taken back would take places.
	count := s.config.MaxConnections > 0 && unread == nil
	var partitions errgroup.Group
	partitions.SetLimit(partitionWidth)
	var work errgroup.Group
	work.SetLimit(s.config.Width)
	n := s.Connections.Partitions()
	// Each minute another is the first: sweeps that run out of time must not all
	// leave out the same.
	first := int(now.Unix() / 60 % int64(n))
	for i := range n {
		p := (first + i) % n
		partitions.Go(func() error {
			due := connection.DueParams{Partition: p, Now: everything}
			for {
				if s.outOfTime(ctx) {
					t.unfinished.Store(true)
					t.uncounted.Store(true)
					return nil
				}
				page, cursor, err := s.Connections.Due(ctx, due)
				if err != nil {
					t.uncounted.Store(true)
					return fmt.Errorf("read due connections of partition %d: %w", p, err)
				}
				for _, c := range page {
					if !c.Closing {
						t.open.Add(1)
					}
					must := judge(&c, revoked, now)
					if count {
						everybody.add(c, now)
					}
					if !must && !untold(c) && !s.unsettled(c) {
						continue
					}
					work.Go(func() error { s.visit(ctx, c, t); return nil })
				}
				if cursor == "" {
					return nil
				}
				due.Cursor = cursor
			}
		})
	}
	err := partitions.Wait()
	if count {
		for _, all := range everybody.over(s.config.MaxConnections) {
			for _, id := range s.excess(ctx, all, t) {
				work.Go(func() error { s.dismiss(ctx, id, t); return nil })
			}
		}
	}
	err = errors.Join(unread, err, work.Wait())
	s.ask(ctx, t)
	return err
}

// judge reports whether a connection is to be looked at now. One whose token
// was taken back is under sentence whenever it is due; one that is Closing
// waits for its date, until which a join may be under way.
func judge(c *connection.Connection, revoked revocation.List, now time.Time) bool {
	due := !c.CheckAt.After(now)
	if !c.Closing && revoked.Holds(c.Identity.User, c.Session, c.Identity.Issued) {
		c.Sentence = protocol.CloseKicked.Code
		return true
	}
	return due
}

func (s *Sweeper) outOfTime(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || (ok && deadline.Sub(s.Clock.Now()) < s.config.Margin/2)
}

func (s *Sweeper) visit(ctx context.Context, c connection.Connection, t *tally) {
	if s.outOfTime(ctx) {
		t.unfinished.Store(true)
		return
	}
	t.checked.Add(1)
	if err := s.look(ctx, c, t); err != nil && !errors.Is(err, connection.ErrNotFound) {
		s.Logger.ErrorContext(ctx, "connection left for the next sweep", "connectionId", c.ID, "error", err)
	}
}
