// Package broadcast delivers a room's messages. A wake-up starts a broadcaster,
// which takes the room's drain lease, posts the unread messages to the members,
// and gives the lease back on condition that nothing has come since. Read
// wake.go, broadcaster.go, drain.go, courier.go, outbox.go, serve.go, post.go, frame.go and behind.go, in this
// order.
package broadcast
