// Package handlertest runs the production handlers, the broadcaster and the
// sweeper over the reference stores, for tests of what they do together. Time is
// virtual: a World lives in a testing/synctest bubble.
package handlertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
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
	"github.com/gapless-rooms/gapless/pkg/protocol"
	"github.com/gapless-rooms/gapless/pkg/revocation"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
	"github.com/gapless-rooms/gapless/pkg/sweep"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

const (
	checkEvery = 10 * time.Minute
	// hop is the time from a wake-up to the invocation that handles it.
	hop = 20 * time.Millisecond
	// deadline is the time that one invocation of the broadcaster has.
	deadline = time.Minute
)

// World is one deployment. Its parts may be replaced or wrapped before the first
// command.
type World struct {
	T *testing.T

	Store       *memory.Log
	Log         *msglog.Log
	Members     *memory.Rooms
	Connections *memory.Connections
	Revocations *memory.Revocations
	Gateway     *Gateway
	Topic       *Topic
	Tokens      Tokens
	Broadcaster *broadcast.Broadcaster
	Message     *handler.Commands
	Sweeper     *sweep.Sweeper
}

// Tokens are the identities that tokens stand for, by the text of the token.
type Tokens map[string]auth.Identity

// Verify returns the identity of a token.
func (k Tokens) Verify(_ context.Context, token string) (auth.Identity, error) {
	id, ok := k[token]
	if !ok {
		return auth.Identity{}, auth.ErrInvalid
	}
	if id.Expired(clock.System().Now()) {
		return auth.Identity{}, auth.ErrExpired
	}
	return id, nil
}

// Run builds a World in a bubble of virtual time and ends when f and every
// invocation that f has caused have ended.
func Run(t *testing.T, f func(w *World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.Topic.running.Wait()
		defer w.Gateway.Heal()
		f(w)
	})
}

