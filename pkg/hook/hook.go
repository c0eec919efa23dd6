// Package hook lets an application add its own rules: who a user is, who may
// enter a room, what may be published, and what happens after a publish. hook.go
// holds the interface to implement; run.go shows what happens when a hook
// refuses, fails, hangs or panics. Put your own hooks into package rule.
package hook

import (
	"context"
	"encoding/json"

	"github.com/gapless-rooms/gapless/pkg/auth"
)

// Hooks are an application's rules. Embed None and write only the methods that
// you need; later versions can then add methods without breaking your code. Each
// environment of a function has one value, whose methods are called concurrently.
//
// A hook runs inside the command that it decides about, and the client waits for
// it. Its context ends after GAPLESS_HOOK_TIMEOUT (2 s). It must return then:
// nothing can stop it, and Lambda ends the function after 29 s.
//
// To refuse, return Refuse, TryAgain or another *protocol.Error; its code and
// message reach the client. Any other error is a failure: the client gets
// "unavailable" and may try again, and the error is logged, so keep tokens out of
// it. A panic becomes "internal". A refusal, a failure and a panic all have the
// same effect on the command: the user does not get in, the message is not
// published.
type Hooks interface {
	// Authenticate returns the identity behind the token of a handshake, of hello
	// or of auth. Tickets do not pass through it: whoever issued the ticket has
	// chosen its user, so apply your rules there too. The other hooks are called
	// for users with tickets as well.
	//
	// verify does what happens without hooks. Call it and inspect its result, or
	// skip it and accept tokens of another kind. The permissions that
	// Authenticate returns are stored with the connection and need no later
	// look-up.
	//
	// Return auth.ErrInvalid for a bad token, which ends the connection,
	// auth.ErrExpired to ask for a fresh one, and auth.ErrUnavailable if the
	// token cannot be checked now. An identity without Issued is covered by every
	// revocation of its user; one without Expires is valid until the connection
	// ends.
	Authenticate(ctx context.Context, token string, verify Verify) (auth.Identity, error)

	// AuthorizeJoin decides whether a connection may read a room if the token
	// grants the action: for join, hello, sync, history and presence. It can only
	// refuse; to grant more, return more permissions from Authenticate. Give the
	// same answer whether or not the room exists.
	//
	// It is called for members again and again: by sync, which SDKs send about
	// every five minutes, and by the sweeper, within GAPLESS_CHECK_EVERY (10 min)
	// and one sweep. Refuse ends the membership; TryAgain and failures leave it
	// as it is. If that is too often for your hook, return nil where
	// Reading.Staying is set, or cache the answers. To take effect at once,
	// revoke the user: see package revocation.
	AuthorizeJoin(ctx context.Context, r Reading) error

	// BeforePublish decides about a message that the token allows, before it is
	// appended to the log or, if ephemeral, sent. It returns the data to publish;
	// nil leaves the data unchanged. The result is checked as if a client had
	// sent it.
	//
	// A client repeats a publish with the same key until it is answered, and each
	// repetition calls BeforePublish again. If the message is in the log already,
	// that entry wins, so a rewrite may differ between calls. Decide from the
	// message alone: if you accept it and later refuse its retry, the publisher
	// sees a refusal for a message that others have.
	BeforePublish(ctx context.Context, p Publish) (json.RawMessage, error)

	// AfterPublish is called when a message is in the log and its delivery is
	// under way, before the publisher is answered. It is called at least once for
	// every acknowledged message, and perhaps not for one whose acknowledgement
	// was lost. Repetitions call it again; use Room, Epoch and Seq to tell them
	// apart. It is not called for ephemeral messages.
	//
	// An error is logged and changes nothing, because the message cannot be taken
	// back. Put what must not be lost into a queue of your own, and return
	// quickly.
	AfterPublish(ctx context.Context, p Published) error
}

// Verify checks a token in the way that the deployment is configured for.
type Verify func(ctx context.Context, token string) (auth.Identity, error)

// Caller identifies who gives a command.
type Caller struct {
	auth.Identity
	// Session is the client's own name for itself; it proves nothing.
	Session      string
	ConnectionID string
}

// Reading describes a request to read a room.
type Reading struct {
	Caller
	Room string
	// Action is auth.Join for join, hello and sync, auth.History or
	// auth.Presence.
	Action auth.Action
	// Staying is true if the connection is already in the room and asks to stay:
	// in sync and in the sweeper's checks.
	Staying bool
}

// Publish is a message on its way into a room.
type Publish struct {
	Caller
	Room string
	// Key is the client's idempotency key, empty if it gave none.
	Key string
	// Data is JSON without whitespace between tokens, at most 30,720 bytes.
	Data json.RawMessage
	// Ephemeral is true if the message is not stored.
	Ephemeral bool
}

// Published is a message in the log.
type Published struct {
	Publish // with the data as stored in the log
	Epoch   string
	Seq     uint64
	// Duplicate is true if an earlier call appended the message under the same
	// key.
	Duplicate bool
}

// None has no rules: embed it to inherit the default of each method.
type None struct{}

var _ Hooks = None{}

// Authenticate accepts the tokens that verify accepts.
func (None) Authenticate(ctx context.Context, token string, verify Verify) (auth.Identity, error) {
	return verify(ctx, token)
}

// AuthorizeJoin refuses nobody.
func (None) AuthorizeJoin(context.Context, Reading) error { return nil }

// BeforePublish publishes the data unchanged.
func (None) BeforePublish(_ context.Context, p Publish) (json.RawMessage, error) { return p.Data, nil }

// AfterPublish does nothing.
func (None) AfterPublish(context.Context, Published) error { return nil }
