package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/rule"
)

type devCommand struct {
	Listen    string `default:"localhost:3001" help:"Where the gateway listens; loopback only."`
	AWSListen string `name:"aws-listen" default:"localhost:3002" help:"Where the local AWS answers the AWS CLI and SDKs; empty for nowhere."`
	User      string `default:"ada" help:"User of the token that is printed."`
	Isolated  string `type:"existingdir" help:"Folder with {function}/bootstrap: the functions run as processes; see make dev ISOLATED=1."`
	Verbose   bool   `short:"v" help:"Show what the functions log."`
}

// shutdownTime bounds how long Ctrl-C waits for running functions.
const shutdownTime = 10 * time.Second

// Run serves until ctx is done.
func (c *devCommand) Run(ctx context.Context, std stdio) error {
	gatewayListener, err := listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	var awsListener net.Listener
	if c.AWSListen != "" {
		if awsListener, err = listen(ctx, c.AWSListen); err != nil {
			return errors.Join(err, gatewayListener.Close())
		}
	}
	functionLog := io.Discard
	if c.Verbose {
		functionLog = std.err
	}
	s, err := stack.New(stack.Config{
		Logger:      slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
		FunctionLog: functionLog,
		Isolated:    c.Isolated,
		Hooks:       rule.New,
	})
	if err != nil {
		return err
	}
	s.Serve(gatewayListener)
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	if awsListener != nil {
		go func() { served <- server.Serve(awsListener) }()
	}
	token, err := s.Token(c.User, nil)
	if err != nil {
		return err
	}
	c.greet(std, gatewayListener, awsListener, token)

	select {
	case <-ctx.Done():
	case err = <-served:
	}
	fmt.Fprintln(std.out, "\nstopping")
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	return errors.Join(err, server.Shutdown(stopping), s.Shutdown(stopping))
}

// listen opens a port on loopback and explains what to do if it is taken.
func listen(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %q is not host:port", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s is not on loopback: the local stack has no security of its own", address)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s is in use: stop what listens there, or choose another with --listen or --aws-listen", port)
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return listener, nil
}

// localhost names a listener as a person would.
func localhost(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port
}

// greet says where everything is and what to try; aws may be nil.
func (c *devCommand) greet(std stdio, gateway, aws net.Listener, token string) {
	host := localhost(gateway)
	elsewhere := ""
	if url := "ws://" + host + "/" + stack.Stage; url != defaultURL {
		elsewhere = " --url " + url
	}
	fmt.Fprintf(std.out, `Gapless is running.

  WebSocket   ws://%[1]s/%[2]s
  Management  http://%[1]s/%[2]s/@connections/{id}
`, host, stack.Stage)
	if aws != nil {
		fmt.Fprintf(std.out, "  AWS         http://%s  (DynamoDB, SNS, SQS, Lambda; any credentials)\n", localhost(aws))
	}
	fmt.Fprintf(std.out, `
Token for %[2]s (24 h):
  %[3]s

Try it, in two terminals, and type:
  go run ./localdev join lobby --user ada%[4]s
  go run ./localdev join lobby --user bob%[4]s

Ctrl-C stops it; nothing is kept.
`, host, c.User, token, elsewhere)
}
