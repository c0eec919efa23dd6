// Package ticket issues and redeems tickets: secrets that a back end makes for
// one of its users, and that work once, within seconds. They are for clients that
// can send neither a header nor a subprotocol nor a first message of their own. A
// ticket is the only secret that may be in a URL: before anybody can read the URL
// in a log, the ticket is used or has expired.
package ticket

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// ErrInvalid is returned when a ticket was never issued, has expired, or was used
// before.
var ErrInvalid = errors.New("ticket invalid: never made, expired, or used before")

// Prefix begins every ticket, so that scanners for secrets recognise it.
const Prefix = "gtk_"

// Ticket is what the store keeps about a ticket. The ticket itself is not stored,
// so that reading the store is not enough to use it.
type Ticket struct {
	// Digest is the SHA-256 of the ticket, in base64url.
	Digest string
	// Identity is the identity that it grants, and until when the connection
	// lasts.
	Identity auth.Identity
	// Expires is when the ticket expires.
	Expires time.Time
}

// TakeParams uses a ticket.
type TakeParams struct {
	Digest       string
	ConnectionID string
	Now          time.Time
}

// Store keeps tickets. Each method is one atomic decision, is safe for concurrent
// use, and may be repeated after a Temporary error. Times have milliseconds.
type Store interface {
	// Put stores a ticket. If a ticket with the same Digest is stored, used or
	// not, nothing changes, because the request is an earlier attempt that took
	// effect late.
	Put(ctx context.Context, t Ticket) error
	// Take uses a ticket for a connection and returns its identity. It returns
	// ErrInvalid if there is no such ticket, if it has expired, or if another
	// connection has used it; the same connection may repeat the call.
	Take(ctx context.Context, p TakeParams) (auth.Identity, error)
}

// The times for which a ticket can be used and for which its connection lasts.
const (
	DefaultValid = 30 * time.Second
	MaxValid     = 5 * time.Minute
	DefaultStay  = time.Hour
)

// Params describe a ticket to issue.
type Params struct {
	// User is the user whom it lets in, 1 to 128 bytes without control
	// characters. With several issuers of tokens it is the full name,
	// "issuer:user".
	User string
	// Rooms are the user's permissions. Nil means the deployment's default.
	Rooms auth.Permissions
	// Valid is the time in which the ticket can be used. Default 30 s, at most 5
	// min.
	Valid time.Duration
	// Stay is the time the connection lasts unless a token extends it. Default 1
	// h, at most the longest life of a token.
	Stay time.Duration
}

// Office issues and redeems tickets. It is safe for concurrent use.
type Office struct {
	store    Store
	clock    clock.Clock
	random   func() string
	lifetime time.Duration
}

// NewOffice returns an Office. random returns unguessable text of at least 96
// bits. lifetime is the longest life of a token, because revocations are
// remembered for that time.
func NewOffice(s Store, c clock.Clock, random func() string, lifetime time.Duration) *Office {
	return &Office{s, c, random, lifetime}
}

// Issue makes a ticket and returns it: 36 characters of the URL-safe alphabet.
// The caller must have authenticated the user.
func (o *Office) Issue(ctx context.Context, p Params) (string, error) {
	if p.Valid == 0 {
		p.Valid = DefaultValid
	}
	if p.Stay == 0 {
		p.Stay = min(DefaultStay, o.lifetime)
	}
	switch {
	case !protocol.ValidUser(p.User):
		return "", fmt.Errorf("ticket: user must be 1 to %d bytes without control characters", protocol.MaxUserBytes)
	case p.Valid < 0 || p.Valid > MaxValid:
		return "", fmt.Errorf("ticket: valid for %s, want at most %s", p.Valid, MaxValid)
	case p.Stay < 0 || p.Stay > o.lifetime:
		return "", fmt.Errorf("ticket: stay of %s, want at most %s", p.Stay, o.lifetime)
	}
	now, text := o.clock.Now(), Prefix+o.random()+o.random()
	err := o.store.Put(ctx, Ticket{
		Digest:   digest(text),
		Identity: auth.Identity{User: p.User, Issued: now, Expires: now.Add(p.Stay), Permissions: p.Rooms},
		Expires:  now.Add(p.Valid),
	})
	if err != nil {
		return "", fmt.Errorf("issue ticket: %w", err)
	}
	return text, nil
}

// maxBytes is longer than any ticket.
const maxBytes = 256

// Redeem uses a ticket for a connection and returns its identity. It returns
// ErrInvalid if the ticket cannot be used; after any other error that is not
// known.
func (o *Office) Redeem(ctx context.Context, text, connectionID string) (auth.Identity, error) {
	if !strings.HasPrefix(text, Prefix) || len(text) > maxBytes {
		return auth.Identity{}, ErrInvalid
	}
	id, err := o.store.Take(ctx, TakeParams{digest(text), connectionID, o.clock.Now()})
	if err != nil {
		return auth.Identity{}, fmt.Errorf("redeem ticket: %w", err)
	}
	return id, nil
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
