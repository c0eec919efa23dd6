package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gapless-rooms/gapless/pkg/client"
)

// clientFlags say where to connect and as whom.
type clientFlags struct {
	secretFlag
	URL   string `default:"ws://localhost:3001/local" help:"WebSocket URL, local or deployed." env:"GAPLESS_URL"`
	User  string `default:"cli" help:"User to sign a token for."`
	Token string `help:"Token to use rather than signing one." env:"GAPLESS_TOKEN"`
}

// defaultURL is where `make dev` listens; it stands in a tag of clientFlags too.
const defaultURL = "ws://localhost:3001/local"

// answerTimeout bounds commands that end with one answer.
const answerTimeout = 30 * time.Second

// dial connects and authenticates.
func (f clientFlags) dial(ctx context.Context, options client.Options) (*client.Client, error) {
	options.GetToken = func(context.Context, bool) (string, error) {
		if f.Token != "" {
			return f.Token, nil
		}
		return f.sign(f.User, time.Hour, nil)
	}
	c, err := client.Dial(ctx, f.URL, options)
	var unopened *client.DialError
	switch {
	case errors.As(err, &unopened) && unopened.Status != 0:
		return nil, fmt.Errorf("connect to %s: refused with status %d", f.URL, unopened.Status)
	case unopened != nil:
		return nil, fmt.Errorf("connect to %s (is `make dev` running?): %w", f.URL, unopened.Err)
	case err != nil:
		return nil, fmt.Errorf("connect to %s: %w", f.URL, err)
	}
	return c, nil
}

// line is a message as the command line prints it.
func line(m client.Message) string {
	return fmt.Sprintf("%d %s %s: %s", m.Seq, m.At.Format(time.TimeOnly), m.User, m.Data)
}

// payload is what a user typed: JSON as it is, anything else as a string.
func payload(typed string) any {
	if json.Valid([]byte(typed)) {
		return json.RawMessage(typed)
	}
	return typed
}
