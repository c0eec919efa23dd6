package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/gapless-rooms/gapless/localdev/gateway"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
)

func TestHolds(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 500e6)
	list := revocation.List{{User: "ada", At: at}, {User: "bob", Session: "phone", At: at}}
	for _, test := range []struct {
		user, session string
		issued        time.Time
		want          bool
	}{
		{"ada", "", at, true},
		{"ada", "any", at.Add(-time.Hour), true},
		{"ada", "", time.Unix(1000, 0), true}, // issued in the same second
		{"ada", "", time.Unix(1001, 0), false},
		{"ada", "", time.Time{}, true},
		{"Ada", "", at, false},
		{"bob", "phone", at, true},
		{"bob", "laptop", at, false},
		{"bob", "", at, false},
		{"", "", time.Time{}, false},
	} {
		if got := list.Holds(test.user, test.session, test.issued); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// counting counts its reads and can be made to fail.
type counting struct {
	store memory.Revocations
	err   error

	mu    sync.Mutex
	reads int
}

func (c *counting) Revoke(ctx context.Context, r revocation.Revocation) error {
	return c.store.Revoke(ctx, r)
}

func (c *counting) Revocations(ctx context.Context, shard int, since time.Time) (revocation.List, error) {
	c.mu.Lock()
	c.reads++
	c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	return c.store.Revocations(ctx, shard, since)
}

func TestGuardReadsNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(counting)
		guard := revocation.NewGuard(store, clock.System(), time.Hour, 0)
		issued := time.Now()
		revoked := func() bool {
			t.Helper()
			yes, err := guard.Revoked(t.Context(), "ada", "", issued)
			if err != nil {
				t.Fatal(err)
			}
			return yes
		}
		for range 30 {
			if revoked() {
				t.Fatal("nobody was")
			}
			time.Sleep(revocation.Every / 10)
		}
		if store.reads != 3 {
			t.Errorf("%d reads", store.reads)
		}
		if err := store.Revoke(t.Context(), revocation.Revocation{User: "ada", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(revocation.Every)
		if !revoked() {
			t.Error("not known in time")
		}
		// If the list cannot be read, nobody gets in.
		store.err = errors.New("broken")
		time.Sleep(revocation.Every)
		if _, err := guard.Revoked(t.Context(), "bob", "", issued); !errors.Is(err, store.err) {
			t.Errorf("got %v", err)
		}
		store.err = nil
		time.Sleep(time.Hour)
		if revoked() {
			t.Error("it outlives every token that it could concern")
		}
	})
}

// A token issued before the revocation is revoked even if it is dated after.
func TestIssuerWhoseClockIsAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(counting)
		guard := revocation.NewGuard(store, clock.System(), time.Hour, 5*time.Second)
		at := time.Now()
		if err := store.Revoke(t.Context(), revocation.Revocation{User: "ada", At: at}); err != nil {
			t.Fatal(err)
		}
		for ahead, want := range map[time.Duration]bool{0: true, 5 * time.Second: true, 6 * time.Second: false} {
			if yes, err := guard.Revoked(t.Context(), "ada", "", at.Add(ahead)); yes != want || err != nil {
				t.Errorf("dated %v ahead: %v, %v", ahead, yes, err)
			}
		}
		if list, err := guard.Read(t.Context()); !list.Holds("ada", "", at.Add(5*time.Second)) || err != nil {
			t.Errorf("the sweeper's list: %v, %v", list, err)
		}
	})
}

// Other users cost nothing, and an error in their shards does not concern this
// user.
func TestGuardReadsTheUsersShardOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(counting)
		guard := revocation.NewGuard(store, clock.System(), time.Hour, 0)
		shards := map[int]bool{}
		for i := range 1000 {
			user := fmt.Sprint("user-", i)
			shards[revocation.Shard(user)] = true
			if _, err := guard.Revoked(t.Context(), user, "", time.Now()); err != nil || store.reads != len(shards) {
				t.Fatalf("%d reads of %d shards, %v", store.reads, len(shards), err)
			}
		}
		if len(shards) != revocation.Shards {
			t.Errorf("users in %d shards", len(shards))
		}
	})
}

