// Command localdev is Gapless on your machine: `dev` runs all of it on a local
// AWS, the other subcommands are a client for it and for what is deployed.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line, one field and one file a subcommand.
type commands struct {
	Dev     devCommand     `cmd:"" help:"Run Gapless and a local AWS in this process."`
	Chaos   chaosCommand   `cmd:"" help:"Run Gapless while everything goes wrong that may, for a time."`
	Token   tokenCommand   `cmd:"" help:"Print a token for a user."`
	Ticket  ticketCommand  `cmd:"" help:"Print a single-use ticket for a user, to connect with URL?ticket=…"`
	Revoke  revokeCommand  `cmd:"" help:"Take back the tokens of a user and end the connections."`
	Leaks   leaksCommand   `cmd:"" hidden:"" help:"Read the output of go test -json and look for secrets in it."`
	Join    joinCommand    `cmd:"" help:"Join a room, print what arrives, send what is typed."`
	Publish publishCommand `cmd:"" help:"Publish one message into a room."`
	History historyCommand `cmd:"" help:"Print a room's messages."`

	Rebalance   rebalanceCommand   `cmd:"" help:"Ask all connections to come back, a few at a time."`
	SAMTemplate samTemplateCommand `cmd:"" name:"sam-template" help:"Print the synthesised template as the SAM CLI runs it on this machine."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// run executes a command line and returns the process's exit code.
func run(ctx context.Context, args []string, std stdio) int {
	var c commands
	code := -1
	parser, err := kong.New(&c,
		kong.Name("gapless"),
		kong.Description("Rooms on AWS that never miss a message."),
		kong.Writers(std.out, std.err),
		kong.Exit(func(status int) { code = status }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		panic(err) // the struct tags above are wrong
	}
	command, err := parser.Parse(args)
	if code >= 0 {
		return code // --help
	}
	if err == nil {
		err = command.Run()
	}
	if err != nil {
		parser.Errorf("%v", err)
		return 1
	}
	return 0
}
