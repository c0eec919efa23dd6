// Package hook is where an application puts its own rules in: who somebody is,
// who may enter a room, what may be published, and what is to happen then.
// Read hook.go for what an application writes, run.go for what becomes of a hook
// that refuses, fails, hangs or panics. Package rule is the place for your own.
package hook

import (
	"context"
	"encoding/json"

	"github.com/gapless-rooms/gapless/pkg/auth"
)

// Hooks are an application's rules. Embed None and write those that you need:
// so a hook that is added later does not break you. One value serves an
// environment of a function for as long as it lives; its methods are called
// concurrently.
//
// A hook runs inside the command that it is about, and the client waits for it.
// Its context ends after GAPLESS_HOOK_TIMEOUT (2 s); it must return then, since
// nobody can stop it, and Lambda ends the function after 29 s.
//
// A hook that says no returns Refuse, TryAgain or another *protocol.Error: its
// code and its sentence reach the client. Every other error is a failure: the
// client learns "unavailable" and that it may try again, and the log what it
// was, so put no token into it. A panic is "internal". In each of these cases
// the hook has not said yes, and nothing happens: who cannot be judged does not
// get in, and what cannot be judged is not published.
type Hooks interface {
	// Authenticate says who is behind a token, of a handshake, of hello or of
	// auth. A ticket does not pass by: whoever made it has said who it is for, so
	// hold to your rules there. Every other hook is asked of its user as well.
	//
	// verify is what happens without hooks: call it and look at what it
	// returns, or do not and take tokens of another kind. The permissions that
	// it returns are kept with the connection and need no look-up later.
	//
	// auth.ErrInvalid is the token's fault and ends the connection;
	// auth.ErrExpired asks for a fresh one; auth.ErrUnavailable says that it
	// cannot be told. An identity without Issued falls to every revocation of
	// its user; one without Expires holds until the connection ends.
	Authenticate(ctx context.Context, token string, verify Verify) (auth.Identity, error)

	// AuthorizeJoin is asked before a connection may read a room whose action
	// the token grants: by join, hello, sync, history and presence. It can only
	// refuse; to grant more, return more permissions from Authenticate. Say the
	// same whether the room exists or not.
	//
	// Of a member it is asked again and again: by sync, which SDKs send every
	// five minutes or so, and by the sweeper when the connection is due, within
	// GAPLESS_CHECK_EVERY (10 min) and one sweep. A Refuse ends the membership.
	// A failure does not, nor does TryAgain: who was let in stays in while
	// nothing can be told. A hook that does not want to be asked so often answers
	// nil where Reading.Staying is set, or keeps its answers for a while. To be
	// heard at once, revoke the user: see package revocation.
	AuthorizeJoin(ctx context.Context, r Reading) error

	// BeforePublish is asked before a message is appended to the log, or sent
	// past it, if the token grants it. It returns the data to publish: as it
	// came, rewritten, or nil for as it came. What it returns is checked as if
	// a client had sent it.
	//
	// A client repeats a publish with the same key until it is answered, and
	// each repetition is asked about anew. If it is let through, the entry that
	// stands in the log already wins, so a rewrite need not come out the same.
	// But a no after a yes tells the publisher that a message was refused which
	// the others have: judge by the message, not by the hour.
	BeforePublish(ctx context.Context, p Publish) (json.RawMessage, error)

	// AfterPublish is told of a message when it is in the log and its delivery
	// is under way, before the publisher learns of it. For every message that
	// is acknowledged it was called at least once, for one whose publisher never
	// learned of it perhaps not; a repetition calls it again, so Room, Epoch and
	// Seq name what has been done already. Ephemeral messages are not told of.
	//
	// Its error is logged and changes nothing: the message cannot be taken back.
	// What must not be lost goes into a queue of yours, in as little time as
	// possible.
	AfterPublish(ctx context.Context, p Published) error
}

// Verify checks a token in the way that the deployment is configured for.
type Verify func(ctx context.Context, token string) (auth.Identity, error)

// Caller is who gives a command.
type Caller struct {
	auth.Identity
	// Session is the client's own name for itself; it proves nothing.
	Session      string
	ConnectionID string
}

// Reading is what a connection wants of a room.
type Reading struct {
	Caller
	Room string
	// Action is auth.Join for join, hello and sync, auth.History or
	// auth.Presence.
	Action auth.Action
	// Staying says that the connection is in the room, and that the question is
	// whether it may stay: sync and the sweeper ask so.
	Staying bool
}

// Publish is a message on its way into a room.
type Publish struct {
	Caller
	Room string
	// Key is the client's, empty if it gave none.
	Key string
	// Data is JSON without whitespace between tokens, at most 30,720 bytes.
	Data json.RawMessage
	// Ephemeral says that it is kept nowhere.
	Ephemeral bool
}

// Published is a message in its place.
type Published struct {
	Publish // with the data as it stands in the log
	Epoch   string
	Seq     uint64
	// Duplicate says that an earlier call with the same key claimed the place.
	Duplicate bool
}

// None is the absence of rules: every method does what happens without hooks.
type None struct{}

var _ Hooks = None{}

// Authenticate takes the deployment's word.
func (None) Authenticate(ctx context.Context, token string, verify Verify) (auth.Identity, error) {
	return verify(ctx, token)
}

// AuthorizeJoin lets everybody in whom the token lets in.
func (None) AuthorizeJoin(context.Context, Reading) error { return nil }

// BeforePublish lets everything through.
func (None) BeforePublish(_ context.Context, p Publish) (json.RawMessage, error) { return p.Data, nil }

// AfterPublish does nothing.
func (None) AfterPublish(context.Context, Published) error { return nil }