// client is a connection whose replies and pushes are read one by one.
type client struct {
	*gateway.Conn
	t *testing.T
}

func dial(t *testing.T, s *stack.Stack, token string) client {
	t.Helper()
	c, err := s.Gateway.Dial(t.Context(), gateway.DialOptions{Header: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Cut)
	return client{c, t}
}

// host is the host of a program that revokes tokens.
func host(t *testing.T, s *stack.Stack) app.Host {
	t.Helper()
	environ := map[string]string{}
	for _, table := range s.DynamoDB.Tables() {
		if strings.Contains(strings.ToLower(table), "connections") {
			environ["GAPLESS_CONNECTIONS_TABLE"] = table
		}
	}
	return app.Host{
		Environ: environ, Clock: s.Clock,
		AWS: func(context.Context) (aws.Config, error) { return s.AWS(), nil },
	}
}

// call sends a command and returns the reply, skipping pushes.
func (c client) call(format string, args ...any) string {
	c.t.Helper()
	if err := c.Send(c.t.Context(), fmt.Sprintf(format, args...)); err != nil {
		c.t.Fatal(err)
	}
	for {
		text, err := c.Receive(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		if !strings.HasPrefix(text, `{"push"`) {
			return text
		}
	}
}

// TestRevokedUser checks everything together: commands end within seconds, live
// delivery within one sweep, and the old token does not work again.
func TestRevokedUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := stack.New(stack.Config{
			Clock: clock.System(), NoSchedule: true, Environ: map[string]string{"GAPLESS_PRESENCE_MEMBERS": "-1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
		token := func(user string) string {
			text, err := s.Token(user, nil)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		old := token("ada")
		ada, bob := dial(t, s, old), dial(t, s, token("bob"))
		for _, c := range []client{ada, bob} {
			if reply := c.call(`{"action":"hello","id":1,"session":"s","rooms":{"a":{}}}`); !strings.Contains(reply, `"ok"`) {
				t.Fatal(reply)
			}
		}
		revocations, err := app.Revocations(t.Context(), host(t, s))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if err := revocations.Revoke(t.Context(), revocation.Revocation{User: "ada", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(revocation.Every)
		for _, command := range []string{
			`{"action":"publish","id":1,"room":"a","data":1}`, `{"action":"join","id":1,"room":"b"}`,
			`{"action":"history","id":1,"room":"a","before":9}`, `{"action":"presence","id":1,"room":"a"}`,
			`{"action":"sync","id":1,"rooms":{"a":{"since":0,"epoch":"x"}}}`,
			`{"action":"hello","id":1,"session":"other","rooms":{"a":{}}}`,
			`{"action":"auth","id":1,"token":"` + old + `"}`, `{"action":"hello","id":1,"token":"` + old + `"}`,
		} {
			if reply := ada.call("%s", command); !strings.Contains(reply, `"forbidden"`) {
				t.Errorf("%s: %s", command, reply)
			}
		}
		if reply := bob.call(`{"action":"publish","id":2,"room":"a","data":1}`); !strings.Contains(reply, `"ok"`) {
			t.Errorf("bob: %s", reply)
		}
		again := dial(t, s, old)
		if reply := again.call(`{"action":"hello","id":1,"session":"new","rooms":{"a":{}}}`); !strings.Contains(reply, `"forbidden"`) {
			t.Errorf("with the old token: %s", reply)
		}
		time.Sleep(5 * time.Second) // wait for the leeway
		fresh := dial(t, s, token("ada"))
		if reply := fresh.call(`{"action":"hello","id":1,"rooms":{"a":{}}}`); !strings.Contains(reply, `"head":1`) {
			t.Errorf("with a fresh token: %s", reply)
		}
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]client{"revoked": ada, "come back": again} {
			var last string
			for {
				text, err := c.Receive(t.Context())
				if err != nil {
					break
				}
				last = text
			}
			if !strings.Contains(last, `"code":3503`) {
				t.Errorf("%s: last heard %s", name, last)
			}
		}
		if reply := fresh.call(`{"action":"publish","id":2,"room":"a","data":2}`); !strings.Contains(reply, `"ok"`) {
			t.Errorf("after the sweep: %s", reply)
		}
	})
}
