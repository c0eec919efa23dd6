package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/gapless-rooms/gapless/localdev/console"
	"github.com/gapless-rooms/gapless/localdev/localstack"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/rule"
)

type devCommand struct {
	Listen     string `default:"localhost:3001" help:"Where the gateway listens; loopback only."`
	AWSListen  string `name:"aws-listen" default:"localhost:3002" help:"Where the local AWS answers the AWS CLI and SDKs; empty for nowhere."`
	Console    string `default:"localhost:3000" help:"Where the console answers, a page to see it all; empty for nowhere."`
	SAM        string `name:"sam" xor:"functions" placeholder:"URL" help:"Run the functions on sam local start-lambda, such as http://127.0.0.1:3001."`
	LocalStack string `name:"localstack" placeholder:"URL" help:"Use the DynamoDB and SNS of LocalStack, such as http://localhost:4566."`
	Callback   string `placeholder:"URL" help:"With --localstack: where its SNS reaches the local AWS. Default http://host.docker.internal and the port of --aws-listen."`
	Containers bool   `help:"Let containers of this machine call the local AWS. --sam and --localstack imply it."`
	Bridge     string `default:"docker0" help:"The Docker Engine's bridge, where they call. Docker Desktop has none and needs none."`
	User       string `default:"ada" help:"User of the token that is printed."`
	Isolated   string `type:"existingdir" xor:"functions" help:"Folder with {function}/bootstrap: the functions run as processes; see make dev ISOLATED=1."`
	Verbose    bool   `short:"v" help:"Show what the functions log."`
}

// shutdownTime bounds how long Ctrl-C waits for running functions.
const shutdownTime = 10 * time.Second

// Run serves until ctx is done.
func (c *devCommand) Run(ctx context.Context, std stdio) error {
	ports, err := c.open(ctx)
	if err != nil {
		return err
	}
	functionLog := io.Discard
	if c.Verbose {
		functionLog = std.err
	}
	view := console.New()
	s, err := stack.New(stack.Config{
		Logger:      slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
		FunctionLog: functionLog,
		Isolated:    c.Isolated,
		SAM:         c.SAM,
		LocalStack:  c.LocalStack,
		Hooks:       rule.New,
		Transport:   view.Transport,
	})
	if err != nil {
		return errors.Join(err, ports.close())
	}
	if err := view.Watch(s, "ws://"+localhost(ports.gateway)+"/"+stack.Stage); err != nil {
		return errors.Join(err, s.Shutdown(ctx))
	}
	s.Serve(ports.gateway)
	served := make(chan error, 3)
	var servers []*http.Server
	serve := func(l net.Listener, h http.Handler) {
		if l == nil {
			return
		}
		server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, server)
		go func() { served <- server.Serve(l) }()
	}
	serve(ports.aws, s.Handler())
	serve(ports.bridge, s.Handler())
	serve(ports.console, view.Handler())
	token, err := s.Token(c.User, nil)
	if err == nil && c.LocalStack != "" {
		err = c.subscribe(ctx, s, ports.aws)
	}
	if err == nil {
		c.greet(std, ports, token)
		select {
		case <-ctx.Done():
		case err = <-served:
		}
		fmt.Fprintln(std.out, "\nstopping")
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	view.Close() // ends the pages' streams, for which Shutdown would wait
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(stopping))
	}
	return errors.Join(err, s.Shutdown(stopping))
}

// subscribeTime bounds how long LocalStack may take to confirm a subscription.
const subscribeTime = 30 * time.Second

// subscribe makes LocalStack's SNS deliver to us.
func (c *devCommand) subscribe(ctx context.Context, s *stack.Stack, aws net.Listener) error {
	callback := c.Callback
	if callback == "" {
		callback = fmt.Sprintf("http://host.docker.internal:%d", aws.Addr().(*net.TCPAddr).Port)
	}
	ctx, cancel := context.WithTimeout(ctx, subscribeTime)
	defer cancel()
	err := s.Subscribe(ctx, callback)
	if errors.Is(err, localstack.ErrUnconfirmed) {
		return fmt.Errorf("%w (--callback says where)", err)
	}
	return err
}

// localhost names a listener as a person would.
func localhost(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port
}

// greet says where everything is and what to try.
func (c *devCommand) greet(std stdio, p ports, token string) {
	host := localhost(p.gateway)
	elsewhere := ""
	if url := "ws://" + host + "/" + stack.Stage; url != defaultURL {
		elsewhere = " --url " + url
	}
	fmt.Fprintf(std.out, "Gapless is running.\n\n")
	if p.console != nil {
		fmt.Fprintf(std.out, "  Console     http://%s  (open it: a chat, and all that happens inside)\n", localhost(p.console))
	}
	fmt.Fprintf(std.out, `  WebSocket   ws://%[1]s/%[2]s
  Management  http://%[1]s/%[2]s/@connections/{id}
`, host, stack.Stage)
	if p.aws != nil {
		fmt.Fprintf(std.out, "  AWS         http://%s  (DynamoDB, SNS, SQS, Lambda, Secrets Manager, API Gateway, Logs, STS; any credentials)\n", localhost(p.aws))
	}
	fmt.Fprintf(std.out, `
Token for %[1]s (24 h):
  %[2]s

Try it, in two terminals, and type:
  go run ./localdev join lobby --user ada%[3]s
  go run ./localdev join lobby --user bob%[3]s

Ctrl-C stops it; nothing is kept.
`, c.User, token, elsewhere)
}
