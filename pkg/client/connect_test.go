package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stand is a client in the hands of a test, before a server that it plays.
type stand struct {
	t      *testing.T
	server *memory
	dialed chan error
	client *Client
	told   []error // by OnError
	fresh  []bool  // by GetToken
}

// dialing begins to dial; chance is always a half.
func dialing(t *testing.T, with func(*stand) Options) *stand {
	t.Helper()
	s := &stand{t: t, server: &memory{}, dialed: make(chan error, 1)}
	options := with(s)
	options.Transport = s.server
	options.Rand = func() float64 { return 0.5 }
	if options.OnError == nil {
		options.OnError = func(err error) { s.told = append(s.told, err) }
	}
	go func() {
		c, err := Dial(t.Context(), "memory:", options)
		s.client = c
		s.dialed <- err
	}()
	synctest.Wait()
	return s
}

func plain(*stand) Options { return Options{} }

func withTokens(s *stand) Options { return Options{GetToken: s.tokens} }

// tokens is a source of tokens that notes what it was asked for.
func (s *stand) tokens(_ context.Context, fresh bool) (string, error) {
	s.fresh = append(s.fresh, fresh)
	return fmt.Sprint("token-", len(s.fresh)), nil
}

// open lets a handshake succeed, and returns the socket before its hello is answered.
func (s *stand) open(n int) *socket {
	s.t.Helper()
	synctest.Wait()
	socket := s.server.socket(n)
	if socket == nil {
		s.t.Fatalf("no connection %d", n)
	}
	socket.opened <- nil
	synctest.Wait()
	return socket
}

// welcome answers hello.
func (s *stand) welcome(n int, more string) *socket {
	s.t.Helper()
	socket := s.open(n)
	socket.answer(s.t, `{"connectionId":"a=","user":"ada","heartbeatMs":3600000,"rooms":{}`+more+`}`)
	return socket
}

func (s *stand) connected() {
	s.t.Helper()
	if err := <-s.dialed; err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = s.client.Close()
		<-s.client.Done()
	})
}

// refuse answers the only frame that waits with an error.
func (s *socket) refuse(t *testing.T, failure string) {
	t.Helper()
	frames := s.taken()
	var command struct{ ID json.RawMessage }
	if len(frames) != 1 || json.Unmarshal([]byte(frames[0]), &command) != nil {
		t.Fatalf("frames %v, want one", frames)
	}
	s.toPeer <- fmt.Appendf(nil, `{"id":%s,"error":%s}`, command.ID, failure)
	synctest.Wait()
}

// connections returns the number of attempts.
func (s *stand) connections() int {
	synctest.Wait()
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	return len(s.server.sockets)
}

func TestHandshakeCarriesTokenHeaderAndURL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		header := http.Header{"X-Own": {"1"}}
		urls := 0
		s := dialing(t, func(s *stand) Options {
			return Options{Header: header, GetToken: s.tokens, GetURL: func(context.Context) (string, error) {
				urls++
				return fmt.Sprint("memory:ticket-", urls), nil
			}}
		})
		for n := 1; n <= 2; n++ {
			socket := s.open(n)
			if socket.url != fmt.Sprint("memory:ticket-", n) || socket.header.Get("X-Own") != "1" || socket.header.Get("Authorization") != fmt.Sprint("Bearer token-", n) {
				t.Errorf("%s, %v", socket.url, socket.header)
			}
			if hello := socket.sent[0]; !strings.Contains(hello, fmt.Sprintf(`"token":"token-%d"`, n)) {
				t.Errorf("said %s", hello)
			}
			socket.answer(t, `{"connectionId":"a=","user":"ada","heartbeatMs":3600000,"rooms":{}}`)
			if n == 1 {
				s.connected()
				socket.end(&CloseError{Code: 1006})
				time.Sleep(500 * time.Millisecond)
			}
		}
		if len(header) != 1 || !slices.Equal(s.fresh, []bool{false, false}) {
			t.Errorf("the caller's header is %v; asked for tokens %v", header, s.fresh)
		}
	})
}

func TestHandshakeWithoutAToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dialing(t, plain)
		if socket := s.welcome(1, ""); socket.url != "memory:" || len(socket.header) != 0 {
			t.Errorf("%s, %v", socket.url, socket.header)
		}
		s.connected()
	})
}

