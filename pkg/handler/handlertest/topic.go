package handlertest

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gapless-rooms/gapless/pkg/broadcast"
	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/sweep"
)

// Topic hands each wake-up to an invocation of its own. Like Lambda, it repeats a
// failed one a minute and two minutes later, and then gives it to the dead
// letters.
type Topic struct {
	t       *testing.T
	handle  func(ctx context.Context, w broadcast.Wake) error
	running sync.WaitGroup

	mu      sync.Mutex
	letters int
	dead    []sweep.DeadLetter
}

// Wake starts an invocation for each wake-up.
func (q *Topic) Wake(_ context.Context, wakes ...broadcast.Wake) error {
	for _, one := range wakes {
		q.running.Go(func() { q.deliver(one) }) //nolint:contextcheck // an invocation outlives whoever woke it
	}
	return nil
}

func (q *Topic) deliver(one broadcast.Wake) {
	outer := context.WithoutCancel(q.t.Context())
	var err error
	for _, pause := range []time.Duration{hop, time.Minute, 2 * time.Minute} {
		if err = clock.Sleep(outer, clock.System(), pause); err != nil {
			break
		}
		ctx, cancel := context.WithTimeout(outer, deadline)
		err = q.handle(ctx, one)
		cancel()
		if err == nil {
			return
		}
	}
	q.t.Logf("wake-up given to the dead letters: %+v: %v", one, err)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.letters++
	q.dead = append(q.dead, sweep.DeadLetter{ID: strconv.Itoa(q.letters), Wakes: []broadcast.Wake{one}})
}

// Receive returns the dead letters.
func (q *Topic) Receive(context.Context) ([]sweep.DeadLetter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.dead), nil
}

// Forget deletes a dead letter.
func (q *Topic) Forget(_ context.Context, letter sweep.DeadLetter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dead = slices.DeleteFunc(q.dead, func(d sweep.DeadLetter) bool { return d.ID == letter.ID })
	return nil
}
