// Command moderated is an application with rules of its own, on the local AWS:
//
//	go run ./localdev/example/moderated
//	go run ./localdev join lobby --user ada
//
// To have rules like these in your deployment and in `make dev`, copy rules.go
// into pkg/rule and call newRules New. A program outside this repository
// composes its functions as functions/*/main.go does, and its local stack as
// here.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"

	"github.com/gapless-rooms/gapless/localdev/stack"
)

// environ is what a deployment sets in infra/environment.go. The key of the
// machine is "sesame".
var environ = map[string]string{
	"TEAMS":    `{"ada":"engines","grace":"compilers"}`,
	"MACHINES": `{"pump":"d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272"}`,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := serve(ctx, "localhost:3001")
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	s, err := stack.New(stack.Config{
		Hooks: newRules, Environ: environ,
		Logger: slog.Default(), FunctionLog: os.Stderr,
	})
	if err != nil {
		return err
	}
	s.Serve(listener)
	fmt.Printf("ws://%s/%s\n", listener.Addr(), stack.Stage)
	<-ctx.Done()
	return s.Shutdown(context.WithoutCancel(ctx))
}