func TestSourceThatFailsEndsTheDial(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, options := range map[string]Options{
		"token": {GetToken: func(context.Context, bool) (string, error) { return "", broken }},
		"URL":   {GetURL: func(context.Context) (string, error) { return "", broken }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dialing(t, func(*stand) Options { return options })
				var failed *TokenError
				if err := <-s.dialed; !errors.As(err, &failed) || !errors.Is(err, broken) || s.connections() != 0 {
					t.Errorf("%v, %d connections", err, s.connections())
				}
			})
		})
	}
}

// TestDialIsRepeated only with RetryDial, and only where it may help.
func TestDialIsRepeated(t *testing.T) {
	t.Parallel()
	const (
		forbidden = `{"code":"forbidden","message":"no"}`
		later     = `{"code":"unavailable","message":"later","temporary":true,"retryAfterMs":2000}`
		unknown   = `{"code":"unauthenticated","message":"who"}`
		expired   = `{"code":"token_expired","message":"old"}`
	)
	for name, test := range map[string]struct {
		retry    bool
		failures []string
		pauses   []time.Duration // before the next connection; fewer than failures: Dial fails
		fresh    []bool
	}{
		"not asked to":            {false, []string{later}, nil, []bool{false}},
		"without hope":            {true, []string{forbidden}, nil, []bool{false}},
		"it passes":               {true, []string{later, later}, []time.Duration{2500 * time.Millisecond, 3 * time.Second}, []bool{false, false, false}},
		"the token is refused":    {true, []string{unknown}, []time.Duration{500 * time.Millisecond}, []bool{false, true}},
		"a fresh one is refused":  {true, []string{unknown, unknown}, []time.Duration{500 * time.Millisecond}, []bool{false, true}},
		"a fresh one has expired": {true, []string{expired, expired}, []time.Duration{500 * time.Millisecond, time.Second}, []bool{false, true, true}},
		"then it is without hope": {true, []string{later, forbidden}, []time.Duration{2500 * time.Millisecond}, []bool{false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dialing(t, func(s *stand) Options { return Options{RetryDial: test.retry, GetToken: s.tokens} })
				for i, failure := range test.failures {
					s.open(i+1).refuse(t, failure)
					if i >= len(test.pauses) {
						if err := <-s.dialed; err == nil || s.client != nil {
							t.Error("dialed")
						}
						break
					}
					time.Sleep(test.pauses[i] - 1)
					if n := s.connections(); n != i+1 {
						t.Errorf("%d connections within the pause", n)
					}
					time.Sleep(time.Nanosecond)
				}
				if len(test.pauses) == len(test.failures) {
					s.welcome(len(test.failures)+1, "")
					s.connected()
				}
				if !slices.Equal(s.fresh, test.fresh) {
					t.Errorf("asked for tokens %v, want %v", s.fresh, test.fresh)
				}
			})
		})
	}
}

// TestEndOfAConnectionSaysWhetherTheTokenIsFresh: it is where the end blames it.
func TestEndOfAConnectionSaysWhetherTheTokenIsFresh(t *testing.T) {
	t.Parallel()
	for code, fresh := range map[int]bool{1006: false, 3001: false, 3003: true, 3005: true, 3010: false} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dialing(t, withTokens)
				socket := s.welcome(1, "")
				s.connected()
				socket.end(&CloseError{Code: code})
				time.Sleep(500 * time.Millisecond)
				s.welcome(2, "")
				if !slices.Equal(s.fresh, []bool{false, fresh}) {
					t.Errorf("asked for tokens %v", s.fresh)
				}
			})
		})
	}
}

