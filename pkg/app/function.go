package app

import (
	"context"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/aws/apigw"
	"github.com/gapless-rooms/gapless/pkg/aws/dynamo"
	"github.com/gapless-rooms/gapless/pkg/aws/sns"
	"github.com/gapless-rooms/gapless/pkg/aws/sqs"
	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/config"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/handler"
	"github.com/gapless-rooms/gapless/pkg/limit"
	"github.com/gapless-rooms/gapless/pkg/msglog"
	"github.com/gapless-rooms/gapless/pkg/sweep"
	"github.com/gapless-rooms/gapless/pkg/telemetry"
)

// Connect composes the function behind $connect. It writes connections, redeems
// tickets, and reads the secret that signs tokens.
func Connect(ctx context.Context, h Host) (*handler.Connect, error) {
	c, sdk, logger, err := loadFunction[config.Connect](ctx, h)
	if err != nil {
		return nil, err
	}
	verifier, err := h.verifier(c.Auth, sdk)
	if err != nil {
		return nil, err
	}
	hooks, err := h.runner(ctx, c.Hook, logger)
	if err != nil {
		return nil, err
	}
	s := newStores(sdk, c.Tables, logger)
	return &handler.Connect{
		Connections: s.connections, Tickets: h.tickets(s.client, c.Connections, c.Lifetime),
		Verifier: hooked{hooks, verifier}, Access: handler.Access{Origins: c.Origins, Cookie: c.Cookie},
		Clock: h.Clock, Logger: logger,
		Grace: c.Grace, CheckEvery: c.CheckEvery,
	}, nil
}

// Disconnect composes the function behind $disconnect. It deletes connections
// and memberships, and wakes broadcasters.
func Disconnect(ctx context.Context, h Host) (*handler.Disconnect, error) {
	c, sdk, logger, err := loadFunction[config.Disconnect](ctx, h)
	if err != nil {
		return nil, err
	}
	s := newStores(sdk, c.Tables, logger)
	return &handler.Disconnect{
		Remover: connection.NewRemover(s.connections, s.rooms, h.Clock),
		Waker:   sns.New(sdk, c.ARN), Logger: logger,
	}, nil
}

// Message composes the function behind all other routes. It has no access to
// @connections: replies are route responses.
func Message(ctx context.Context, h Host) (*handler.Commands, error) {
	c, sdk, logger, err := loadFunction[config.Message](ctx, h)
	if err != nil {
		return nil, err
	}
	verifier, err := h.verifier(c.Auth, sdk)
	if err != nil {
		return nil, err
	}
	hooks, err := h.runner(ctx, c.Hook, logger)
	if err != nil {
		return nil, err
	}
	s := newStores(sdk, c.Tables, logger)
	log, err := s.openLog(h, c.Log)
	if err != nil {
		return nil, err
	}
	return &handler.Commands{
		Connections: s.connections, Members: s.rooms, Log: log,
		Leaver: connection.NewLeaver(s.connections, s.rooms, h.Clock),
		Waker:  sns.New(sdk, c.ARN), Verifier: hooked{hooks, verifier}, Hooks: hooks,
		Revocations: s.guard(h, c.Lifetime), Policy: auth.Policy{Open: c.OpenRooms},
		Clock: h.Clock, Random: h.Random, Limits: s.limits(h, c.Client), Logger: logger,
		Heartbeat: c.Heartbeat, Grace: c.Grace, CheckEvery: c.CheckEvery, MaxRooms: c.MaxRooms,
	}, nil
}

