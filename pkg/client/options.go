package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Options say how a Client is set up. The zero value works where the handshake
// needs no token.
type Options struct {
	// GetToken is asked for a token before each connection and before the one in
	// use expires; fresh asks for a new one, not one from a cache. It gets 30
	// seconds and should return when its context ends: a call that does not is
	// left behind, may run beside the next one, and its answer is thrown away.
	// It may call everything. Default: no token is sent, and Header has to
	// authenticate.
	GetToken func(ctx context.Context, fresh bool) (string, error)
	// GetURL is asked for the URL before each connection, in place of Dial's, for
	// a single-use ticket in it. It is held to what GetToken is. Default: the URL
	// stays.
	GetURL func(ctx context.Context) (string, error)
	// Header is added to each handshake.
	Header http.Header
	// Session names this client across its reconnects; presence counts it. At
	// most 64 bytes. Default: random.
	Session string
	// RetryDial makes Dial repeat attempts that may succeed later, until its
	// context is done. Default: Dial makes one attempt.
	RetryDial bool

	// OnState is told each change of the connection's state, in their order.
	OnState func(StateChange)
	// OnError is told what went wrong without ending anything, such as a token
	// that could not be refreshed. Default: it is logged only.
	//
	// Handlers, also those of rooms, run one after the other on a goroutine of
	// their own: they may call everything, also Close, and delay each other but
	// no message.
	OnError func(error)

	// MaxPending bounds the publishes that wait for their acknowledgement, in
	// all rooms. Default 1000.
	MaxPending int
	// KeyWindow is for how long after it was first sent a publish is repeated.
	// It must stay below the time for which the deployment remembers keys (10
	// minutes by default) by two minutes: see PROTOCOL.md. Default 8 minutes.
	KeyWindow time.Duration
	// MaxBuffered bounds the messages of one room that were received and not
	// yet taken by Next or Messages. What is beyond is read from the log
	// later. Default 1000.
	MaxBuffered int
	// SyncEvery is after which time, within a fifth, the server is asked whether
	// anything was missed. Default 5 minutes.
	SyncEvery time.Duration

	// Logger gets what happens to connections, never data or tokens. Default:
	// nothing is logged.
	Logger *slog.Logger
	// Transport opens connections. Default: WebSocket.
	Transport Transport
	// Clock tells all time. Default: the system's.
	Clock clock.Clock
	// Rand is uniform in [0, 1) and spreads attempts in time; it is called
	// concurrently. Default: random.
	Rand func() float64
}

// WithDefaults fills in what is not set.
func (o Options) WithDefaults() Options {
	def(&o.Session, rand.Text())
	def(&o.MaxPending, 1000)
	def(&o.KeyWindow, 8*time.Minute)
	def(&o.MaxBuffered, 1000)
	def(&o.SyncEvery, 5*time.Minute)
	def(&o.Logger, slog.New(slog.DiscardHandler))
	if o.Transport == nil {
		o.Transport = WebSocket{}
	}
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Rand == nil {
		o.Rand = mathrand.Float64
	}
	return o
}

func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

func (o Options) validate() error {
	if o.MaxPending < 0 || o.MaxBuffered < 0 || o.KeyWindow < 0 || o.SyncEvery < 0 {
		return errors.New("options must not be negative")
	}
	if _, err := protocol.EncodeCommand(nil, &protocol.Hello{Session: o.Session}); err != nil {
		return fmt.Errorf("options: %w", err)
	}
	return nil
}

// A JoinOption says how a room begins. Only the options of the first Join of a
// room count.
type JoinOption func(*joinOptions)

type joinOptions struct {
	last        uint64
	since       *Position
	onEphemeral func(Ephemeral)
	onPresence  func(PresenceChange)
}

// Last begins with so many of the newest messages, 0 to 100. Default 0. It does
// nothing beside Since.
func Last(n int) JoinOption {
	return func(o *joinOptions) { o.last = uint64(max(0, n)) }
}

// Since begins after a position that was kept from an earlier client.
func Since(p Position) JoinOption { return func(o *joinOptions) { o.since = &p } }

// OnEphemeral hands what others Send to f; see Options.OnError for how handlers
// run.
func OnEphemeral(f func(Ephemeral)) JoinOption { return func(o *joinOptions) { o.onEphemeral = f } }

// OnPresence hands changes of who is in the room to f.
func OnPresence(f func(PresenceChange)) JoinOption { return func(o *joinOptions) { o.onPresence = f } }

// A PublishOption says how one message is published.
type PublishOption func(*protocol.Publish)

// Key publishes under a key of the caller's, at most 64 bytes, so that a
// repetition by a later process is the same message. Default: a random one.
func Key(key string) PublishOption { return func(p *protocol.Publish) { p.Key = key } }
