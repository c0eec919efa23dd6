package main

import (
	"context"
	"fmt"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

type publishCommand struct {
	clientFlags
	Room string `arg:"" help:"Room to publish into."`
	Data string `arg:"" help:"JSON; anything else is sent as a string."`
	Key  string `help:"Idempotency key."`
}

// Run publishes and prints the sequence number.
func (c *publishCommand) Run(ctx context.Context, std stdio) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.close()
	command := map[string]any{"action": "publish", "room": c.Room, "data": payload(c.Data)}
	if c.Key != "" {
		command["key"] = c.Key
	}
	var result protocol.PublishResult
	if err := conn.call(ctx, command, &result, func(frame) {}); err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, result.Seq)
	return err
}
