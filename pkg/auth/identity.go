// Package auth decides who a client is and what it may do: tokens, claims and
// permissions. It decides once, in the handshake or in hello, and the decision is
// stored with the connection.
package auth

import (
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Identity is the content of a verified token.
type Identity struct {
	// User is the token's subject.
	User string
	// Issued is when the token was issued; zero if unknown.
	Issued time.Time
	// Expires is when the identity expires; zero means never.
	Expires time.Time
	// Permissions are the rooms that the token grants. Nil means that the token
	// does not mention rooms, and the deployment's default applies.
	Permissions Permissions
}

// Expired reports whether the identity has expired at now.
func (i Identity) Expired(now time.Time) bool {
	return !i.Expires.IsZero() && !now.Before(i.Expires)
}

// Validate returns an error if no token could yield this identity.
func (i Identity) Validate() error {
	if !protocol.ValidUser(i.User) {
		return fmt.Errorf("a user must be 1 to %d bytes without control characters", protocol.MaxUserBytes)
	}
	for pattern := range i.Permissions {
		if len(pattern) > maxPatternBytes {
			return fmt.Errorf("a pattern of permissions has more than %d bytes", maxPatternBytes)
		}
	}
	return nil
}
