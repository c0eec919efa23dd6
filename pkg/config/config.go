// Package config reads the functions' environment: names, defaults and
// validation. Each function has a struct of the variables that it needs, and
// requires no others. The CDK app and the local stack set the same names.
package config

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/caarlos0/env/v11"
)

// Tables names the DynamoDB tables.
type Tables struct {
	Connections string `env:"GAPLESS_CONNECTIONS_TABLE,required,notEmpty"`
	Rooms       string `env:"GAPLESS_ROOMS_TABLE,required,notEmpty"`
	Log         string `env:"GAPLESS_LOG_TABLE,required,notEmpty"`
	// Partitions is the number of partitions that hold the connections. It must
	// not change while there are connections.
	Partitions int `env:"GAPLESS_CONNECTION_PARTITIONS" envDefault:"16"`
}

// Topic names the SNS topic that starts broadcasters.
type Topic struct {
	ARN string `env:"GAPLESS_WAKE_TOPIC,required,notEmpty"`
}

// Gateway is the @connections endpoint, https://{host}/{stage}.
type Gateway struct {
	Endpoint string `env:"GAPLESS_GATEWAY_ENDPOINT,required,notEmpty"`
}

// Auth configures how tokens are checked.
type Auth struct {
	// SecretARN is the ARN of the HS256 key in Secrets Manager, which has at
	// least 32 bytes. The key itself is never in the environment. Set either
	// SecretARN or Issuers.
	SecretARN string `env:"GAPLESS_AUTH_SECRET_ARN"`
	// Issuers are the issuers whose tokens are accepted, with their public keys:
	// "url", or "name=url" if there are several. See auth.Issuer.
	Issuers []string `env:"GAPLESS_JWT_ISSUERS"`
	// KeyURLs are the URLs of their key sets, in the same order. Default: each
	// issuer's /.well-known/jwks.json.
	KeyURLs []string `env:"GAPLESS_JWKS_URLS"`
	// Audiences are the audiences that tokens may be meant for. Required with
	// Issuers.
	Audiences []string `env:"GAPLESS_JWT_AUDIENCES"`
	Lifetime
	// RoomsClaim is the claim that holds a token's permissions.
	RoomsClaim string `env:"GAPLESS_JWT_ROOMS_CLAIM" envDefault:"rooms"`
	Grants
	// Grace is the time that a connection has to authenticate.
	Grace time.Duration `env:"GAPLESS_AUTH_GRACE" envDefault:"10s"`
}

// Grants configures what tokens grant.
type Grants struct {
	// OpenRooms grants all rooms to tokens that do not mention rooms.
	OpenRooms bool `env:"GAPLESS_OPEN_ROOMS" envDefault:"false"`
}

// Lifetime limits the life of tokens, and so the time that revocations are
// remembered.
type Lifetime struct {
	// MaxLifetime is the longest time from a token's issue to its expiry.
	MaxLifetime time.Duration `env:"GAPLESS_JWT_MAX_LIFETIME" envDefault:"168h"`
	// Leeway is the time by which the issuer's clock may differ.
	Leeway time.Duration `env:"GAPLESS_JWT_LEEWAY" envDefault:"5s"`
}

// Memory is the time that a revocation must be remembered: a token that it
// revokes may be dated a leeway after it, and is valid for a leeway after its
// expiry.
func (l Lifetime) Memory() time.Duration { return l.MaxLifetime + 2*l.Leeway }

// Hook limits an application's own rules.
type Hook struct {
	// Timeout is the time that one call of a hook may take.
	Timeout time.Duration `env:"GAPLESS_HOOK_TIMEOUT" envDefault:"2s"`
}

// Access restricts where handshakes come from and how they carry tokens.
type Access struct {
	// Origins are the web pages' origins that may connect; empty allows all.
	Origins []string `env:"GAPLESS_ALLOWED_ORIGINS"`
	// Cookie is the name of a cookie that may hold a token; empty ignores
	// cookies. It requires Origins.
	Cookie string `env:"GAPLESS_AUTH_COOKIE"`
}

