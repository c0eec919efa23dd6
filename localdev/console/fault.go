package console

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/localdev/lambda"
	"github.com/gapless-rooms/gapless/localdev/stack"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

// faults are what the page's buttons break. It is safe for concurrent use.
type faults struct {
	recorder *recorder
	stack    *stack.Stack

	mu     sync.Mutex
	kill   bool // the next broadcaster that posts a message dies
	frozen map[string]bool
}

// errUnknownFault is returned for a fault that there is not.
var errUnknownFault = errors.New("there is no such fault")

// aimed are the faults of one connection.
var aimed = map[string]func(context.Context, *faults, *snapshot, string) (string, error){
	// The transport is dropped without a close frame; $disconnect follows.
	"cut": func(_ context.Context, f *faults, _ *snapshot, id string) (string, error) {
		return "", f.stack.Gateway.Faults().Cut(id)
	},
	// The same, and $disconnect never comes: the sweeper must find out.
	"lose-disconnect": func(_ context.Context, f *faults, _ *snapshot, id string) (string, error) {
		f.stack.Gateway.Faults().LoseDisconnect(id)
		return "", f.stack.Gateway.Faults().Cut(id)
	},
	"freeze": func(_ context.Context, f *faults, _ *snapshot, id string) (string, error) {
		return "", f.freeze(id, true)
	},
	"thaw": func(_ context.Context, f *faults, _ *snapshot, id string) (string, error) {
		return "", f.freeze(id, false)
	},
	// The next call about the connection is answered 410 although it lives.
	"wrong-410": func(_ context.Context, f *faults, _ *snapshot, id string) (string, error) {
		f.stack.Gateway.Faults().WrongGone(id, 1)
		return "the next post is answered 410 although it lives", nil
	},
	// Its token has run out a second ago, and the sweeper looks.
	"expire-token": func(ctx context.Context, f *faults, view *snapshot, id string) (string, error) {
		return "", f.expire(ctx, view, id)
	},
}

// connectionFault breaks something about one connection.
func (f *faults) connectionFault(ctx context.Context, view *snapshot, name, id string) error {
	run, ok := aimed[name]
	if !ok {
		return fmt.Errorf("%w: %s", errUnknownFault, name)
	}
	text, err := run(ctx, f, view, id)
	if err != nil {
		return err
	}
	if text != "" {
		f.recorder.note(Activity{Kind: "fault", Connection: id, Text: text, Tone: "bad"})
	}
	return nil
}

func (f *faults) freeze(id string, frozen bool) error {
	gateway := f.stack.Gateway.Faults()
	change := gateway.ThawClient
	if frozen {
		change = gateway.FreezeClient
	}
	if err := change(id); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.frozen == nil {
		f.frozen = map[string]bool{}
	}
	maps.DeleteFunc(f.frozen, func(id string, _ bool) bool { return !f.open(id) })
	f.frozen[id] = frozen
	return nil
}

func (f *faults) open(id string) bool {
	for _, c := range f.stack.Gateway.Connections() {
		if c.ID == id {
			return true
		}
	}
	return false
}

func (f *faults) isFrozen(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.frozen[id]
}

// expire lets the connection's token have run out a second ago, and the
// sweeper look.
func (f *faults) expire(ctx context.Context, view *snapshot, id string) error {
	c, err := view.connections.Get(ctx, id)
	if err != nil {
		return fmt.Errorf("expire token: %w", err)
	}
	if !c.Authenticated() {
		return fmt.Errorf("expire token: %w", errNoToken)
	}
	now := f.stack.Clock.Now()
	c.Identity.Expires = now.Add(-time.Second)
	_, err = view.connections.Authenticate(ctx, connection.AuthenticateParams{ID: id, Identity: c.Identity, TokenAt: now, Now: now, CheckAt: now})
	if err != nil {
		return fmt.Errorf("expire token: %w", err)
	}
	f.recorder.note(Activity{Kind: "fault", Connection: id, Text: "its token has expired", Tone: "bad"})
	return f.stack.Sweep(ctx)
}

// errNoToken is returned when a connection has no token that could expire.
var errNoToken = errors.New("the connection has not authenticated yet")

// errElsewhere is returned when a function would have to be killed that runs in
// a container of SAM's.
var errElsewhere = errors.New("the functions run in SAM's containers: end one with docker kill")

// killBroadcaster lets the next broadcaster die that is about to post a
// message: it holds the lease then, and has told nobody.
func (f *faults) killBroadcaster() error {
	if !f.stack.Kills() {
		return errElsewhere
	}
	f.mu.Lock()
	f.kill = true
	f.mu.Unlock()
	f.recorder.note(Activity{Kind: "fault", Text: "the next broadcaster dies with the lease in its hand", Tone: "bad"})
	return nil
}

// armedView says which faults wait for their moment.
type armedView struct {
	Kill bool `json:"kill"`
}

func (f *faults) armed() armedView {
	f.mu.Lock()
	defer f.mu.Unlock()
	return armedView{f.kill}
}

// errKilled is what a function gets to see of its own death.
var errKilled = errors.New("the console has killed this function")

// strike is asked before each call of a function.
func (f *faults) strike(ctx context.Context, function string, c call) error {
	if err := lambda.EndCause(ctx); err != nil {
		return err // what is dead calls nobody
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.kill || function != "broadcast" || c.posted == nil || !f.killed(ctx, function) {
		return nil
	}
	f.kill = false
	return errKilled
}

// killed ends the function that makes a call, and reports whether it could: it
// runs in this process, or is one of the stack's.
func (f *faults) killed(ctx context.Context, function string) bool {
	if lambda.Kill(ctx) {
		return true
	}
	done := false
	for _, running := range f.stack.Processes() {
		if running.Function != function {
			continue
		}
		if process, err := os.FindProcess(running.PID); err == nil && process.Kill() == nil {
			done = true
		}
	}
	return done
}
