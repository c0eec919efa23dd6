// Package config is what the functions read from their environment: names,
// defaults and validation. Each function has a struct of what it needs, and
// nothing else is asked for. The CDK app and the local stack set the same
// names.
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
	// Partitions is over how many partitions the connections are spread. It
	// must not change while there are connections.
	Partitions int `env:"GAPLESS_CONNECTION_PARTITIONS" envDefault:"16"`
}

// Topic names the SNS topic that starts broadcasters.
type Topic struct {
	ARN string `env:"GAPLESS_WAKE_TOPIC,required,notEmpty"`
}

// Gateway names the @connections endpoint, https://{host}/{stage}.
type Gateway struct {
	Endpoint string `env:"GAPLESS_GATEWAY_ENDPOINT,required,notEmpty"`
}

// Auth says how tokens are checked.
type Auth struct {
	// SecretARN names the HS256 key, at least 32 bytes, in Secrets Manager. The
	// key itself never stands in the environment. Either it is set or Issuers.
	SecretARN string `env:"GAPLESS_AUTH_SECRET_ARN"`
	// Issuers are those whose tokens are taken, by their public keys: "url",
	// or "name=url" each if there are several. See auth.Issuer.
	Issuers []string `env:"GAPLESS_JWT_ISSUERS"`
	// KeyURLs are where their keys are, in the same order. Default: each
	// issuer's /.well-known/jwks.json.
	KeyURLs []string `env:"GAPLESS_JWKS_URLS"`
	// Audiences are those for whom a token may be meant. Required with Issuers.
	Audiences []string `env:"GAPLESS_JWT_AUDIENCES"`
	Lifetime
	// RoomsClaim is the claim that holds a token's permissions.
	RoomsClaim string `env:"GAPLESS_JWT_ROOMS_CLAIM" envDefault:"rooms"`
	Grants
	// Grace is how long a connection may take to authenticate.
	Grace time.Duration `env:"GAPLESS_AUTH_GRACE" envDefault:"10s"`
}

// Grants says what tokens grant.
type Grants struct {
	// OpenRooms grants all rooms to tokens that say nothing of rooms.
	OpenRooms bool `env:"GAPLESS_OPEN_ROOMS" envDefault:"false"`
}

// Lifetime bounds tokens and with them what must be remembered of them.
type Lifetime struct {
	// MaxLifetime is from a token's issue to its expiry at most.
	MaxLifetime time.Duration `env:"GAPLESS_JWT_MAX_LIFETIME" envDefault:"168h"`
	// Leeway is how far the issuer's clock may differ.
	Leeway time.Duration `env:"GAPLESS_JWT_LEEWAY" envDefault:"5s"`
}

// Memory is for how long a revocation must be remembered: what it takes back was
// dated a leeway after it at most, and is good for a leeway after its expiry.
func (l Lifetime) Memory() time.Duration { return l.MaxLifetime + 2*l.Leeway }

// Hook bounds an application's own rules.
type Hook struct {
	// Timeout is how long one call of a hook may take.
	Timeout time.Duration `env:"GAPLESS_HOOK_TIMEOUT" envDefault:"2s"`
}

// Access says from where and how a handshake may come.
type Access struct {
	// Origins are the pages' origins that may connect; empty means all.
	Origins []string `env:"GAPLESS_ALLOWED_ORIGINS"`
	// Cookie is the name of the cookie that may hold a token; empty means that
	// none does. It needs Origins.
	Cookie string `env:"GAPLESS_AUTH_COOKIE"`
}

// Log tunes the message log.
type Log struct {
	// Retention is for how long messages can be replayed.
	Retention time.Duration `env:"GAPLESS_RETENTION" envDefault:"24h"`
	// Window is for how long an idempotency key is remembered.
	Window time.Duration `env:"GAPLESS_IDEMPOTENCY_WINDOW" envDefault:"10m"`
	// HeadLifetime is after how long without a message a room starts over under
	// another epoch; 0 means two retentions and a day, and the least is the
	// retention and a minute.
	HeadLifetime time.Duration `env:"GAPLESS_HEAD_LIFETIME" envDefault:"0s"`
	// HoleWait is how long the drainer waits for a slow writer.
	HoleWait time.Duration `env:"GAPLESS_HOLE_WAIT" envDefault:"1s"`
}

