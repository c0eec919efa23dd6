// Package client is the Go SDK: rooms that never miss a message.
//
//	c, err := client.Dial(ctx, "wss://…", client.Options{GetToken: token})
//	room := c.Join("lobby")
//	for message, err := range room.Messages() { … }
//	published, err := room.Publish(ctx, map[string]string{"text": "hello"})
//
// A [Client] is one connection that reconnects by itself; [Client.Join] gives a
// [Room]. [Room.Next] and [Room.Messages] return the messages of a room in the
// order of its log, each at most once and without a gap: what was missed while
// the connection was lost or the reader slow is read from the log. Where that
// is impossible, a [*ResetError] stands in place of the lost messages.
//
// [Room.Publish] repeats a message under one key, across reconnects, until the
// server acknowledges it: it is in the log once.
//
// A Client and its Rooms are safe for concurrent use. The errors of this package
// have a method Temporary() bool; see [ErrClosed] and the others.
//
// The protocol is in ../protocol/PROTOCOL.md.
package client
