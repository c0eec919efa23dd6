package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/gapless-rooms/gapless/pkg/client"
)

type historyCommand struct {
	clientFlags
	Room  string `arg:"" help:"Room to read."`
	Since uint64 `help:"Only messages above this sequence number."`
}

// Run prints the room's messages from the oldest to the newest.
func (c *historyCommand) Run(ctx context.Context, std stdio) error {
	conn, err := c.dial(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it has none
	room := conn.Room(c.Room)
	at := client.Position{Seq: c.Since}
	for {
		page, err := c.read(ctx, room, at)
		if reset := (*client.ResetError)(nil); errors.As(err, &reset) {
			if reset.Oldest <= at.Seq+1 {
				return fmt.Errorf("what follows %d is not kept any more; the room is at %d", at.Seq, reset.To.Seq)
			}
			fmt.Fprintf(std.err, "older messages have expired; beginning at %d\n", reset.Oldest)
			at = client.Position{Epoch: reset.To.Epoch, Seq: reset.Oldest - 1}
			continue
		}
		if err != nil {
			return err
		}
		for _, m := range page.Messages {
			fmt.Fprintln(std.out, line(m))
		}
		if !page.More {
			return nil
		}
		at = client.Position{Epoch: page.Epoch, Seq: max(at.Seq, page.Last)}
	}
}

func (c *historyCommand) read(ctx context.Context, room *client.Room, since client.Position) (client.HistoryPage, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return room.History(ctx, client.HistoryQuery{Since: since})
}
