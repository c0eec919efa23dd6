package handler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/handler"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
)

// grants is a verifier whose tokens name the rooms that may be joined, joined by
// "+".
type grants struct{}

func (grants) Verify(_ context.Context, token string) (auth.Identity, error) {
	id := auth.Identity{User: "ada", Permissions: auth.Permissions{}}
	for name := range strings.SplitSeq(token, "+") {
		id.Permissions[name] = []auth.Action{auth.Join}
	}
	return id, nil
}

// gated is a store whose writes wait for the gate if the context has a gatedKey.
type gated struct {
	connection.Store
	gate chan struct{}
}

type gatedKey struct{}

func (g gated) Authenticate(ctx context.Context, p connection.AuthenticateParams) (connection.Connection, error) {
	if ctx.Value(gatedKey{}) != nil {
		<-g.gate
	}
	return g.Store.Authenticate(ctx, p)
}

func (g gated) AddRoom(ctx context.Context, p connection.AddRoomParams) (connection.Connection, error) {
	if ctx.Value(gatedKey{}) != nil {
		<-g.gate
	}
	return g.Store.AddRoom(ctx, p)
}

// A command that was allowed by an older token, or brings one, is slow; meanwhile
// auth brings another token.
func TestOfTwoTokensTheNewestStands(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{
		"hello that brings one":  `{"action":"hello","id":1,"token":"a+b","rooms":{"a":{},"b":{}}}`,
		"hello that brings none": `{"action":"hello","id":1,"rooms":{"a":{},"b":{}}}`,
		"auth":                   `{"action":"auth","id":1,"token":"a+b"}`,
		"join of what is lost":   `{"action":"join","id":1,"room":"a"}`,
		"join of what is kept":   `{"action":"join","id":1,"room":"b"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { overtake(t, command) })
		})
	}
}

func overtake(t *testing.T, command string) {
	connections, rooms := memory.NewConnections(), memory.NewRooms()
	store := gated{connections, make(chan struct{})}
	m := newCommands(t, store, rooms)
	told := &wakes{}
	m.Waker = told
	identity, _ := grants{}.Verify(t.Context(), "a+b")
	err := connections.Put(t.Context(), connection.Connection{ID: "c", Identity: identity, ConnectedAt: time.Now(), CheckAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	slow := make(chan string)
	go func() { slow <- send(t, context.WithValue(t.Context(), gatedKey{}, true), m, command) }()
	synctest.Wait()
	time.Sleep(time.Second)
	if reply := send(t, t.Context(), m, `{"action":"auth","id":2,"token":"b+d"}`); !strings.Contains(reply, `"ok"`) {
		t.Fatal(reply)
	}
	close(store.gate)
	reply := <-slow
	c, err := connections.Get(t.Context(), "c")
	if err != nil || fmt.Sprint(c.Identity.Permissions) != "map[b:[join] d:[join]]" {
		t.Errorf("%v stand, %v; %s", c.Identity.Permissions, err, reply)
	}
	for name, want := range map[string]bool{"a": false, "b": strings.Contains(command, `"b"`)} {
		roll, err := rooms.Members(t.Context(), name, 0, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if in := len(roll.Members) > 0; in != want || slices.Contains(told.rooms, name) != want {
			t.Errorf("is a member of %s: %v; %s; told %v", name, in, reply, told.rooms)
		}
	}
}

// wakes records the rooms that are told who came.
type wakes struct{ rooms []string }

func (w *wakes) Wake(_ context.Context, all ...broadcast.Wake) error {
	for _, one := range all {
		w.rooms = append(w.rooms, one.Room)
	}
	return nil
}

// newCommands returns Commands over reference stores.
func newCommands(t *testing.T, connections connection.Store, rooms *memory.Rooms) *handler.Commands {
	t.Helper()
	ids := 0
	log, err := msglog.New(memory.NewLog(), clock.System(), func() string { ids++; return fmt.Sprint("id", ids) }, msglog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	none := func() *limit.Limiter { return limit.New(&memory.Limits{}, clock.System(), "x", 1000) }
	return &handler.Commands{
		Connections: connections, Members: rooms, Leaver: connection.NewLeaver(connections, rooms, clock.System()),
		Log: log, Waker: &posts{}, Verifier: grants{}, Revocations: revocation.NewGuard(&memory.Revocations{}, clock.System(), time.Hour, 0),
		Clock: clock.System(), Random: func(int64) int64 { return 0 }, Logger: slog.New(slog.DiscardHandler),
		Limits:    handler.Limits{Commands: none(), Publishes: none(), UserPublishes: none(), UserCommands: none(), Ephemerals: none(), Joins: none()},
		Heartbeat: time.Minute, Grace: time.Minute, CheckEvery: 10 * time.Minute, MaxRooms: 10,
	}
}

func send(t *testing.T, ctx context.Context, m *handler.Commands, command string) string { //nolint:revive // the test first
	t.Helper()
	now := time.Now().UnixMilli()
	reply, err := m.Handle(ctx, events.APIGatewayWebsocketProxyRequest{
		Body:           command,
		RequestContext: events.APIGatewayWebsocketProxyRequestContext{ConnectionID: "c", ConnectedAt: now, RequestTimeEpoch: now},
	})
	if err != nil || !json.Valid([]byte(reply.Body)) {
		t.Errorf("%v, %s", err, reply.Body)
	}
	return reply.Body
}