// TestCommandsAreRepeated where the refusal passes, after as long as it says and
// the first pause.
func TestCommandsAreRepeated(t *testing.T) {
	t.Parallel()
	const page = `{"epoch":"e","head":9,"recovered":true,"more":false,"messages":[]}`
	history := func(s *stand, ctx context.Context) chan error {
		got := make(chan error, 1)
		go func() {
			_, err := s.client.Room("lobby").History(ctx, HistoryQuery{})
			got <- err
		}()
		synctest.Wait()
		return got
	}
	run := func(name string, options func(*stand) Options, f func(t *testing.T, s *stand, socket *socket)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dialing(t, options)
				socket := s.welcome(1, "")
				s.connected()
				f(t, s, socket)
			})
		})
	}
	run("later", plain, func(t *testing.T, s *stand, socket *socket) {
		got := history(s, t.Context())
		for _, pause := range []time.Duration{2500 * time.Millisecond, 3 * time.Second} {
			socket.refuse(t, `{"code":"unavailable","message":"later","temporary":true,"retryAfterMs":2000}`)
			time.Sleep(pause - 1)
			synctest.Wait()
			if sent := socket.taken(); len(sent) != 0 {
				t.Errorf("within the pause: %v", sent)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
		}
		socket.answer(t, page)
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
	run("never", plain, func(t *testing.T, s *stand, socket *socket) {
		for _, code := range []string{"forbidden", "token_expired"} {
			got := history(s, t.Context())
			socket.refuse(t, `{"code":"`+code+`","message":"no"}`)
			var refused *Error
			if err := <-got; !errors.As(err, &refused) || string(refused.Code) != code {
				t.Errorf("%s: %v", code, err)
			}
		}
	})
	run("with a fresh token", withTokens, func(t *testing.T, s *stand, socket *socket) {
		got := history(s, t.Context())
		socket.refuse(t, `{"code":"token_expired","message":"old"}`)
		if sent := socket.sent; len(sent) != 1 || !strings.Contains(sent[0], `"action":"auth"`) || !strings.Contains(sent[0], `"token":"token-`) {
			t.Errorf("sent %v", sent)
		}
		socket.answer(t, `{"user":"ada"}`)
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		socket.answer(t, page)
		if err := <-got; err != nil || !s.fresh[len(s.fresh)-1] {
			t.Errorf("%v; asked for tokens %v", err, s.fresh)
		}
	})
	// On another connection they go out at once: a Check ends the pause before it.
	run("where the client is known", plain, func(t *testing.T, s *stand, socket *socket) {
		got := history(s, t.Context())
		socket.refuse(t, `{"code":"unauthenticated","message":"who"}`)
		s.client.Check()
		s.welcome(2, "").answer(t, page)
		if err := <-got; err != nil || !socket.closed {
			t.Errorf("%v; the connection is closed: %v", err, socket.closed)
		}
	})
	run("where the line was lost", plain, func(t *testing.T, s *stand, socket *socket) {
		got := history(s, t.Context())
		socket.end(&CloseError{Code: 1006})
		synctest.Wait()
		s.client.Check()
		s.welcome(2, "").answer(t, page)
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
	run("until the caller gives up", plain, func(t *testing.T, s *stand, socket *socket) {
		cause := errors.New("cause")
		give := func(before func()) {
			t.Helper()
			ctx, cancel := context.WithCancelCause(t.Context())
			got := history(s, ctx)
			before()
			cancel(cause)
			if err := <-got; !errors.Is(err, cause) {
				t.Errorf("got %v", err)
			}
		}
		give(func() { socket.taken() }) // while an answer is waited for
		give(func() { socket.refuse(t, `{"code":"unavailable","message":"later","temporary":true}`) })
		give(func() { // while there is no connection
			socket.taken()
			socket.end(&CloseError{Code: 1006})
			synctest.Wait()
		})
	})
	run("until the client is closed", plain, func(t *testing.T, s *stand, socket *socket) {
		waiting := history(s, t.Context())
		socket.refuse(t, `{"code":"unavailable","message":"later","temporary":true,"retryAfterMs":60000}`)
		asked := history(s, t.Context())
		began := time.Now()
		if err := s.client.Close(); err != nil {
			t.Fatal(err)
		}
		for _, got := range []chan error{waiting, asked} {
			if err := <-got; !errors.Is(err, ErrClosed) || time.Since(began) != 0 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}
	})
}

// TestConnectionIsReplacedInTime, and again after growing pauses if that fails,
// while the one in use stays.
func TestConnectionIsReplacedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dialing(t, plain)
		first := s.welcome(1, `,"rotateInMs":60000`)
		s.connected()
		for n, pause := range []time.Duration{time.Minute, 1500 * time.Millisecond, 2 * time.Second} {
			time.Sleep(pause - 1)
			if got := s.connections(); got != n+1 {
				t.Fatalf("%d connections, want %d", got, n+1)
			}
			time.Sleep(time.Nanosecond)
			if n == 2 {
				break
			}
			synctest.Wait()
			s.server.socket(n + 2).opened <- errors.New("refused")
			synctest.Wait()
			if state, err := s.client.State(); state != Connected || len(s.told) != n+1 || !strings.HasPrefix(s.told[n].Error(), "replace connection: ") {
				t.Errorf("%s, %v, told %v", state, err, s.told)
			}
		}
		second := s.welcome(4, `,"rotateInMs":60000`)
		first.mu.Lock()
		open := !first.closed
		first.mu.Unlock()
		if state, _ := s.client.State(); state != Connected || !open {
			t.Errorf("%s, the first is open: %v", state, open)
		}
		time.Sleep(overlap)
		synctest.Wait()
		if !first.closed || second.closed {
			t.Errorf("closed: the first %v, the second %v", first.closed, second.closed)
		}
		// The pauses begin small again.
		time.Sleep(time.Minute - overlap)
		synctest.Wait()
		s.server.socket(5).opened <- errors.New("refused")
		synctest.Wait()
		time.Sleep(1500 * time.Millisecond)
		if got := s.connections(); got != 6 {
			t.Errorf("%d connections, want 6", got)
		}
	})
}

func TestConnectionIsNotReplacedUnasked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dialing(t, plain)
		s.welcome(1, `,"rotateInMs":1`) // five seconds at least
		s.connected()
		time.Sleep(5*time.Second - 1)
		if n := s.connections(); n != 1 {
			t.Errorf("%d connections", n)
		}
		time.Sleep(time.Nanosecond)
		s.welcome(2, `,"rotateInMs":0`)
		time.Sleep(time.Minute)
		if n := s.connections(); n != 2 {
			t.Errorf("%d connections", n)
		}
	})
}