// Client is what clients are told or bound to.
type Client struct {
	// Heartbeat is after how much silence a client pings. Below the 60 s after
	// which common proxies cut a silent connection.
	Heartbeat time.Duration `env:"GAPLESS_HEARTBEAT" envDefault:"45s"`
	// MaxRooms is how many rooms one connection may be in.
	MaxRooms int `env:"GAPLESS_MAX_ROOMS" envDefault:"100"`
	// PublishRate is how many messages a second one connection may publish,
	// over ten seconds. Package limit says how exact this and the next ones are.
	PublishRate int `env:"GAPLESS_PUBLISH_RATE" envDefault:"50"`
	// UserPublishRate is the same for all connections of one user; 0 means
	// twice PublishRate.
	UserPublishRate int `env:"GAPLESS_USER_PUBLISH_RATE" envDefault:"0"`
	// CommandRate is how many commands a second one connection may send, good
	// ones and bad; 0 means twice PublishRate.
	CommandRate int `env:"GAPLESS_COMMAND_RATE" envDefault:"0"`
	// UserCommandRate is the same for all connections of one user; 0 means twice
	// CommandRate.
	UserCommandRate int `env:"GAPLESS_USER_COMMAND_RATE" envDefault:"0"`
	// JoinRate is how many rooms a second all connections of one user may enter,
	// over ten seconds. Each is told to up to PresenceMembers, and so is its end.
	JoinRate int `env:"GAPLESS_JOIN_RATE" envDefault:"10"`
	// EphemeralRate is how many ephemeral messages a second all connections of
	// one user may send. Each is posted to up to EphemeralMembers.
	EphemeralRate int `env:"GAPLESS_EPHEMERAL_RATE" envDefault:"20"`
}

// WithDefaults returns c with the rates that follow from another filled in.
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

// Sweep tunes the sweeper and what must agree with it.
type Sweep struct {
	// CheckEvery is after how long a live connection is looked at again.
	CheckEvery time.Duration `env:"GAPLESS_CHECK_EVERY" envDefault:"10m"`
	// IdleAfter is for how long a connection may show no sign of life.
	IdleAfter time.Duration `env:"GAPLESS_IDLE_AFTER" envDefault:"10m"`
}

// Crowd bounds users.
type Crowd struct {
	// MaxConnections is how many connections one user may have; -1 means any
	// number. The sweeper counts once a minute and closes the newest.
	MaxConnections int `env:"GAPLESS_MAX_CONNECTIONS" envDefault:"100"`
}

// Broadcast tunes the broadcasters.
type Broadcast struct {
	// Linger is the least time between two rounds of a busy room.
	Linger time.Duration `env:"GAPLESS_LINGER" envDefault:"100ms"`
	// SlowAfter is for how long a member may refuse messages before it is
	// behind.
	SlowAfter time.Duration `env:"GAPLESS_SLOW_AFTER" envDefault:"2s"`
	// PostsPerSecond is one broadcaster's share of the account's request rate.
	PostsPerSecond int `env:"GAPLESS_POSTS_PER_SECOND" envDefault:"2000"`
	// PresenceMembers is up to how many members a room is told who comes and
	// goes; -1 means never.
	PresenceMembers int `env:"GAPLESS_PRESENCE_MEMBERS" envDefault:"100"`
	// EphemeralMembers is up to how many members a room's ephemeral messages are
	// delivered; -1 means in no room.
	EphemeralMembers int `env:"GAPLESS_EPHEMERAL_MEMBERS" envDefault:"100"`
}

// Telemetry tunes logs and names metrics.
type Telemetry struct {
	LogLevel string `env:"GAPLESS_LOG_LEVEL" envDefault:"info"`
	// FunctionName is set by Lambda
	// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
	FunctionName string `env:"AWS_LAMBDA_FUNCTION_NAME" envDefault:"none"`
}

// Level is the least level that is logged: debug, info, warn or error.
func (t Telemetry) Level() string { return t.LogLevel }

// Connect is what the connect function needs.
type Connect struct {
	Tables
	Auth
	Access
	Hook
	Sweep
	Telemetry
}

// Disconnect is what the disconnect function needs.
type Disconnect struct {
	Tables
	Topic
	Telemetry
}

// Message is what the message function needs.
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

// Broadcaster is what the broadcast function needs.
type Broadcaster struct {
	Tables
	Topic
	Gateway
	Log
	Broadcast
	Telemetry
}

// Sweeper is what the sweep function needs.
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

// Revocations is what a program needs that takes back tokens.
type Revocations struct {
	Connections string `env:"GAPLESS_CONNECTIONS_TABLE,required,notEmpty"`
	Lifetime
}

// Tickets is what a program needs that makes tickets.
type Tickets struct {
	Connections string `env:"GAPLESS_CONNECTIONS_TABLE,required,notEmpty"`
	Lifetime
}

// Rebalance is what a program needs that asks connections to come back.
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

// explain puts the variable's name in the place of the field's.
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
