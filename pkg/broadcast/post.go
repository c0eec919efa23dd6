package broadcast

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
)

// hungAfter is the time after which an unanswered post stops counting against
// Config.Width. API Gateway answers within tens of milliseconds; a post that
// takes longer usually belongs to a client that accepts nothing.
const hungAfter = 250 * time.Millisecond

// Members that refused their latest post get 1/retryShare of the post rate, so
// that they do not use up the rate of the others.
const retryShare = 8

// poster sends frames at this broadcaster's share of the account's rate. Members
// that accept their frames and members that do not have separate places,
// Config.Width for each group, so that hanging posts delay nobody else for longer
// than hungAfter. It is safe for concurrent use.
type poster struct {
	gateway connection.Gateway
	clock   clock.Clock
	timeout time.Duration

	pace    *rate.Limiter // all posts
	retries *rate.Limiter // posts to members that refused their latest frame
	healthy chan struct{} // places for members that accepted their latest frame
	failing chan struct{} // places for all others and for hanging posts
}

func newPoster(gateway connection.Gateway, c clock.Clock, config Config) *poster {
	limiter := func(perSecond int) *rate.Limiter {
		return rate.NewLimiter(rate.Limit(perSecond), max(1, perSecond/4))
	}
	return &poster{
		gateway: gateway, clock: c, timeout: config.PostTimeout,
		pace: limiter(config.PostsPerSecond), retries: limiter(max(1, config.PostsPerSecond/retryShare)),
		healthy: make(chan struct{}, config.Width), failing: make(chan struct{}, config.Width),
	}
}

// post sends one frame. It returns how long it waited for a place and its turn,
// which is not the member's fault. If a post hangs while all places of failing
// members are taken, post cancels it and returns context.Canceled even though ctx
// is not done; the frame may have arrived.
func (p *poster) post(ctx context.Context, id string, frame []byte, failing bool) (waited time.Duration, err error) {
	began := p.clock.Now()
	held := p.healthy
	if failing {
		held = p.failing
	}
	select {
	case held <- struct{}{}:
	case <-ctx.Done():
		return p.clock.Now().Sub(began), ctx.Err()
	}
	var mu sync.Mutex
	ended := false
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		ended = true
		<-held
	}()
	if err := p.turn(ctx, failing); err != nil {
		return p.clock.Now().Sub(began), err
	}
	waited = p.clock.Now().Sub(began)

	ctx, cut := context.WithTimeout(ctx, p.timeout)
	defer cut()
	if !failing {
		timer := p.clock.AfterFunc(hungAfter, func() {
			mu.Lock()
			defer mu.Unlock()
			if ended {
				return
			}
			select {
			case p.failing <- struct{}{}:
				<-p.healthy
				held = p.failing
			default:
				cut()
			}
		})
		defer timer.Stop()
	}
	return waited, p.gateway.Post(ctx, id, frame)
}

// turn waits until the rate allows another post.
func (p *poster) turn(ctx context.Context, failing bool) error {
	limits := []*rate.Limiter{p.pace}
	if failing {
		limits = []*rate.Limiter{p.retries, p.pace}
	}
	for _, limit := range limits {
		if err := limit.Wait(ctx); err != nil {
			if ctx.Err() == nil {
				return errOutOfTime // the rate allows it only after the deadline
			}
			return fmt.Errorf("wait for the post rate: %w", err)
		}
	}
	return nil
}