// Broadcast composes the function that SNS starts. It drains rooms: it reads
// the log and the members, moves the pointer and posts.
func Broadcast(ctx context.Context, h Host) (*handler.Broadcast, error) {
	c, sdk, logger, err := loadFunction[config.Broadcaster](ctx, h)
	if err != nil {
		return nil, err
	}
	s := newStores(sdk, c.Tables, logger)
	log, err := s.openLog(h, c.Log)
	if err != nil {
		return nil, err
	}
	b, err := broadcast.New(broadcast.Parts{
		Log: log, Members: s.rooms, Connections: s.connections,
		Gateway: apigw.New(sdk, c.Endpoint), Waker: sns.New(sdk, c.ARN),
		Clock: h.Clock, NewID: h.NewID, Logger: logger, Metrics: telemetry.NewMetrics(logger, h.Clock, c.FunctionName),
	}, broadcast.Config{
		Linger: c.Linger, SlowAfter: c.SlowAfter,
		PostsPerSecond: c.PostsPerSecond, PresenceMembers: c.PresenceMembers, EphemeralMembers: c.EphemeralMembers,
	})
	if err != nil {
		return nil, err
	}
	return &handler.Broadcast{Broadcaster: b, Logger: logger}, nil
}

// Sweep composes the function that the schedule starts. It ends and deletes
// connections, and puts dead letters back.
func Sweep(ctx context.Context, h Host) (*handler.Sweep, error) {
	c, sdk, logger, err := loadFunction[config.Sweeper](ctx, h)
	if err != nil {
		return nil, err
	}
	hooks, err := h.runner(ctx, c.Hook, logger)
	if err != nil {
		return nil, err
	}
	s := newStores(sdk, c.Tables, logger)
	return &handler.Sweep{Metrics: telemetry.NewMetrics(logger, h.Clock, c.FunctionName), Sweeper: sweep.New(sweep.Parts{
		Connections: s.connections, Revocations: s.guard(h, c.Lifetime), Gateway: apigw.New(sdk, c.Endpoint),
		Remover: connection.NewRemover(s.connections, s.rooms, h.Clock), Members: s.rooms, Heads: s.log, Hooks: hooks,
		Leaver: connection.NewLeaver(s.connections, s.rooms, h.Clock),
		Policy: auth.Policy{Open: c.OpenRooms},
		Waker:  sns.New(sdk, c.ARN), DeadLetters: sqs.New(sdk, c.DeadLetterQueue),
		Clock: h.Clock, Random: h.Random, Logger: logger,
	}, sweep.Config{CheckEvery: c.CheckEvery, IdleAfter: c.IdleAfter, MaxConnections: c.MaxConnections})}, nil
}

// limits returns the limits of clients, whose counts all environments share.
func (s stores) limits(h Host, c config.Client) handler.Limits {
	c = c.WithDefaults()
	store := dynamo.NewLimits(s.client, s.tables.Connections)
	return handler.Limits{
		Commands:      limit.New(store, h.Clock, "commands", c.CommandRate),
		Publishes:     limit.New(store, h.Clock, "publish", c.PublishRate),
		UserPublishes: limit.New(store, h.Clock, "user", c.UserPublishRate),
		UserCommands:  limit.New(store, h.Clock, "userCommands", c.UserCommandRate),
		Ephemerals:    limit.New(store, h.Clock, "ephemerals", c.EphemeralRate),
		Joins:         limit.New(store, h.Clock, "joins", c.JoinRate),
	}
}

// stores are the DynamoDB adapters, on one client.
type stores struct {
	connections *dynamo.Connections
	rooms       *dynamo.Rooms
	log         *dynamo.Log
	client      dynamo.API
	tables      config.Tables
}

func newStores(sdk aws.Config, t config.Tables, logger *slog.Logger) stores {
	client := dynamo.NewClient(sdk)
	return stores{
		connections: dynamo.NewConnections(client, t.Connections, t.Partitions),
		rooms:       dynamo.NewRooms(client, t.Rooms),
		log:         dynamo.NewLog(client, t.Rooms, t.Log, logger),
		client:      client,
		tables:      t,
	}
}

func (s stores) openLog(h Host, c config.Log) (*msglog.Log, error) {
	return msglog.New(s.log, h.Clock, h.NewID, msglog.Config{
		Retention: c.Retention, Window: c.Window, HeadLifetime: c.HeadLifetime, HoleWait: c.HoleWait,
	})
}
