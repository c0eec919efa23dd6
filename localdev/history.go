package main

import (
	"context"
	"fmt"
)

type historyCommand struct {
	clientFlags
	Room  string `arg:"" help:"Room to read."`
	Since uint64 `help:"Only messages above this sequence number."`
}

// Run prints the room's messages from the oldest to the newest.
func (c *historyCommand) Run(ctx context.Context, std stdio) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.close()
	since, epoch := c.Since, ""
	for {
		command := map[string]any{"action": "history", "room": c.Room, "since": since, "limit": 100}
		if epoch != "" {
			command["epoch"] = epoch
		}
		var p struct {
			page
			Oldest uint64 `json:"oldest"`
		}
		if err := conn.call(ctx, command, &p, func(frame) {}); err != nil {
			return err
		}
		if !p.Recovered {
			if p.Oldest == 0 || p.Oldest <= since+1 {
				return fmt.Errorf("what follows %d is not kept any more; the room is at %d", since, p.Head)
			}
			fmt.Fprintf(std.err, "older messages have expired; beginning at %d\n", p.Oldest)
			since, epoch = p.Oldest-1, p.Epoch
			continue
		}
		for _, e := range p.Messages {
			since = e.Seq
			if !e.Void {
				fmt.Fprintln(std.out, line(e))
			}
		}
		if epoch = p.Epoch; !p.More {
			return nil
		}
	}
}
