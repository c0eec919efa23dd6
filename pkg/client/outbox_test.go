package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// online is a client with a connection to a server that the test plays.
func online(t *testing.T, options Options) (*Client, *socket) {
	t.Helper()
	server := &memory{}
	options.Transport = server
	dialed := make(chan *Client)
	go func() {
		c, err := Dial(t.Context(), "memory:", options)
		if err != nil {
			t.Error(err)
		}
		dialed <- c
	}()
	synctest.Wait()
	s := server.socket(1)
	s.opened <- nil
	synctest.Wait()
	s.answer(t, `{"connectionId":"a=","user":"ada","heartbeatMs":3600000,"rooms":{}}`)
	c := <-dialed
	t.Cleanup(func() {
		_ = c.Close()
		<-c.Done()
	})
	return c, s
}

// answer takes the only frame that waits and answers it.
func (s *socket) answer(t *testing.T, ok string) {
	t.Helper()
	frames := s.taken()
	if len(frames) != 1 {
		t.Fatalf("frames %v, want one", frames)
	}
	var command struct{ ID json.RawMessage }
	if err := json.Unmarshal([]byte(frames[0]), &command); err != nil {
		t.Fatal(err)
	}
	s.toPeer <- fmt.Appendf(nil, `{"id":%s,"ok":%s}`, command.ID, ok)
	synctest.Wait()
}

func (s *socket) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// TestOneRunnerARoom: a publish that comes when the runner of its room has just
// emptied the queue, and has not looked again, is left to that runner.
func TestOneRunnerARoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := online(t, Options{})
		c.outbox.mu.Lock()
		c.outbox.queues["lobby"] = []*letter{} // as a runner leaves it between two looks
		c.outbox.mu.Unlock()
		got := make(chan error, 1)
		go func() {
			_, err := c.Room("lobby").Publish(t.Context(), "hi")
			got <- err
		}()
		synctest.Wait()
		if sent := s.taken(); len(sent) != 0 {
			t.Errorf("a second runner has sent %v", sent)
		}
		c.spawn(func() { c.outbox.run("lobby") }) // it looks again
		synctest.Wait()
		s.answer(t, `{"epoch":"e","seq":1,"duplicate":false}`)
		if err := <-got; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if sent := s.taken(); len(sent) != 0 {
			t.Errorf("sent again: %v", sent)
		}
		c.outbox.mu.Lock()
		defer c.outbox.mu.Unlock()
		if len(c.outbox.queues) != 0 || c.outbox.count != 0 {
			t.Errorf("left behind: %v, count %d", c.outbox.queues, c.outbox.count)
		}
	})
}

// TestKeyWindowEndsWaiting: once a publish may not be repeated any more, its
// caller does not wait for a connection to hear that.
func TestKeyWindowEndsWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := online(t, Options{KeyWindow: time.Minute})
		got := make(chan error, 1)
		go func() {
			_, err := c.Room("lobby").Publish(t.Context(), "hi")
			got <- err
		}()
		synctest.Wait()
		s.end(&CloseError{Code: 1006}) // and no connection from now on
		time.Sleep(time.Minute - time.Second)
		synctest.Wait()
		select {
		case err := <-got:
			t.Fatalf("within the window: %v", err)
		default:
		}
		time.Sleep(time.Second)
		synctest.Wait()
		select {
		case err := <-got:
			if !errors.Is(err, ErrUnacknowledged) {
				t.Errorf("got %v", err)
			}
		default:
			t.Error("it still waits")
		}
	})
}
