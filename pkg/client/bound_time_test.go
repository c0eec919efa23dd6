package client

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The bounds that both SDKs share are tried by ../protocol/testdata/behaviour/times.json.

// tokenAfter renews a connection with a token that comes so late, and reports
// what the client complained of.
func tokenAfter(t *testing.T, late time.Duration) error {
	t.Helper()
	var complaint error
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		told := make(chan error, 10)
		c, s := online(t, Options{
			GetToken: func(context.Context, bool) (string, error) {
				if asked.Add(1) == 2 {
					time.Sleep(late)
				}
				return "token", nil
			},
			OnState: func(change StateChange) {
				if change.State == Reconnecting {
					told <- change.Err
				}
			},
		})
		s.end(&CloseError{Code: 1006})
		<-told //nolint:errcheck // only that it comes: that the connection was lost
		time.Sleep(time.Second + late + time.Millisecond)
		synctest.Wait()
		_ = c.Close()
		<-c.Done()
		if len(told) > 0 {
			complaint = <-told
		}
	})
	return complaint
}

func TestTokenTimeoutWithin(t *testing.T) {
	t.Parallel()
	if err := tokenAfter(t, 30*time.Second-time.Millisecond); err != nil {
		t.Errorf("given up: %v", err)
	}
}

func TestTokenTimeoutOver(t *testing.T) {
	t.Parallel()
	if err := tokenAfter(t, 30*time.Second+time.Millisecond); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("got %v", err)
	}
}

// full is a line that takes a frame only after so long. It reports whether it was
// given up.
func full(t *testing.T, takes time.Duration) (ended bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c, s := online(t, Options{})
		s.full = make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), takes)
		defer cancel()
		_ = c.Room("lobby").Send(ctx, 1) // the time or the line has ended
		close(s.full)
		synctest.Wait()
		s.mu.Lock()
		ended = s.closed
		s.mu.Unlock()
	})
	return ended
}

func TestWriteTimeoutWithin(t *testing.T) {
	t.Parallel()
	if full(t, 10*time.Second-time.Millisecond) {
		t.Error("the line was given up")
	}
}

func TestWriteTimeoutOver(t *testing.T) {
	t.Parallel()
	if !full(t, 10*time.Second+time.Millisecond) {
		t.Error("the line was not given up")
	}
}
