// Package limit bounds how often something may happen: the commands of a
// connection, the publishes of a connection, those of a user.
//
// Functions run in many environments that know nothing of each other, and a
// write for each message would cost as much as a third of the message. So time
// is cut into windows of Window, each window has Window × rate to give, and this
// is handed out in shares of a twenty-fifth. The first share of a window an
// environment takes without asking anybody. Whoever needs more in the same
// environment asks the Store, one write a share, and the first time accounts for
// the free share too. When the window is used up, the environments that ask
// learn it and refuse by themselves until the next one.
//
// How exact that is, over any ten seconds of the wall clock from window to window,
// at a budget B of a window with n environments at work for one key: what an
// environment takes beyond its first share is counted before it is taken. Its
// first share is not, if it never asks, or asks when the window is used up
// already. One environment holds to B exactly; n of them let through
// B + (n−1) × B/25 at most, and whoever uses up one after the other reaches it.
// Lambda runs one command at a time in an environment: commands of 25 ms each
// need 25 environments to reach 1,000 a second, and with 25 the bound is almost
// twice B. In the normal case, at less than a share (2 publishes a second at 50),
// the limit costs nothing; beyond it a write for each share: at 50 a second 0.05
// write units for each publish.
//
// Windows begin at the same times everywhere, up to the difference of clocks.
package limit

import (
	"context"
	"time"
)

// Window is the time over which a limit counts. A client that used it up at
// once waits for the rest of it.
const Window = 10 * time.Second

// shares is into how many parts a window's budget is cut.
const shares = 25

// Store counts what is used in a window, for all environments together. It is
// safe for concurrent use.
type Store interface {
	// Add adds to what was used and returns the sum. A call that is repeated
	// after an error may count twice.
	Add(ctx context.Context, p AddParams) (int, error)
}

// AddParams is what an environment takes of a window.
type AddParams struct {
	// Key names whose window it is, such as "publish/ada".
	Key string
	// Start is when the window began.
	Start   time.Time
	N       int
	Expires time.Time // when the count may be forgotten
}