// Log tunes the message log.
type Log struct {
	// Retention is the time messages can be replayed.
	Retention time.Duration `env:"GAPLESS_RETENTION" envDefault:"24h"`
	// Window is the time an idempotency key is remembered.
	Window time.Duration `env:"GAPLESS_IDEMPOTENCY_WINDOW" envDefault:"10m"`
	// HeadLifetime is the time without a message after which a room starts over
	// under another epoch. 0 means two retentions and a day; the least is the
	// retention and a minute.
	HeadLifetime time.Duration `env:"GAPLESS_HEAD_LIFETIME" envDefault:"0s"`
	// HoleWait is the time the drainer waits for a slow writer.
	HoleWait time.Duration `env:"GAPLESS_HOLE_WAIT" envDefault:"1s"`
}

// Client holds what clients are told and limited to.
type Client struct {
	// Heartbeat is the silence after which a client pings. It is below the 60 s
	// after which common proxies cut a silent connection.
	Heartbeat time.Duration `env:"GAPLESS_HEARTBEAT" envDefault:"45s"`
	// MaxRooms is the number of rooms that one connection may be in.
	MaxRooms int `env:"GAPLESS_MAX_ROOMS" envDefault:"100"`
	// PublishRate is the number of messages a second that one connection may
	// publish, over ten seconds. Package limit describes the accuracy of this and
	// the next rates.
	PublishRate int `env:"GAPLESS_PUBLISH_RATE" envDefault:"50"`
	// UserPublishRate does the same for all connections of one user; 0 means
	// twice PublishRate.
	UserPublishRate int `env:"GAPLESS_USER_PUBLISH_RATE" envDefault:"0"`
	// CommandRate is the number of commands a second that one connection may
	// send, including malformed ones; 0 means twice PublishRate.
	CommandRate int `env:"GAPLESS_COMMAND_RATE" envDefault:"0"`
	// UserCommandRate does the same for all connections of one user; 0 means
	// twice CommandRate.
	UserCommandRate int `env:"GAPLESS_USER_COMMAND_RATE" envDefault:"0"`
	// JoinRate is the number of rooms a second that all connections of one user
	// may enter, over ten seconds. Each join is told to up to PresenceMembers
	// members, and so is its end.
	JoinRate int `env:"GAPLESS_JOIN_RATE" envDefault:"10"`
	// EphemeralRate is the number of ephemeral messages a second that all
	// connections of one user may send. Each is posted to up to EphemeralMembers
	// members.
	EphemeralRate int `env:"GAPLESS_EPHEMERAL_RATE" envDefault:"20"`
}

// WithDefaults returns c with the derived rates filled in.
func (c Client) WithDefaults() Client {
	if c.UserPublishRate == 0 {
		c.UserPublishRate = 2 * c.PublishRate
	}
	if c.CommandRate == 0 {
		c.CommandRate = 2 * c.PublishRate
	}
	if c.UserCommandRate == 0 {
		c.UserCommandRate = 2 * c.CommandRate
	}
	return c
}

// Sweep tunes the sweeper and the functions that must agree with it.
type Sweep struct {
	// CheckEvery is the interval at which a live connection is checked.
	CheckEvery time.Duration `env:"GAPLESS_CHECK_EVERY" envDefault:"10m"`
	// IdleAfter is the time that a connection may show no sign of life.
	IdleAfter time.Duration `env:"GAPLESS_IDLE_AFTER" envDefault:"10m"`
}

// Crowd limits users.
type Crowd struct {
	// MaxConnections is the number of connections that one user may have; -1
	// means no limit. The sweeper counts once a minute and closes the newest.
	MaxConnections int `env:"GAPLESS_MAX_CONNECTIONS" envDefault:"100"`
}

