package client

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestHandlersMayCallEverything: what a handler calls cannot wait for that very
// handler, nor hold up what else comes.
func TestHandlersMayCallEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var room *Room
		handled := make(chan error, 2)
		c, s := online(t, Options{OnState: func(change StateChange) {
			if change.State == Closed {
				_, err := room.Publish(t.Context(), "too late")
				handled <- err
			}
		}})
		room = c.Join("lobby", OnEphemeral(func(Ephemeral) {
			_, err := room.Publish(t.Context(), "from a handler")
			handled <- errors.Join(err, c.Close())
		}))
		synctest.Wait()
		s.answer(t, `{"epoch":"e","head":0,"recovered":true,"messages":[],"more":false}`)
		s.toPeer <- []byte(`{"push":"ephemeral","room":"lobby","user":"bob","data":1}`)
		s.toPeer <- []byte(`{"push":"messages","room":"lobby","epoch":"e","messages":[{"seq":1,"user":"bob","at":1,"data":1}]}`)
		if m, err := room.Next(t.Context()); err != nil || m.Seq != 1 {
			t.Errorf("while a handler is at work: %+v, %v", m, err)
		}
		synctest.Wait()
		s.answer(t, `{"epoch":"e","seq":2,"duplicate":false}`)
		if err := <-handled; err != nil {
			t.Errorf("in the handler: %v", err)
		}
		if err := <-handled; !errors.Is(err, ErrClosed) {
			t.Errorf("in the handler of the end: %v", err)
		}
		<-c.Done()
	})
}

// TestGetTokenMayCallClose: nor is a source of tokens waited for, be it that it
// ends the client or that it never returns.
func TestGetTokenMayCallClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c *Client
		var s *socket
		var asked atomic.Int32
		stuck := make(chan struct{})
		c, s = online(t, Options{GetToken: func(context.Context, bool) (string, error) {
			switch asked.Add(1) {
			case 1:
				return "token", nil
			case 2:
				<-stuck // whatever becomes of its context
			case 3:
				_ = c.Close()
			}
			return "", nil
		}})
		s.end(&CloseError{Code: 1006})
		time.Sleep(2 * time.Minute) // gives up the second, and asks again
		<-c.Done()
		if n := asked.Load(); n != 3 {
			t.Errorf("asked %d times", n)
		}
		close(stuck)
	})
}

// TestContextEndsTheWaitForALineThatTakesNothing: each call heeds its context
// even while a frame cannot be written.
func TestContextEndsTheWaitForALineThatTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := online(t, Options{})
		s.full = make(chan struct{})
		for name, call := range map[string]func(context.Context) error{
			"history":  func(ctx context.Context) error { _, err := c.Room("lobby").History(ctx, HistoryQuery{}); return err },
			"presence": func(ctx context.Context) error { _, err := c.Room("lobby").Presence(ctx); return err },
			"send":     func(ctx context.Context) error { return c.Room("lobby").Send(ctx, 1) },
			"publish":  func(ctx context.Context) error { _, err := c.Room("lobby").Publish(ctx, 1); return err },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("%s: %v after %s", name, err, time.Since(began))
			}
			cancel()
		}
		close(s.full)
	})
}
