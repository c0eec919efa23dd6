package main

import (
	"context"
	"fmt"

	"github.com/gapless-rooms/gapless/pkg/client"
)

type publishCommand struct {
	clientFlags
	Room string `arg:"" help:"Room to publish into."`
	Data string `arg:"" help:"JSON; anything else is sent as a string."`
	Key  string `help:"Idempotency key."`
}

// Run publishes and prints the sequence number.
func (c *publishCommand) Run(ctx context.Context, std stdio) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, err := c.dial(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it has none
	published, err := conn.Room(c.Room).Publish(ctx, payload(c.Data), client.Key(c.Key))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, published.Seq)
	return err
}
