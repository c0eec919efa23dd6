package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gapless-rooms/gapless/pkg/client"
)

type joinCommand struct {
	clientFlags
	Room string `arg:"" help:"Room to join."`
	Last int    `default:"10" help:"So many earlier messages to show first."`
}

// Run joins, prints what arrives and sends each line that is typed, until the
// input ends or Ctrl-C. It comes back after a lost connection.
func (c *joinCommand) Run(ctx context.Context, std stdio) error {
	conn, err := c.dial(ctx, client.Options{OnState: func(s client.StateChange) { showState(std, s) }})
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it has none
	room := conn.Join(c.Room, client.Last(c.Last),
		client.OnEphemeral(func(e client.Ephemeral) { fmt.Fprintf(std.out, "~ %s: %s\n", e.User, e.Data) }),
		client.OnPresence(func(p client.PresenceChange) { showPresence(std, p) }))
	head, err := room.Ready(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.err, "joined %s at %d; type to send, Ctrl-D to end\n", c.Room, head.Seq)
	go sendTyped(ctx, room, std) // blocked in a read of the terminal that nothing can end
	for {
		m, err := room.Next(ctx)
		reset := (*client.ResetError)(nil)
		switch {
		case err == nil:
			fmt.Fprintln(std.out, line(m))
		case errors.As(err, &reset):
			fmt.Fprintf(std.err, "messages are lost; going on after %d\n", reset.To.Seq)
		case ctx.Err() != nil, errors.Is(err, client.ErrLeft):
			return nil
		default:
			return err
		}
	}
}

// sendTyped publishes each line of the input, one after the other, and leaves the
// room at its end.
func sendTyped(ctx context.Context, room *client.Room, std stdio) {
	lines := bufio.NewScanner(std.in)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		switch published, err := room.Publish(ctx, payload(lines.Text())); {
		case err == nil:
			fmt.Fprintf(std.err, "sent as %d\n", published.Seq)
		case ctx.Err() != nil || errors.Is(err, client.ErrClosed):
			return
		default:
			fmt.Fprintf(std.err, "error: %v\n", err)
		}
	}
	_ = room.Leave(ctx) // the end of the connection would do the same
}

func showPresence(std stdio, p client.PresenceChange) {
	for _, user := range p.Joined {
		fmt.Fprintf(std.err, "%s joined\n", user)
	}
	for _, user := range p.Left {
		fmt.Fprintf(std.err, "%s left\n", user)
	}
}

func showState(std stdio, s client.StateChange) {
	switch s.State {
	case client.Reconnecting:
		fmt.Fprintf(std.err, "reconnecting: %v\n", s.Err)
	case client.Closed:
		if !errors.Is(s.Err, client.ErrClosed) {
			fmt.Fprintf(std.err, "closed: %v\n", s.Err)
		}
	}
}
