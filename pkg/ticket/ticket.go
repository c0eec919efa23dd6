// Package ticket lets in whoever shows a ticket: a secret that a back end makes
// for one of its users, that works once, within seconds. It is for clients that
// can send neither a header, nor a subprotocol, nor a first message of their
// own, and the only secret that may stand in a URL: by the time that a URL can
// be read in some log, its ticket is used or has expired.
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

// ErrInvalid is returned when a ticket was never made, has expired, or was used
// before.
var ErrInvalid = errors.New("ticket invalid: never made, expired, or used before")

// Prefix begins every ticket, so that a scanner for secrets knows one.
const Prefix = "gtk_"

// Ticket is what is kept of a ticket. The ticket itself is not: whoever reads
// the store cannot use it.
type Ticket struct {
	// Digest is the SHA-256 of the ticket, in base64url.
	Digest string
	// Identity is who it lets in, and until when the connection lasts.
	Identity auth.Identity
	// Expires is until when it can be used.
	Expires time.Time
}

// TakeParams uses a ticket.
type TakeParams struct {
	Digest       string
	ConnectionID string
	Now          time.Time
}

// Store keeps tickets. Each method is one atomic decision; all are safe for
// concurrent use, and may be repeated after a Temporary error. Times are kept to
// the millisecond.
type Store interface {
	// Put keeps a ticket. One of the same Digest that is kept already stays as it
	// is, used or not: the request is an earlier attempt that took effect late.
	Put(ctx context.Context, t Ticket) error
	// Take uses a ticket for a connection and returns whom it lets in. ErrInvalid
	// if there is none, if it has expired, or if another connection has used it;
	// the same one may ask again.
	Take(ctx context.Context, p TakeParams) (auth.Identity, error)
}

// For how long a ticket can be used, and how long what it opens lasts.
const (
	DefaultValid = 30 * time.Second
	MaxValid     = 5 * time.Minute
	DefaultStay  = time.Hour
)

// Params say what a ticket is for.
type Params struct {
	// User is who it lets in, 1 to 128 bytes without control characters. With
	// several issuers of tokens it is the whole name, "issuer:user".
	User string
	// Rooms are what the user may do. Nil says nothing of rooms, and the
	// deployment's default applies.
	Rooms auth.Permissions
	// Valid is for how long the ticket can be used. Default 30 s, at most 5 min.
	Valid time.Duration
	// Stay is how long the connection lasts unless it is extended by a token.
	// Default 1 h, at most as long as a token may live.
	Stay time.Duration
}

// Office makes tickets and takes them. It is safe for concurrent use.
type Office struct {
	store    Store
	clock    clock.Clock
	random   func() string
	lifetime time.Duration
}

// NewOffice returns an Office. random makes what nobody can guess, at least 96
// bits; lifetime is how long tokens may live, since it is for how long
// revocations are remembered.
func NewOffice(s Store, c clock.Clock, random func() string, lifetime time.Duration) *Office {
	return &Office{s, c, random, lifetime}
}

// Issue makes a ticket and returns it: 36 characters of the URL-safe alphabet.
// Whoever asks for it must have been authenticated as the user.
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

// Redeem uses a ticket for a connection and returns whom it lets in. ErrInvalid
// if it is none that can be used; any other error says that it is not known.
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
