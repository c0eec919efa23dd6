// Package auth says who a client is and what it may do: tokens, claims and
// permissions. The decision is made once, in the handshake or in hello, and is
// kept with the connection.
package auth

import (
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// Identity is what a verified token says.
type Identity struct {
	// User is the token's subject.
	User string
	// Issued is when the token was made; zero if it is not known.
	Issued time.Time
	// Expires is when the token's word ends; zero means never.
	Expires time.Time
	// Permissions are the rooms that the token grants. Nil means that the
	// token says nothing of rooms, and the deployment's default applies.
	Permissions Permissions
}

// Expired reports whether the identity is no longer valid at now.
func (i Identity) Expired(now time.Time) bool {
	return !i.Expires.IsZero() && !now.Before(i.Expires)
}

// Validate says what no token could have said either.
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
