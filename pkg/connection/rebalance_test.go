package connection_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gapless-rooms/gapless/pkg/clock"
	"github.com/gapless-rooms/gapless/pkg/connection"
	"github.com/gapless-rooms/gapless/pkg/storetest/memory"
)

func TestRebalanceCondemnsThoseOfTheBeginningAtAPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewConnections()
		put := func(id string, change func(*connection.Connection)) {
			c := connection.Connection{ID: id, ConnectedAt: time.Now(), CheckAt: time.Now().Add(time.Hour)}
			if change != nil {
				change(&c)
			}
			if err := store.Put(t.Context(), c); err != nil {
				t.Error(err)
			}
		}
		for i := range 100 {
			put(fmt.Sprintf("old-%02d", i), nil)
		}
		put("kicked", func(c *connection.Connection) { c.Sentence = 3503 })
		put("closing", func(c *connection.Connection) { c.Closing = true })
		began := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 20 { // connect while it runs
				time.Sleep(500 * time.Millisecond)
				put(fmt.Sprintf("new-%02d", i), nil)
			}
		}()
		n, err := connection.Rebalance(t.Context(), store, clock.System(), 10)
		if err != nil || n != 100 || time.Since(began) != 10*time.Second {
			t.Errorf("%d in %v, %v", n, time.Since(began), err)
		}
		<-done
		for id, want := range map[string]int{"old-00": 3001, "old-99": 3001, "new-00": 0, "new-19": 0, "kicked": 3503, "closing": 0} {
			if c, err := store.Get(t.Context(), id); err != nil || c.Sentence != want {
				t.Errorf("%s: %+v, %v", id, c, err)
			}
		}
	})
}