// TestSeriesOfAttemptsEndsWithAConnectionThatLasts ten seconds.
func TestSeriesOfAttemptsEndsWithAConnectionThatLasts(t *testing.T) {
	t.Parallel()
	for lasts, pause := range map[time.Duration]time.Duration{10*time.Second - 1: time.Second, 10 * time.Second: 500 * time.Millisecond} {
		t.Run(lasts.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dialing(t, plain)
				s.welcome(1, "").end(&CloseError{Code: 1006})
				s.connected()
				time.Sleep(500 * time.Millisecond)
				second := s.welcome(2, "")
				time.Sleep(lasts)
				second.end(&CloseError{Code: 1006})
				synctest.Wait()
				time.Sleep(pause - 1)
				if n := s.connections(); n != 2 {
					t.Errorf("%d connections within the pause", n)
				}
				time.Sleep(time.Nanosecond)
				if n := s.connections(); n != 3 {
					t.Errorf("%d connections after it", n)
				}
			})
		})
	}
}

func TestErrorsNeedNoHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := online(t, Options{})
		s.toPeer <- []byte(`{`) // no frame
		s.toPeer <- []byte(`{"error":{"code":"forbidden","message":"no"}}`)
		synctest.Wait()
		if state, err := c.State(); state != Connected {
			t.Errorf("%s, %v", state, err)
		}
	})
}

// TestLineIsLostWhileItIsReplaced: the application is told, once, until the
// other one stands.
func TestLineIsLostWhileItIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []State
		s := dialing(t, func(*stand) Options {
			return Options{OnState: func(change StateChange) { told = append(told, change.State) }}
		})
		first := s.welcome(1, `,"rotateInMs":60000`)
		s.connected()
		time.Sleep(time.Minute)
		second := s.open(2)
		first.end(&CloseError{Code: 1006})
		synctest.Wait()
		if state, err := s.client.State(); state != Reconnecting || err == nil {
			t.Errorf("%s, %v", state, err)
		}
		second.answer(t, `{"connectionId":"b=","user":"ada","heartbeatMs":3600000,"rooms":{}}`)
		if state, err := s.client.State(); state != Connected || err != nil || s.connections() != 2 {
			t.Errorf("%s, %v, %d connections", state, err, s.connections())
		}
		// Outside a replacement, the attempt reports the state.
		second.end(&CloseError{Code: 1006})
		synctest.Wait()
		if want := []State{Connected, Reconnecting, Connected, Reconnecting}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}

// TestFinalByeWhileTheLineIsReplaced ends the client, and the other connection.
func TestFinalByeWhileTheLineIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dialing(t, plain)
		first := s.welcome(1, `,"rotateInMs":60000`)
		s.connected()
		time.Sleep(time.Minute)
		second := s.open(2)
		first.toPeer <- []byte(`{"push":"bye","code":3503,"reason":"kicked","reconnect":false}`)
		synctest.Wait()
		second.answer(t, `{"connectionId":"b=","user":"ada","heartbeatMs":3600000,"rooms":{}}`)
		<-s.client.Done()
		var closed *CloseError
		if state, err := s.client.State(); state != Closed || !errors.As(err, &closed) || closed.Code != 3503 {
			t.Errorf("%s, %v", state, err)
		}
		if !first.closed || !second.closed {
			t.Errorf("closed: the first %v, the second %v", first.closed, second.closed)
		}
	})
}
