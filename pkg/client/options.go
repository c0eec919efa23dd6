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

// Options configure a [Client]. The zero value works where the handshake needs
// no token.
type Options struct {
	// GetToken returns a token. It is called before each connection and before
	// the token in use expires; if fresh is true, it must not return a cached
	// token. It has 30 seconds and should return when its context ends: a call
	// that does not is abandoned, may overlap the next call, and its answer is
	// discarded. It may call any method of the client. Default: no token is
	// sent, and Header or the URL must authenticate.
	GetToken func(ctx context.Context, fresh bool) (string, error)
	// GetURL returns the URL for each connection, in place of the argument of
	// Dial, for example with a new single-use ticket. The same time-out and
	// concurrency rules as GetToken's apply. Default: Dial's URL.
	GetURL func(ctx context.Context) (string, error)
	// Header is added to each handshake.
	Header http.Header
	// Session is this client's name, the same on all its connections. Presence
	// counts sessions. At most 64 bytes. Default: random.
	Session string
	// RetryDial makes Dial repeat attempts that failed for a temporary reason
	// until its context is done. Default: one attempt.
	RetryDial bool

	// OnState is called for each change of the connection's state, in order. If
	// 64 changes wait, the newest replaces the last of them.
	OnState func(StateChange)
	// OnError is called for errors that end nothing, such as a token that could
	// not be refreshed. Default: the error is only logged.
	//
	// All handlers, including those of rooms, run one after the other on one
	// goroutine. They may call any method, even Close. A slow handler delays
	// other handlers, and no message.
	OnError func(error)

	// MaxPending is the most publishes, in all rooms together, that may wait for
	// their acknowledgement. Default 1000.
	MaxPending int
	// KeyWindow is the time after its first attempt in which a publish is
	// repeated. It must be at least two minutes shorter than the time that the
	// deployment remembers keys (10 minutes by default): see PROTOCOL.md.
	// Default 8 minutes.
	KeyWindow time.Duration
	// MaxBuffered is the most messages of one room to keep in memory until Next
	// or Messages takes them. Later ones are read from the log when there is
	// room. Default 1000.
	MaxBuffered int
	// SyncEvery is the time between two questions to the server whether anything
	// was missed, varied at random by up to a fifth. Default 5 minutes.
	SyncEvery time.Duration

	// Logger receives events of connections, never data or tokens. Default:
	// nothing is logged.
	Logger *slog.Logger
	// Transport opens connections. Default: WebSocket.
	Transport Transport
	// Clock is the source of all time. Default: the system's.
	Clock clock.Clock
	// Rand returns a number in [0, 1), uniformly distributed, for jitter. It is
	// called concurrently. Default: math/rand/v2.
	Rand func() float64
}

// WithDefaults returns o with its defaults filled in.
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

// A JoinOption configures [Client.Join].
type JoinOption func(*joinOptions)

type joinOptions struct {
	last        uint64
	since       *Position
	onEphemeral func(Ephemeral)
	onPresence  func(PresenceChange)
}

// Last begins with the n newest messages, 0 to 100. Default 0. [Since] wins over
// it.
func Last(n int) JoinOption {
	return func(o *joinOptions) { o.last = uint64(max(0, n)) }
}

// Since begins after a position that was kept from an earlier client: everything
// later is replayed, or a [*ResetError] says what is lost.
func Since(p Position) JoinOption { return func(o *joinOptions) { o.since = &p } }

// OnEphemeral calls f for what others [Room.Send]. See [Options] for how handlers
// run; when 1000 calls wait, more are dropped, and that is logged.
func OnEphemeral(f func(Ephemeral)) JoinOption { return func(o *joinOptions) { o.onEphemeral = f } }

// OnPresence calls f for each change of who is in the room, under the rules of
// [OnEphemeral].
func OnPresence(f func(PresenceChange)) JoinOption { return func(o *joinOptions) { o.onPresence = f } }

// A PublishOption configures [Room.Publish].
type PublishOption func(*protocol.Publish)

// Key publishes under the caller's own key, at most 64 bytes, so that a later
// process can repeat the publish without a second message, within the time that
// the deployment remembers keys (10 minutes by default). Default: a random key.
func Key(key string) PublishOption { return func(p *protocol.Publish) { p.Key = key } }
