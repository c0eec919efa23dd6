package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/gapless-rooms/gapless/localdev/chaos"
	"github.com/gapless-rooms/gapless/localdev/stack"
)

type chaosCommand struct {
	Listen       string        `default:"localhost:0" help:"Where the gateway listens; loopback only."`
	TokensListen string        `name:"tokens-listen" default:"localhost:0" help:"Where tokens are given out: GET /token?user=NAME, or with &valid=1h for one without faults."`
	Seed         uint64        `default:"1" help:"Where the faults come from."`
	For          time.Duration `default:"10m" help:"How long faults strike; then all is well until Ctrl-C."`
	Verbose      bool          `short:"v" help:"Show each fault."`
}

const (
	// The clock jumps by hours in a run: neither entries nor keys may expire on
	// the way, since then loss and repetition would be right.
	chaosRetention = "8760h"
	// Tokens are so short-lived that each connection has to renew its own.
	minTokenLife = 10 * time.Second
	maxTokenLife = 60 * time.Second
	// recovery is what passes on the stack's clock after the last fault, in steps
	// of which each lets the sweeper run: Lambda tries again after 1 and 2
	// minutes, and what it gave up is put back by the sweeper.
	recoveryStep  = 65 * time.Second
	recoverySteps = 6
	// recoveryPause is between two steps, by the wall clock.
	recoveryPause = time.Second
)

// Run serves until ctx is done, and says on its output where it listens, when
// the faults are over, and how many there were.
func (c *chaosCommand) Run(ctx context.Context, std stdio) error {
	gatewayListener, err := listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	tokenListener, err := listen(ctx, c.TokensListen)
	if err != nil {
		return errors.Join(err, gatewayListener.Close())
	}
	faults := chaos.New(c.Seed, c.tell(std.err))
	s, err := stack.New(faults.Configure(stack.Config{
		Logger: slog.New(slog.NewTextHandler(c.log(std.err), &slog.HandlerOptions{Level: slog.LevelWarn})),
		Environ: map[string]string{
			"GAPLESS_RETENTION": chaosRetention, "GAPLESS_IDEMPOTENCY_WINDOW": chaosRetention,
			"GAPLESS_HEARTBEAT": "5s", "GAPLESS_SLOW_AFTER": "500ms",
		},
	}))
	if err != nil {
		return errors.Join(err, gatewayListener.Close(), tokenListener.Close())
	}
	s.Serve(gatewayListener)
	tokens := &http.Server{Handler: c.tokens(faults, s), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- tokens.Serve(tokenListener) }()
	fmt.Fprintf(std.out, "WebSocket ws://%s/%s\nTokens http://%s/token?user=\n",
		localhost(gatewayListener), stack.Stage, localhost(tokenListener))

	breaking, cancel := context.WithTimeout(ctx, c.For)
	faults.Run(breaking, s)
	cancel()
	fmt.Fprintln(std.out, "Calm")
	for range recoverySteps {
		s.Advance(recoveryStep)
		select {
		case <-ctx.Done():
		case <-time.After(recoveryPause):
		}
	}
	counts, err := json.Marshal(faults.Counts())
	fmt.Fprintf(std.out, "Faults %s\n", counts)

	select {
	case <-ctx.Done():
	case tokenErr := <-served:
		err = errors.Join(err, tokenErr)
	}
	stopping, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer stop()
	return errors.Join(err, tokens.Shutdown(stopping), s.Shutdown(stopping))
}

// tokens gives out tokens by the stack's clock, and not always a good one.
func (c *chaosCommand) tokens(faults *chaos.Chaos, s *stack.Stack) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /token", func(w http.ResponseWriter, r *http.Request) {
		valid := faults.Between(minTokenLife, maxTokenLife)
		asked, err := time.ParseDuration(r.URL.Query().Get("valid"))
		switch {
		case err == nil:
			valid = asked
		case faults.Draw("token server fails", 50):
			http.Error(w, "chaos", http.StatusServiceUnavailable)
			return
		case faults.Draw("token expired already", 20):
			valid = -time.Minute
		}
		token, err := s.Tokens.Sign(r.URL.Query().Get("user"), valid, nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, token) //nolint:gosec // a token is no HTML; whoever does not read it asks again
	})
	return mux
}

func (c *chaosCommand) tell(w io.Writer) func(string) {
	if !c.Verbose {
		return nil
	}
	return func(fault string) { fmt.Fprintf(w, "%s %s\n", time.Now().Format("15:04:05.000"), fault) }
}

// log is where the local AWS reports what went wrong in it: nowhere, unless each
// fault is shown as well, since that is what was asked for.
func (c *chaosCommand) log(w io.Writer) io.Writer {
	if c.Verbose {
		return w
	}
	return io.Discard
}
