package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/gapless-rooms/gapless/pkg/protocol"
)

type joinCommand struct {
	clientFlags
	Room string `arg:"" help:"Room to join."`
	Last int    `default:"10" help:"So many earlier messages to show first."`
}

// Run joins, prints what arrives and sends each line that is typed, until the
// input ends or Ctrl-C.
func (c *joinCommand) Run(ctx context.Context, std stdio) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.close()
	var joined page
	join := map[string]any{"action": "join", "room": c.Room, "last": c.Last}
	if err := conn.call(ctx, join, &joined, func(f frame) { show(std, f) }); err != nil {
		return err
	}
	for _, e := range joined.Messages {
		if !e.Void {
			fmt.Fprintln(std.out, line(e))
		}
	}
	fmt.Fprintf(std.err, "joined %s at %d; type to send, Ctrl-D to end\n", c.Room, joined.Head)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	replies := make(chan struct{})
	go func() { // blocked in a read of the terminal that nothing can end
		defer stop()
		c.sendTyped(ctx, conn, std, replies)
	}()
	for {
		f, err := conn.receive(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		show(std, f)
		if f.ID != 0 {
			select {
			case replies <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// sendTyped publishes each line of the input, one after the other, until its
// end.
func (c *joinCommand) sendTyped(ctx context.Context, conn *client, std stdio, replies <-chan struct{}) {
	lines := bufio.NewScanner(std.in)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		command := map[string]any{"action": "publish", "room": c.Room, "data": payload(lines.Text())}
		if _, err := conn.send(ctx, command); err != nil {
			return
		}
		select {
		case <-replies:
		case <-ctx.Done():
			return
		}
	}
}

// show prints one frame.
func show(std stdio, f frame) {
	switch {
	case f.Error != nil:
		fmt.Fprintf(std.err, "error: %s\n", f.Error.Message)
	case f.Push == protocol.PushMessages:
		for _, e := range f.Messages {
			if !e.Void {
				fmt.Fprintln(std.out, line(e))
			}
		}
	case f.Push == protocol.PushEphemeral:
		fmt.Fprintf(std.out, "~ %s: %s\n", f.User, f.Data)
	case f.Push == protocol.PushPresence:
		for _, user := range f.Joined {
			fmt.Fprintf(std.err, "%s joined\n", user)
		}
		for _, user := range f.Left {
			fmt.Fprintf(std.err, "%s left\n", user)
		}
	case f.Push == protocol.PushBye:
		fmt.Fprintf(std.err, "the server says bye: %s\n", f.Reason)
	case len(f.OK) > 0:
		var published protocol.PublishResult
		if json.Unmarshal(f.OK, &published) == nil && published.Seq > 0 {
			fmt.Fprintf(std.err, "sent as %d\n", published.Seq)
		}
	}
}
