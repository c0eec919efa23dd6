package revocation_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/revocation"
)

// gated is a store whose reads answer one by one, on request.
type gated struct {
	revocation.Store
	mu    sync.Mutex
	reads []chan revocation.List
}

func (g *gated) Revocations(context.Context, int, time.Time) (revocation.List, error) {
	answer := make(chan revocation.List)
	g.mu.Lock()
	g.reads = append(g.reads, answer)
	g.mu.Unlock()
	return <-answer, nil
}

func TestListIsReadAgainWhenItIsOldToTheInstant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(counting)
		guard := revocation.NewGuard(store, clock.System(), time.Hour, 0)
		for _, step := range []struct {
			after time.Duration
			reads int
		}{{0, 1}, {revocation.Every - 1, 1}, {1, 2}} {
			time.Sleep(step.after)
			if _, err := guard.Revoked(t.Context(), "ada", "", time.Now()); err != nil || store.reads != step.reads {
				t.Errorf("%v later: %d reads, want %d; %v", step.after, store.reads, step.reads, err)
			}
		}
	})
}

func TestReadFailsIfAShardDoes(t *testing.T) {
	t.Parallel()
	store := &counting{err: errors.New("broken")}
	if list, err := revocation.NewGuard(store, clock.System(), time.Hour, 0).Read(t.Context()); !errors.Is(err, store.err) || list != nil {
		t.Errorf("got %v, %v", list, err)
	}
}

func TestFourShardsAreReadAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(gated)
		done := make(chan error)
		go func() {
			_, err := revocation.NewGuard(store, clock.System(), time.Hour, 0).Read(t.Context())
			done <- err
		}()
		for answered := range revocation.Shards {
			synctest.Wait()
			if got, want := len(store.reads), min(answered+4, revocation.Shards); got != want {
				t.Fatalf("%d reads with %d answered, want %d", got, answered, want)
			}
			store.reads[answered] <- nil
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A slow read must not undo a revocation that a newer list contains.
func TestSlowReadDoesNotReplaceANewerList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(gated)
		guard := revocation.NewGuard(store, clock.System(), time.Hour, 0)
		issued := time.Now()
		ask := func() chan bool {
			answer := make(chan bool, 1)
			go func() {
				yes, err := guard.Revoked(t.Context(), "ada", "", issued)
				if err != nil {
					t.Error(err)
				}
				answer <- yes
			}()
			synctest.Wait()
			return answer
		}
		old := ask()
		time.Sleep(time.Second)
		fresh := ask()
		store.reads[1] <- revocation.List{{User: "ada", At: issued}}
		if !<-fresh {
			t.Error("not revoked")
		}
		store.reads[0] <- nil
		if <-old {
			t.Error("revoked by an empty list")
		}
		if answer := ask(); len(store.reads) != 2 || !<-answer {
			t.Error("the newer list is gone")
		}
	})
}
