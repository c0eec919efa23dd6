package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// gone is the number of consecutive signs after which a connection counts as
// gone.
const gone = 2

// look decides about one connection that is due, or whose memberships do not
// follow its token. c may come from an eventually consistent read. Before look
// ends it, or removes it for a second strike, it reads the connection again;
// otherwise a token renewed just now, or a strike taken back, would cost a live
// connection.
func (s *Sweeper) look(ctx context.Context, c connection.Connection, t *tally) error {
	now := s.Clock.Now()
	if c.Closing {
		return s.remove(ctx, c, t)
	}
	if _, suspect := verdict(c, now); suspect || c.Strikes+1 >= gone {
		fresh, err := s.Connections.Get(ctx, c.ID)
		if err != nil {
			return fmt.Errorf("read connection again: %w", err)
		}
		c = fresh
		judge(&c, t.revoked, now)
	}
	if why, ended := verdict(c, now); ended {
		return s.end(ctx, c, why, t)
	}
	if s.unsettled(c) {
		if err := s.settle(ctx, c.ID); err != nil {
			return err
		}
		if c.CheckAt.After(now) && !untold(c) {
			return nil
		}
	}
	status, err := s.Gateway.Status(ctx, c.ID)
	switch {
	case errors.Is(err, connection.ErrGone):
		if c.Strikes+1 >= gone {
			return s.remove(ctx, c, t)
		}
		// Due again at the next sweep: one 410 may be wrong.
		return s.Connections.Check(ctx, connection.CheckParams{ID: c.ID, Seen: c.CheckAt, Strikes: c.Strikes + 1, Next: now})
	case err != nil:
		return fmt.Errorf("ask for a connection: %w", err)
	case now.Sub(status.LastActiveAt) >= s.config.IdleAfter:
		return s.end(ctx, c, protocol.CloseIdle, t)
	}
	switch refuses, err := s.tellBehind(ctx, c, now); {
	case err != nil:
		return err
	case refuses:
		return s.end(ctx, c, protocol.CloseIdle, t)
	case c.CheckAt.After(now):
		return nil
	}
	if err := s.wakeStalled(ctx, c, now, t); err != nil {
		return err
	}
	next := connection.NextCheck(now, s.config.CheckEvery, c.Identity)
	if err := s.Connections.Check(ctx, connection.CheckParams{ID: c.ID, Seen: c.CheckAt, Next: next}); err != nil {
		return err
	}
	if s.Hooks != nil {
		t.found(c)
	}
	return nil
}

// verdict returns the reason for which a connection must end, whatever its socket
// does.
func verdict(c connection.Connection, now time.Time) (protocol.Close, bool) {
	switch {
	case c.Sentence != 0:
		why, known := protocol.CloseByCode(c.Sentence)
		if !known {
			why = protocol.CloseRestart
		}
		return why, true
	case !c.Authenticated():
		return protocol.CloseUnauthenticated, true
	case c.Expired(now):
		return protocol.CloseTokenExpired, true
	}
	return protocol.Close{}, false
}

// end says bye, closes the connection and removes it. A client that does not
// accept the bye is closed all the same.
func (s *Sweeper) end(ctx context.Context, c connection.Connection, why protocol.Close, t *tally) error {
	spread := s.config.SpreadMs
	if why == protocol.CloseRestart {
		spread = s.config.RestartSpreadMs
	}
	frame, err := protocol.Marshal(protocol.NewBye(why, 1+s.Random(spread)))
	if err != nil {
		return err
	}
	posted := s.Gateway.Post(ctx, c.ID, frame)
	if err := s.Gateway.Close(ctx, c.ID); err != nil && !errors.Is(err, connection.ErrGone) {
		return fmt.Errorf("close connection: %w", errors.Join(err, posted))
	}
	if posted != nil && !errors.Is(posted, connection.ErrGone) {
		s.Logger.WarnContext(ctx, "connection closed without a bye", "connectionId", c.ID, "error", posted)
	}
	t.ended.Add(1)
	return s.remove(ctx, c, t)
}

func (s *Sweeper) remove(ctx context.Context, c connection.Connection, t *tally) error {
	removed, err := s.Remover.Remove(ctx, c.ID)
	if err != nil {
		return err
	}
	t.removed.Add(1)
	if c.Closing {
		return nil // the function that marked it has told the rooms
	}
	if err := s.Waker.Wake(ctx, broadcast.LeftWakes(removed)...); err != nil {
		return fmt.Errorf("tell rooms who left: %w", err)
	}
	return nil
}
