package main

import (
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/auth"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/protocol"
)

// secretFlag says with which secret tokens are signed.
type secretFlag struct {
	Secret string `help:"HS256 secret; the default is the local stack's." env:"GAPLESS_AUTH_SECRET"`
}

// sign makes a token for a user.
func (f secretFlag) sign(user string, valid time.Duration, rooms auth.Permissions) (string, error) {
	if !protocol.ValidUser(user) {
		return "", fmt.Errorf("user must be 1 to %d bytes without control characters", protocol.MaxUserBytes)
	}
	secret := f.Secret
	if secret == "" {
		secret = stack.DevSecret
	}
	signer, err := auth.NewSharedSecret(secret, clock.System())
	if err != nil {
		return "", err
	}
	return signer.Sign(user, valid, rooms)
}

type tokenCommand struct {
	secretFlag
	User  string              `arg:"" help:"Who the token is for."`
	Valid time.Duration       `default:"24h" help:"For how long."`
	Room  map[string][]string `help:"Grant actions in rooms, such as --room 'org.42.*=join' (repeatable). Without it the token says nothing of rooms." placeholder:"PATTERN=ACTION"`
}

// Run prints the token alone, so that it can stand in a command line.
func (c *tokenCommand) Run(std stdio) error {
	token, err := c.sign(c.User, c.Valid, permissions(c.Room))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, token)
	return err
}