func newWorld(t *testing.T) *World {
	t.Helper()
	sys, quiet := clock.System(), slog.New(slog.DiscardHandler)
	var ids atomic.Int64
	newID := func() string { return fmt.Sprint("id", ids.Add(1)) }
	w := &World{
		T: t, Store: memory.NewLog(), Members: memory.NewRooms(), Connections: memory.NewConnections(),
		Revocations: new(memory.Revocations), Gateway: newGateway(), Topic: &Topic{t: t}, Tokens: Tokens{},
	}
	var err error
	if w.Log, err = msglog.New(w.Store, sys, newID, msglog.Config{}); err != nil {
		t.Fatal(err)
	}
	w.Broadcaster, err = broadcast.New(broadcast.Parts{
		Log: w.Log, Members: w.Members, Connections: w.Connections, Gateway: w.Gateway, Waker: w.Topic,
		Clock: sys, NewID: newID, Logger: quiet, Metrics: telemetry.NewMetrics(quiet, sys, "broadcast"),
	}, broadcast.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w.Topic.handle = w.Broadcaster.Handle
	counters := new(memory.Limits)
	limiter := func(name string) *limit.Limiter { return limit.New(counters, sys, name, 1000) }
	guard := revocation.NewGuard(w.Revocations, sys, 168*time.Hour, 0)
	leaver := connection.NewLeaver(w.Connections, w.Members, sys)
	first := func(int64) int64 { return 0 }
	w.Message = &handler.Commands{
		Connections: w.Connections, Members: w.Members, Leaver: leaver, Log: w.Log, Waker: w.Topic, Verifier: w.Tokens,
		Revocations: guard, Policy: auth.Policy{Open: true}, Clock: sys, Random: first,
		Limits: handler.Limits{
			Commands: limiter("c"), UserCommands: limiter("uc"), Publishes: limiter("p"),
			UserPublishes: limiter("up"), Ephemerals: limiter("e"), Joins: limiter("j"),
		},
		Logger: quiet, Heartbeat: 45 * time.Second, Grace: 10 * time.Second, CheckEvery: checkEvery, MaxRooms: 100,
	}
	w.Sweeper = sweep.New(sweep.Parts{
		Connections: w.Connections, Revocations: guard, Gateway: w.Gateway,
		Remover: connection.NewRemover(w.Connections, w.Members, sys), Leaver: leaver, Members: w.Members, Heads: w.Store,
		Policy: auth.Policy{Open: true}, Waker: w.Topic, DeadLetters: w.Topic, Clock: sys, Random: first, Logger: quiet,
	}, sweep.Config{CheckEvery: checkEvery})
	return w
}

// Connect registers an authenticated connection. A zero expires is a token
// without an end.
func (w *World) Connect(id, user string, expires time.Time) {
	w.T.Helper()
	now := clock.System().Now()
	identity := auth.Identity{User: user, Issued: now, Expires: expires}
	err := w.Connections.Put(w.T.Context(), connection.Connection{
		ID: id, Identity: identity, ConnectedAt: now, TokenAt: now, CheckAt: connection.NextCheck(now, checkEvery, identity),
	})
	if err != nil {
		w.T.Fatal(err)
	}
}

// Answer is the answer to a command. OK holds the fields of all results.
type Answer struct {
	Frame []byte // as it was sent; empty without an id

	ID json.RawMessage
	OK *struct {
		Page
		Seq       uint64
		Duplicate bool
		Rooms     map[string]struct {
			Page
			Error *protocol.Error
		}
		Users []protocol.PresenceUser
		Count int
	}
	Error *protocol.Error
	Push  protocol.Push // pong
}

// Page is a join result.
type Page struct {
	Epoch     string
	Head      uint64
	Recovered *bool
	Messages  []protocol.Entry
	More      bool
	Oldest    uint64
}

// Code is the code of an error, "" without.
func (a Answer) Code() protocol.Code {
	if a.Error == nil {
		return ""
	}
	return a.Error.Code
}

// Say sends a frame on a connection, as API Gateway routes it, and returns the
// answer. It may be called concurrently.
func (w *World) Say(id, command string) Answer {
	w.T.Helper()
	if command == protocol.PingFrame { // no function runs
		return Answer{Frame: []byte(protocol.Pong), Push: protocol.PushPong}
	}
	c, err := w.Connections.Get(w.T.Context(), id)
	if err != nil && !errors.Is(err, connection.ErrNotFound) {
		w.T.Error(err)
	}
	out, err := w.Message.Handle(w.T.Context(), events.APIGatewayWebsocketProxyRequest{
		Body: command,
		RequestContext: events.APIGatewayWebsocketProxyRequestContext{
			ConnectionID: id, ConnectedAt: c.ConnectedAt.UnixMilli(), RequestTimeEpoch: clock.System().Now().UnixMilli(),
		},
	})
	answer := Answer{Frame: []byte(out.Body)}
	if err == nil && out.Body != "" {
		err = json.Unmarshal(answer.Frame, &answer)
	}
	if err != nil {
		w.T.Errorf("%s: %v: %s", command, err, out.Body)
	}
	return answer
}

// OK is Say that wants the command to succeed.
func (w *World) OK(id, command string) Answer {
	w.T.Helper()
	a := w.Say(id, command)
	if a.OK == nil {
		w.T.Fatalf("%s: %s", command, a.Frame)
	}
	return a
}

// Sweep sweeps once.
func (w *World) Sweep() {
	w.T.Helper()
	if _, err := w.Sweeper.Sweep(w.T.Context()); err != nil {
		w.T.Error(err)
	}
}

// Pass lets minutes pass, with a sweep at the end of each.
func (w *World) Pass(minutes int) {
	w.T.Helper()
	for range minutes {
		w.Wait(time.Minute)
		w.Sweep()
	}
}

// Wait lets time pass without a sweep.
func (w *World) Wait(d time.Duration) {
	w.T.Helper()
	if err := clock.Sleep(w.T.Context(), clock.System(), d); err != nil {
		w.T.Fatal(err)
	}
}
