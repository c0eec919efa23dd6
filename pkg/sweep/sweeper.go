// Package sweep checks, once a minute, the connections that are due. It ends
// those that must not stay, removes those that are gone, and puts dead letters
// back.
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
	// CheckEvery is the interval at which a live connection is checked. Default
	// 10 min, which costs 6 GetConnection and 6 writes an hour.
	CheckEvery time.Duration
	// IdleAfter is the time that a connection may show no sign of life. Default
	// 10 min, after which API Gateway closes a connection that neither side uses.
	IdleAfter time.Duration
	// Margin is the time before its deadline at which a sweep begins nothing
	// more. Calls in progress end at half of it. Default 5 s.
	Margin time.Duration
	// CallTimeout limits one call of the gateway. Default 3 s.
	CallTimeout time.Duration
	// Width limits how many connections are checked concurrently. Default 32.
	Width int
	// MaxConnections is the number of live connections that one user may have.
	// Default 100; negative means no limit.
	MaxConnections int
	// SpreadMs limits the random pause after which clients that are told to
	// reconnect do so. Default 2,000 ms.
	SpreadMs int64
	// RestartSpreadMs does the same where many clients must reconnect through no
	// fault of theirs. Default 15,000 ms: see connection.Rebalance.
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

// Parts are the dependencies of a Sweeper; all are required except Hooks.
type Parts struct {
	Connections connection.Store
	Revocations *revocation.Guard
	Gateway     connection.Gateway
	Remover     *connection.Remover
	Leaver      *connection.Leaver
	Members     Members
	Heads       Heads
	Hooks       *hook.Runner // nil for none
	// Policy decides what tokens grant. Its zero value grants nothing to tokens
	// that do not mention rooms.
	Policy      auth.Policy
	Waker       broadcast.Waker
	DeadLetters DeadLetters
	Clock       clock.Clock
	Random      func(n int64) int64 // uniform in [0, n)
	Logger      *slog.Logger
}

// Sweeper sweeps. It is safe for concurrent use: two concurrent sweeps do the
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
	// Woken counts the rooms whose messages waited and had to be woken.
	Woken int64
	// Open is the number of connections read, including those that this sweep has
	// ended. It is valid only if Counted.
	Open int64
	// Counted is true if all connections were read.
	Counted bool
	// Unasked counts the memberships about which the application should have been
	// asked and was not, because time ran out or its hooks failed.
	Unasked int64
	// Unfinished is true if time ran out; what is still due waits for the next
	// sweep.
	Unfinished bool
}

// Sweep checks everything that is due. A connection that cannot be handled stays
// due and does not stop the others.
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
	failures                                   atomic.Int64 // failed hooks
	asks                                       atomic.Int64 // requests about connections that are not due
	open                                       atomic.Int64
	unfinished, uncounted                      atomic.Bool
	revoked                                    revocation.List // set before the first check

	mu    sync.Mutex
	alive []connection.Connection // due, and may stay
}

// found records a connection that was due and stays.
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

// partitionWidth limits how many partitions are read concurrently.
const partitionWidth = 4

// everything is later than any next check: a sweep reads all connections, to find
// the revoked ones and to count each user's. That costs as much as reading only
// the due ones, because DynamoDB charges before it filters.
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
	// Without the list, revoked connections would count.
	count := s.config.MaxConnections > 0 && unread == nil
	var partitions errgroup.Group
	partitions.SetLimit(partitionWidth)
	var work errgroup.Group
	work.SetLimit(s.config.Width)
	n := s.Connections.Partitions()
	// Each minute starts with another partition, so that sweeps that run out of
	// time do not always skip the same ones.
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

// judge reports whether to check a connection now. It condemns a connection whose
// token is revoked, even if it is not due. A Closing connection waits for its
// date, until which a join may be in progress.
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
