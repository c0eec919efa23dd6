// Package limit limits how often something may happen: the commands of a
// connection, the publishes of a connection or of a user.
//
// Functions run in many independent environments, and one write for each message
// would cost as much as a third of the message. So time is divided into windows
// of Window. Each window has a budget of Window × rate, handed out in shares of a
// twenty-fifth. An environment takes its first share of a window without asking.
// When it needs more, it asks the Store, with one write for each share; its first
// request also counts the free share. When the budget is used up, the
// environments that ask learn it, and refuse by themselves until the next window.
//
// This is the accuracy over any ten seconds of the wall clock that make one
// window, with a budget B and n environments at work for one key. What an
// environment takes beyond its first share is counted before it is taken. Its
// first share is not counted if it never asks, or asks when the budget is used up
// already. So one environment keeps to B exactly, and n environments let through
// at most B + (n−1) × B/25, which is reached by using up one after the other.
// Lambda runs one command at a time in an environment: commands of 25 ms each
// need 25 environments to reach 1,000 a second, and with 25 the maximum is almost
// twice B. Below one share (2 publishes a second at a rate of 50), the limit
// costs nothing; above it costs a write for each share: at 50 a second, 0.05
// write units for each publish.
//
// Windows begin at the same times everywhere, except for the difference of
// clocks.
package limit

import (
	"context"
	"time"
)

// Window is the time over which a limit counts. A client that used up its budget
// at once waits for the rest of the window.
const Window = 10 * time.Second

// shares is the number of shares of a window's budget.
const shares = 25

// Store counts what all environments together use of a window. It is safe for
// concurrent use.
type Store interface {
	// Add adds to the count and returns the sum. A call that is repeated after an
	// error may count twice.
	Add(ctx context.Context, p AddParams) (int, error)
}

// AddParams is what an environment takes from a window.
type AddParams struct {
	// Key names the window's owner, such as "publish/ada".
	Key string
	// Start is the start of the window.
	Start   time.Time
	N       int
	Expires time.Time // when the count may be deleted
}
