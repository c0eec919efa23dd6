package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/app"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/ticket"
)

type ticketCommand struct {
	backendFlags
	User  string              `arg:"" help:"Who the ticket lets in."`
	Valid time.Duration       `default:"30s" help:"For how long it can be used, at most 5m."`
	Stay  time.Duration       `default:"1h" help:"How long the connection lasts."`
	Room  map[string][]string `help:"Grant actions in rooms, such as --room 'org.42.*=join' (repeatable). Without it the ticket says nothing of rooms." placeholder:"PATTERN=ACTION"`
}

// Run prints the ticket alone, so that it can stand in a command line.
func (c *ticketCommand) Run(ctx context.Context, std stdio) error {
	office, err := app.Tickets(ctx, c.host())
	if err != nil {
		return err
	}
	text, err := office.Issue(ctx, ticket.Params{User: c.User, Rooms: permissions(c.Room), Valid: c.Valid, Stay: c.Stay})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, text)
	return err
}

// permissions is what --room says; nil if it says nothing.
func permissions(rooms map[string][]string) auth.Permissions {
	var out auth.Permissions
	for pattern, actions := range rooms {
		if out == nil {
			out = auth.Permissions{}
		}
		for _, action := range actions {
			out[pattern] = append(out[pattern], auth.Action(action))
		}
	}
	return out
}
