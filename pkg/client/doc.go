// Package client is the Go SDK: rooms that never miss a message.
//
//	c, err := client.Dial(ctx, "wss://…", client.Options{GetToken: token})
//	room := c.Join("lobby")
//	for message, err := range room.Messages() { … }
//	published, err := room.Publish(ctx, map[string]string{"text": "hello"})
//
// Messages of a room come in the order of its log, each at most once, with none
// left out: what a lost connection, a slow reader or a dead function kept back is
// read from the log. Where that is not possible any more, a *ResetError says so in
// the place of what is lost. A publish is repeated under one key until it is
// acknowledged, across reconnects, and is one message.
//
// The protocol is in ../protocol/PROTOCOL.md.
package client