// Broadcast tunes the broadcasters.
type Broadcast struct {
	// Linger is the least time between two rounds of a busy room.
	Linger time.Duration `env:"GAPLESS_LINGER" envDefault:"100ms"`
	// SlowAfter is the time a member may refuse messages before it counts as
	// behind.
	SlowAfter time.Duration `env:"GAPLESS_SLOW_AFTER" envDefault:"2s"`
	// PostsPerSecond is one broadcaster's share of the account's request rate.
	PostsPerSecond int `env:"GAPLESS_POSTS_PER_SECOND" envDefault:"2000"`
	// PresenceMembers is the largest number of members for which a room is told
	// who comes and goes; -1 means never.
	PresenceMembers int `env:"GAPLESS_PRESENCE_MEMBERS" envDefault:"100"`
	// EphemeralMembers is the largest number of members for which a room's
	// ephemeral messages are delivered; -1 means in no room.
	EphemeralMembers int `env:"GAPLESS_EPHEMERAL_MEMBERS" envDefault:"100"`
}

// Telemetry configures logs and metrics.
type Telemetry struct {
	LogLevel string `env:"GAPLESS_LOG_LEVEL" envDefault:"info"`
	// FunctionName is set by Lambda
	// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
	FunctionName string `env:"AWS_LAMBDA_FUNCTION_NAME" envDefault:"none"`
}

// Level returns the least level that is logged: debug, info, warn or error.
func (t Telemetry) Level() string { return t.LogLevel }

// Connect is the configuration of the connect function.
type Connect struct {
	Tables
	Auth
	Access
	Hook
	Sweep
	Telemetry
}

// Disconnect is the configuration of the disconnect function.
type Disconnect struct {
	Tables
	Topic
	Telemetry
}

// Message is the configuration of the message function.
type Message struct {
	Tables
	Topic
	Auth
	Hook
	Log
	Client
	Sweep
	Telemetry
}

// Broadcaster is the configuration of the broadcast function.
type Broadcaster struct {
	Tables
	Topic
	Gateway
	Log
	Broadcast
	Telemetry
}

// Sweeper is the configuration of the sweep function.
type Sweeper struct {
	Tables
	Topic
	Gateway
	Lifetime
	Grants
	Hook
	Crowd
	Sweep
	Telemetry
	// DeadLetterQueue is the URL of the queue of failed wake-ups.
	DeadLetterQueue string `env:"GAPLESS_DEAD_LETTER_QUEUE,required,notEmpty"`
}

// Revocations is the configuration of a program that revokes tokens.
type Revocations struct {
	Connections string `env:"GAPLESS_CONNECTIONS_TABLE,required,notEmpty"`
	Lifetime
}

// Tickets is the configuration of a program that issues tickets.
type Tickets struct {
	Connections string `env:"GAPLESS_CONNECTIONS_TABLE,required,notEmpty"`
	Lifetime
}

// Rebalance is the configuration of a program that asks connections to reconnect.
type Rebalance struct {
	Connections string `env:"GAPLESS_CONNECTIONS_TABLE,required,notEmpty"`
	Partitions  int    `env:"GAPLESS_CONNECTION_PARTITIONS" envDefault:"16"`
}

// Load reads a function's configuration from its environment. The error names
// every variable that is missing or wrong.
func Load[T any](environ map[string]string) (T, error) {
	var c T
	if err := env.ParseWithOptions(&c, env.Options{Environment: environ}); err != nil {
		return c, fmt.Errorf("configuration: %w", errors.Join(explain[T](err), checkParts(reflect.ValueOf(c))))
	}
	if err := errors.Join(checkPositive(reflect.ValueOf(c)), checkParts(reflect.ValueOf(c))); err != nil {
		return c, fmt.Errorf("configuration: %w", err)
	}
	return c, nil
}

// explain replaces the field's name by the variable's.
func explain[T any](err error) error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return err
	}
	var out []error
	for _, err := range all.Errors {
		if parse := (env.ParseError{}); errors.As(err, &parse) {
			if field, ok := reflect.TypeFor[T]().FieldByName(parse.Name); ok {
				err = fmt.Errorf("%s: %w", variable(field), parse.Err)
			}
		}
		out = append(out, err)
	}
	return errors.Join(out...)
}
