package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gapless-rooms/gapless/localdev/stack"
)

// gather is how long changes gather before the page is told of them.
const gather = 50 * time.Millisecond

// Console shows one stack. Make it with New, hand its Transport to the stack,
// then Watch the stack and serve Handler. It is safe for concurrent use;
// whoever made it calls Close.
type Console struct {
	board    *board
	recorder *recorder
	faults   *faults

	stack *stack.Stack
	url   string
	view  *snapshot

	touched chan struct{}
	stop    context.CancelFunc
	stopped sync.WaitGroup
	unwatch []func()
}

// New returns a Console that shows nothing yet.
func New() *Console {
	c := &Console{board: newBoard(), touched: make(chan struct{}, 1)}
	c.recorder = newRecorder(c.touch)
	c.faults = &faults{recorder: c.recorder}
	return c
}

// Transport sees the calls of AWS that a function makes in process: it is
// meant for stack.Config.Transport.
func (c *Console) Transport(function string, next http.RoundTripper) http.RoundTripper {
	return &transport{function: function, next: next, recorder: c.recorder, faults: c.faults}
}

// Watch begins to observe a stack, to which clients connect at url. It must be
// called once, before Handler serves.
func (c *Console) Watch(s *stack.Stack, url string) error {
	view, err := newSnapshot(s)
	if err != nil {
		return fmt.Errorf("watch stack: %w", err)
	}
	c.stack, c.url, c.view, c.faults.stack = s, url, view, s
	c.recorder.now = s.Clock.Now
	c.unwatch = []func(){
		s.Gateway.Observe(c.recorder.gateway),
		s.Lambda.Observe(c.recorder.lambda),
		s.SNS.Observe(c.recorder.sns),
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.stopped.Go(func() { c.run(ctx) })
	return nil
}

// Close ends the watching and every stream. The stack goes on.
func (c *Console) Close() {
	for _, stop := range c.unwatch {
		stop()
	}
	if c.stop != nil {
		c.stop()
	}
	c.stopped.Wait()
	c.board.close()
}

// touch says that something may have changed.
func (c *Console) touch() {
	select {
	case c.touched <- struct{}{}:
	default:
	}
}

// run brings the board up to date whenever something has changed and somebody
// looks.
func (c *Console) run(ctx context.Context) {
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for {
		select {
		case <-c.touched:
		case <-ctx.Done():
			return
		}
		timer.Reset(gather)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if c.board.watched() {
			c.refresh(ctx)
		}
	}
}

// refresh puts all that there is on the board, which passes on what is new.
func (c *Console) refresh(ctx context.Context) {
	c.recorder.publish(c.board)
	c.board.put("clock", "", clockView{At: c.stack.Clock.Now().UnixMilli(), OffsetMs: c.offset().Milliseconds()})
	if err := c.view.publish(ctx, c.board, c.faults); err != nil && !errors.Is(err, context.Canceled) {
		c.recorder.note(Activity{Kind: "console", Text: "reading the tables: " + err.Error(), Tone: "bad"})
	}
}

// clockView is the stack's time when something last happened.
type clockView struct {
	At       int64 `json:"at"`       // milliseconds since 1970
	OffsetMs int64 `json:"offsetMs"` // ahead of the machine's clock
}

// offset is how far the stack's clock is ahead of the machine's, to the
// second: it was moved by whole seconds.
func (c *Console) offset() time.Duration {
	return time.Until(c.stack.Clock.Now()).Round(time.Second)
}
