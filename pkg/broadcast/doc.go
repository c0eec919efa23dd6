// Package broadcast is the room as actor: a wake-up starts a broadcaster, which
// takes the room's drain lease, serves the mailbox to the members, and gives
// the lease back on condition that nothing has come since. Read in this order:
// wake.go, broadcaster.go, drain.go, courier.go, frame.go, behind.go.
package broadcast
